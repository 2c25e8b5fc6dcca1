"""RML: six acted emotions as faces and voices."""

from keras_mmreg.datasets.rml.clips import EMOTIONS as RML_EMOTIONS
from keras_mmreg.datasets.rml.loading import RML
from keras_mmreg.datasets.rml.loading import load_rml

__all__ = ["RML", "RML_EMOTIONS", "load_rml"]
