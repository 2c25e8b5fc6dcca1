"""The JAX side of the backend seam."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import keras
from jax.custom_derivatives import SymbolicZero

from keras_mmreg.backend.keras_internals import forget_losses
from keras_mmreg.backend.keras_internals import restore_value
from keras_mmreg.backend.keras_internals import surrounding_updates
from keras_mmreg.backend.keras_internals import value_of
from keras_mmreg.types import Tensor


def value_and_input_gradients(
    function: Callable[[dict[str, Tensor]], Tensor],
    inputs: dict[str, Tensor],
) -> tuple[Tensor, dict[str, Tensor | None]]:
    """Returns values of `function`, and their sum's gradient by each input.

    Args:
        function: Maps `inputs` to a tensor of values.
        inputs: Dict of float tensors.

    Returns:
        The values and a dict of gradients, `None` where `function` does not
        depend on an input. Both can be differentiated again.
    """
    function = _without_updates(function)
    # Weights reach `function` by closure, and custom derivatives ignore
    # closed-over values.
    pure_function, weights = jax.closure_convert(function, inputs)
    values, gradients = _with_fast_derivative(pure_function, inputs, weights)
    return values, {
        name: gradient if _depends_on(function, inputs, name) else None
        for name, gradient in gradients.items()
    }


def _without_updates(
    function: Callable[[dict[str, Tensor]], Tensor],
) -> Callable[[dict[str, Tensor]], Tensor]:
    """Returns the function without its updates of Keras variables.

    The next seed of a layer that draws random numbers belongs to the
    derivative's trace and must not outlive it.
    """

    def pure_function(inputs: dict[str, Tensor]) -> Tensor:
        scope = keras.StatelessScope(initialize_variables=False)
        scope.state_mapping.update(surrounding_updates())
        with scope:
            return function(inputs)

    return pure_function


def _value_and_gradients(
    function: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    weights: list[Tensor],
) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the values, and the gradient of their sum by the inputs."""
    values, pullback = jax.vjp(lambda x: function(x, *weights), inputs)
    (gradients,) = pullback(jax.numpy.ones_like(values))
    return values, gradients


def _forward(
    function: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    weights: list[Tensor],
) -> tuple[tuple, tuple]:
    return _value_and_gradients(function, inputs, weights), (inputs, weights)


