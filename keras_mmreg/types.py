"""Type aliases. A tensor is `Any`: no backend is imported for a type."""

from collections.abc import Mapping
from typing import Any

Tensor = Any
"""A tensor of the running backend, or anything Keras converts to one."""

Modalities = Mapping[str, Tensor]
"""One tensor for each named modality."""
