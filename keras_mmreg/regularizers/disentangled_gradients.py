"""Trains each encoder on its own modality, and the head on all."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_mmreg.backend import value_and_input_gradients
from keras_mmreg.interventions import drop_others
from keras_mmreg.network import Network
from keras_mmreg.network.checks import require_all_modalities
from keras_mmreg.network.checks import require_encoders
from keras_mmreg.network.checks import require_no_bypass
from keras_mmreg.ops.half_precision import gradient_scale
from keras_mmreg.ops.half_precision import unscaled_gradient
from keras_mmreg.ops.numerics import at_least_float32
from keras_mmreg.ops.numerics import loss_dtype
from keras_mmreg.regularizers.regularizer import Regularizer
from keras_mmreg.regularizers.training_pass import TrainingPass
from keras_mmreg.types import Tensor


@keras.saving.register_keras_serializable(package="keras_mmreg")
class DisentangledGradients(Regularizer):
    """Keeps the gradient of the fused prediction from the encoders (DGL).

    The head is trained on the features of all modalities, through which no
    gradient passes. Encoder m, with features h_m, is trained by
    `strength * L(f(h_m, 0), y)`, where the other modalities are 0 and the head
    f is not updated. So no encoder depends on another's progress, and no
    encoder learns what only several modalities together can predict. Other
    methods that are combined with this one train only the head, except for the
    information penalties, which still reach the encoders because they do not
    pass through the stopped points. Combining it with methods that train the
    encoders raises a `ValueError`.

    Args:
        strength: Non-negative float, the weight of the loss that trains the
            encoders (the paper's alpha). Defaults to `1.0`.
        **kwargs: See `Regularizer`: `schedule`, `seed`, `name`.

    Raises:
        ValueError: If an argument is out of range, or a modality has no
            encoder before its point: pass `taps`.

    Example:

    >>> DisentangledGradients(strength=2.0).name
    'disentangled'

    References:
        - Wei et al., [Boosting Multimodal Learning via Disentangled Gradient
          Learning](https://arxiv.org/abs/2507.10213), ICCV 2025.
    """

    alias = "disentangled"
    without = ("fraction",)
    search_range = ("strength", 0.5, 5.0)

    def check(self, network: Network, inner: keras.Model) -> None:
        """Checks that there are encoders to train."""
        super().check(network, inner)
        require_all_modalities(network, self.name)
        require_encoders(network, self.name)
        require_no_bypass(network, self.name)

    def log_names_for(self, modalities: list[str]) -> list[str]:
        """Names of the L1 norm of the gradient that trains each encoder.

        The norm is a mean over examples, and thus the same on any number of
        replicas.
        """
        return [f"{self.name}_gradient_{name}" for name in modalities]

    def warnings(self, logs: Mapping[str, float], epoch: int) -> dict[str, str]:
        """Warns of encoders that receive no gradient."""
        names = zip(self.modalities, self.log_names, strict=True)
        return {
            modality: f"The encoder of {modality!r} had no gradient in epoch "
            f"{epoch}, and learns nothing: with the other modalities at 0, the "
            "outputs do not depend on it, as where features are multiplied. "
            f"`{type(self).__name__}` needs a head that tells something from "
            "one modality alone, such as one that concatenates or adds them."
            for modality, name in names
            if logs.get(name) == 0
        }

    def perturb(
        self, points: Mapping[str, Tensor], training_pass: TrainingPass
    ) -> dict[str, Tensor]:
        """Stops the gradient, as soon as the penalty trains the encoders."""
        acts = ops.convert_to_tensor(self.weight(training_pass)) > 0
        return {
            leaf: ops.where(acts, ops.stop_gradient(x), x)
            for leaf, x in points.items()
        }

    def penalty(
        self, training_pass: TrainingPass
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the encoders' own losses, with no gradient for the head."""
        points = training_pass.clean_points
        leaves = training_pass.network.leaves
        terms, sizes = [], {}
        scale: Any = gradient_scale(training_pass.inner)
        if scale != 1.0:  # In a mean, each example's gradient is small.
            scale = scale * ops.cast(training_pass.batch_size, loss_dtype())
        for name, log_name in zip(self.modalities, self.log_names, strict=True):
            own = {
                leaf: at_least_float32(x)
                for leaf, x in points.items()
                if leaves[leaf] == name
            }

            def loss(values: dict[str, Tensor], name: str = name) -> Tensor:
                alone = drop_others({**points, **values}, leaves, name)
                outputs = training_pass.rerun(alone)
                value = ops.reshape(training_pass.task_loss(outputs), (1,))
                return at_least_float32(value) * scale

            value, gradients = value_and_input_gradients(
                loss, {leaf: ops.stop_gradient(x) for leaf, x in own.items()}
            )
            value = value / scale
            # The term has the loss's gradient with respect to the features, and
            # none with respect to the weights of the head.
            # A gradient is None where the loss does not depend on a leaf.
            known = {
                leaf: unscaled_gradient(gradient, scale)
                for leaf, gradient in gradients.items()
                if gradient is not None
            }
            sizes[log_name] = sum(
                (ops.sum(ops.abs(g)) for g in known.values()), ops.zeros(())
            )
            linear = sum(
                (
                    ops.sum(ops.stop_gradient(gradient) * own[leaf])
                    for leaf, gradient in known.items()
                ),
                ops.zeros(()),
            )
            terms.append(
                ops.stop_gradient(value[0]) + linear - ops.stop_gradient(linear)
            )
        return self.weight(training_pass) * sum(terms[1:], terms[0]), sizes