def _backward(
    function: Callable[..., Tensor], residuals: tuple, cotangents: tuple
) -> tuple:
    """Differentiates in reverse mode over forward mode.

    Reverse mode over reverse mode would lead to derivatives of transposed
    convolutions, which XLA computes several times slower on the CPU than those
    of convolutions. Because `v . grad f` is the derivative of f in direction v,
    reverse mode over forward mode gives its gradient, too, unless a layer has a
    `custom_vjp`, which does not support forward mode.
    """
    value_cotangents, direction = cotangents

    def values_and_slopes(
        inputs: dict[str, Tensor], weights: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        return jax.jvp(lambda x: function(x, *weights), (inputs,), (direction,))

    try:
        (_, slopes), pullback = jax.vjp(values_and_slopes, *residuals)
    except (NotImplementedError, TypeError):
        in_reverse = partial(_value_and_gradients, function)
        return jax.vjp(in_reverse, *residuals)[1](cotangents)
    return pullback((value_cotangents, jax.numpy.ones_like(slopes)))


_with_fast_derivative = jax.custom_vjp(
    _value_and_gradients, nondiff_argnums=(0,)
)
_with_fast_derivative.defvjp(_forward, _backward)


def _depends_on(
    function: Callable[[dict[str, Tensor]], Tensor],
    inputs: dict[str, Tensor],
    name: str,
) -> bool:
    """Returns whether a tangent of one input reaches `function`'s values.

    JAX fills the gradient of an unused input with zeros, which a penalty could
    not distinguish from a modality that happens to be uninformative. A symbolic
    zero distinguishes them; nothing is computed, only traced.
    """
    reached = False

    @jax.custom_jvp
    def probe(values: Tensor) -> Tensor:
        return values

    def probe_jvp(primals: tuple, tangents: tuple) -> tuple:
        nonlocal reached
        reached = not isinstance(tangents[0], SymbolicZero)
        return primals[0], primals[0]

    probe.defjvp(probe_jvp, symbolic_zeros=True)

    def directional_derivative(tensor: Tensor) -> tuple:
        return jax.jvp(
            lambda tensor: probe(function({**inputs, name: tensor})),
            (tensor,),
            (tensor,),
        )

    jax.eval_shape(directional_derivative, inputs[name])
    return reached


class TrainStep:
    """Adds `training_logs()` to the logs of Keras's own `train_step`."""

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """Runs a step's forward pass, in a trace of its own."""
        forget_losses(self)  # type: ignore[arg-type]
        return super().stateless_call(*args, **kwargs)  # type: ignore[misc]

    def train_step(self, state: tuple, data: Any) -> tuple[dict, tuple]:
        """Runs Keras's train step and adds the logs of training alone."""
        logs, state = super().train_step(state, data)  # type: ignore[misc]
        metrics_variables = state[3]
        mapping = zip(self.metrics_variables, metrics_variables, strict=True)  # type: ignore[attr-defined]
        with keras.StatelessScope(state_mapping=list(mapping)):
            training_logs = self.training_logs()  # type: ignore[attr-defined]
        return {**logs, **training_logs}, state


@contextmanager
def kept_variables(model: keras.Model) -> Iterator[None]:
    """Restores the variables if the code inside raises in its first step.

    Keras takes the values out of the variables while it trains or evaluates,
    and an error in the first step would leave the variables without values.
    """
    variables = [*model.variables, *model.metrics_variables]
    if getattr(model, "optimizer", None) is not None:
        variables += model.optimizer.variables
    values = [variable.value for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in zip(variables, values, strict=True):
            # A step that has run has donated its buffers.
            if value_of(variable) is None and not value.is_deleted():
                restore_value(variable, value)
        raise


def has_gpu() -> bool:
    """Whether JAX computes on a GPU."""
    return jax.default_backend() == "gpu"


def sum_over_batch(x: Tensor) -> Tensor:
    """Returns the sum over the first axis, which is kept with size 1.

    On CPUs, XLA adds up the examples coordinate by coordinate, against the
    memory order. A product with ones takes a tenth of the time.
    """
    rows = x.reshape((x.shape[0], -1))
    ones = jax.numpy.ones((1, x.shape[0]), x.dtype)
    # Otherwise, products on GPUs would lose half of their digits.
    sums = jax.numpy.matmul(ones, rows, precision=jax.lax.Precision.HIGHEST)
    return sums.reshape((1, *x.shape[1:]))


def sum_over_replicas(x: Tensor) -> Tensor:
    """Returns `x`: a batch spread over devices is still one global array."""
    return x


def sum_over_previous_replicas(x: Tensor) -> Tensor:
    """Returns 0: a batch spread over devices is still one global array."""
    return jax.numpy.zeros_like(x)


def num_replicas() -> int:
    """Returns 1: a batch spread over devices is still one global array."""
    return 1


def replica_id() -> int:
    """Returns 0: a batch spread over devices is still one global array."""
    return 0


def detach_updates(variables: Iterable[keras.Variable]) -> None:
    """Lets no gradient pass through the updates of variables.

    Whoever reads a variable later in a step, such as the moving statistics of
    batch normalization, gets the update itself, and a gradient with respect to
    what it was computed from.
    """
    updates = surrounding_updates()
    for variable in variables:
        if id(variable) in updates:  # Unlike `value`, in its own dtype.
            variable.assign(jax.lax.stop_gradient(updates[id(variable)]))


def unscaled_loss(loss: Tensor) -> Tensor:
    """Returns `loss`: Keras does not divide it by the number of replicas."""
    return loss


def before_gradients(loss: Tensor) -> Tensor:
    """Returns `loss`: JAX keeps the order of reads and updates."""
    return loss
