"""The rows of the table: every method, and the three values it may take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from applications.common.problems import Problem
from applications.common.training import Recipe
from applications.comparison import recipes
from applications.comparison.recipes import Value
from keras_mmreg import regularizers


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name: What options and results call it.
        title: What tables call it.
        recipe: A function of the problem and of the value.
        option: The name of the hyperparameter.
        values: What it may be, the weakest first; without any, the method has
            nothing to choose.
        needs: The names of the regularizers that it is made of.
        applies: A function of the problem: whether the method can be used.
        group: `"control"`, `"paper"` or `"method"`.
    """

    name: str
    title: str
    recipe: Callable[[Problem, Value], Recipe]
    option: str = ""
    values: tuple[Value, ...] = (None,)
    needs: tuple[str, ...] = ()
    applies: Callable[[Problem], bool] = lambda problem: True
    group: str = "method"


def of_regularizer(
    name: str,
    title: str,
    argument: str,
    values: tuple,
    recipe: Callable[..., Recipe] = recipes.regularized,
    **kwargs: Any,
) -> Method:
    """A method that is one regularizer."""
    return Method(
        name,
        title,
        partial(recipe, names={name: argument}),
        argument,
        values,
        needs=(name,),
        **kwargs,
    )


of_penalty = partial(
    of_regularizer,
    argument="strength",
    recipe=recipes.penalized,
    group="paper",
)
"""A method that is one of the penalties of Gat et al. (2020)."""

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("plain", "plain", recipes.plain, group="control"),
        Method(
            "amsgrad",
            "AMSGrad",
            recipes.amsgrad,
            applies=recipes.trains_by_adam,
            group="control",
        ),
        Method(
            "weight_decay",
            "weight decay",
            recipes.weight_decay,
            "weight_decay",
            (0.01, 0.03, 0.1),
            applies=recipes.trains_by_adam,
            group="control",
        ),
        Method(
            "label_smoothing",
            "label smoothing",
            recipes.label_smoothing,
            "label_smoothing",
            (0.05, 0.1, 0.2),
            group="control",
        ),
        Method(
            "spectral_decoupling",
            "spectral decoupling",
            recipes.spectral_decoupling,
            "strength",
            (1e-3, 1e-2, 1e-1),
            group="control",
        ),
        Method(
            "ume",
            "ensemble of single modalities",
            recipes.ensemble,
            group="control",
        ),
        of_penalty("fisher", "Fisher information", values=("auto", 1e-3, 1e-1)),
        of_penalty(
            "poincare", "Poincaré information", values=("auto", 1e-3, 1e-1)
        ),
        of_penalty(
            "entropy", "functional entropy", values=("auto", 1e-4, 1e-2)
        ),
        of_penalty(
            "variance", "functional variance", values=("auto", 1e-4, 1e-2)
        ),
        Method("noise", "noise", recipes.noisy, "scale", (0.5, 1.0, 1.5)),
        Method("mix", "mix", recipes.mixed, "strength", (0.3, 1.0, 3.0)),
        Method(
            "noise_mix",
            "noise + mix",
            recipes.noisy_and_mixed,
            "scale",
            (0.5, 1.0, 1.5),
        ),
        Method(
            "noise_mix_doubt",
            "noise + mix, a group held out, doubt",
            recipes.doubting,
            "scale",
            (0.5, 1.0, 1.5),
        ),
        Method(
            "noise_dropout",
            "noise + dropout",
            recipes.noisy_and_dropped,
            "scale",
            (0.5, 1.0, 1.5),
        ),
        Method(
            "shuffle",
            "suspect shuffled",
            recipes.shuffled,
            "strength",
            (0.3, 1.0, 3.0),
            applies=recipes.has_suspects,
        ),
        of_regularizer("dropout", "dropout", "rate", (0.1, 0.2, 0.4)),
        of_regularizer(
            "unimodal", "unimodal loss", "strength", (0.25, 1.0, 4.0)
        ),
        Method(
            "blending",
            "Gradient-Blending",
            recipes.blended,
            "estimate",
            ("equal", "offline", "online"),
        ),
        of_regularizer(
            "dependence", "dependence", "strength", (0.003, 0.01, 0.03)
        ),
        of_regularizer(
            "disentangled",
            "disentangled gradients (DGL)",
            "strength",
            (1.0, 2.0, 5.0),
            recipe=recipes.of_encoders,
            applies=recipes.has_encoders,
        ),
        of_regularizer(
            "modulation",
            "gradient modulation (OGM-GE)",
            "alpha",
            (0.1, 0.3, 0.8),
            recipe=recipes.of_encoders,
            applies=recipes.has_encoders,
        ),
        of_regularizer(
            "prototypes",
            "prototypes (PMR)",
            "strength",
            (0.3, 1.0, 3.0),
            recipe=recipes.of_encoders,
            applies=recipes.has_encoders,
        ),
        Method(
            "cm_vqvae",
            "CM-VQVAE",
            recipes.complementary,
            "strength",
            (1e-3, 3e-3, 1e-2),
            applies=recipes.has_encoders,
            group="paper",
        ),
    )
}
"""Every row by its name, controls first."""


def available() -> list[str]:
    """The methods whose regularizers exist."""
    return [
        name
        for name, method in METHODS.items()
        if set(method.needs) <= set(regularizers.ALIASES)
    ]
