"""The rows of the table: every method, and the three values it may take."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.problems import Problem
from applications.common.training import Recipe
from applications.comparison.losses import SpectralDecoupling
from keras_mmreg import regularizers
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import cm_vqvae

Value = float | str | None


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


def plain(problem: Problem, value: Value) -> Recipe:
    return Recipe()


def amsgrad(problem: Problem, value: Value) -> Recipe:
    return Recipe(optimizer=partial(keras.optimizers.Adam, amsgrad=True))


def weight_decay(problem: Problem, value: Value) -> Recipe:
    return Recipe(optimizer=partial(keras.optimizers.AdamW, weight_decay=value))


def label_smoothing(problem: Problem, value: Value) -> Recipe:
    loss = partial(
        keras.losses.CategoricalCrossentropy,
        from_logits=True,
        label_smoothing=value,
    )
    return Recipe(loss=loss, one_hot=True)


def spectral_decoupling(problem: Problem, value: Value) -> Recipe:
    return Recipe(loss=partial(SpectralDecoupling, value))


def ensemble(problem: Problem, value: Value) -> Recipe:
    return Recipe(ensemble=True)


def regularized(
    problem: Problem, value: Value, names: Mapping[str, str | None]
) -> Recipe:
    """Regularizers by name, the value given to an argument of each."""
    return Recipe(
        regularizer=[
            regularizers.ALIASES[name](
                **({argument: value} if argument else {})
            )
            for name, argument in names.items()
        ]
    )


def held_out(examples: Any) -> list:
    """Measures the gate on examples that are not trained on."""
    return [HeldOut((examples.x, examples.y))]


def noisy(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=regularizers.ModalityNoise(value), callbacks=held_out
    )


def mixed(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=regularizers.ModalityMix(value), callbacks=held_out
    )


def noisy_and_mixed(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=[
            regularizers.ModalityNoise(value),
            regularizers.ModalityMix(),
        ],
        callbacks=held_out,
    )


def shuffled(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=regularizers.ModalityShuffle(
            list(problem.suspects), strength=value
        )
    )


def has_suspects(problem: Problem) -> bool:
    return bool(problem.suspects)


def has_encoders(problem: Problem) -> bool:
    """Whether a mask has channels to choose from in every modality."""
    return problem.name != "colored_mnist_raw"


def complementary(problem: Problem, value: Value) -> Recipe:
    """CM-VQVAE on the problem's encoders; its head sees what is kept.

    Token ids cannot be reconstructed by a squared error: where there are some,
    the mask is on its own (configuration iii of the paper).
    """
    return Recipe(build=partial(masked, strength=value))


def masked(problem: Problem, strength: float) -> keras.Model:
    """The problem's net with codes, decoders and a mask."""
    encoders, decoders = {}, {}
    for name in problem.modalities:
        tensor = problem.input(name)
        encoder = keras.Model(tensor, problem.encoders[name](tensor))
        encoders[name] = encoder
        decoders[name] = cm_vqvae.vector_decoder(
            encoder.output.shape[1:], problem.shapes[name], 64
        )
    features = [encoder.output.shape[1:] for encoder in encoders.values()]
    joined = keras.Input((*features[0][:-1], sum(s[-1] for s in features)))
    reconstructs = not problem.vocabularies
    model = create_cm_vqvae(
        "cm_vqvae" if reconstructs else "config_iii",
        encoders=encoders,
        decoders=decoders if reconstructs else {},
        head=keras.Model(joined, problem.head(joined)),
        num_embeddings=64,
        quantizer_options={"num_groups": 8},
        mask_options={"strength": strength, "clip": (0.0, 0.2)},
        **({"reconstruction_weight": 0.1} if reconstructs else {}),
    )
    model.build({name: (None, *s) for name, s in problem.shapes.items()})
    return model


def of_regularizer(
    name: str, title: str, argument: str, values: tuple, **kwargs: Any
) -> Method:
    """A method that is one regularizer."""
    return Method(
        name,
        title,
        partial(regularized, names={name: argument}),
        argument,
        values,
        needs=(name,),
        **kwargs,
    )


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("plain", "plain", plain, group="control"),
        Method("amsgrad", "AMSGrad", amsgrad, group="control"),
        Method(
            "weight_decay",
            "weight decay",
            weight_decay,
            "weight_decay",
            (0.01, 0.03, 0.1),
            group="control",
        ),
        Method(
            "label_smoothing",
            "label smoothing",
            label_smoothing,
            "label_smoothing",
            (0.05, 0.1, 0.2),
            group="control",
        ),
        Method(
            "spectral_decoupling",
            "spectral decoupling",
            spectral_decoupling,
            "strength",
            (1e-3, 1e-2, 1e-1),
            group="control",
        ),
        Method(
            "ume",
            "ensemble of single modalities",
            ensemble,
            group="control",
        ),
        of_regularizer(
            "fisher",
            "Fisher information",
            "strength",
            ("auto", 1e-3, 1e-1),
            group="paper",
        ),
        of_regularizer(
            "poincare",
            "Poincaré",
            "strength",
            ("auto", 1e-3, 1e-1),
            group="paper",
        ),
        of_regularizer(
            "entropy",
            "functional entropy",
            "strength",
            ("auto", 1e-4, 1e-2),
            group="paper",
        ),
        of_regularizer(
            "variance",
            "functional variance",
            "strength",
            ("auto", 1e-4, 1e-2),
            group="paper",
        ),
        Method("noise", "noise", noisy, "scale", (0.5, 1.0, 1.5)),
        Method("mix", "mix", mixed, "strength", (0.3, 1.0, 3.0)),
        Method(
            "noise_mix",
            "noise + mix",
            noisy_and_mixed,
            "scale",
            (0.5, 1.0, 1.5),
        ),
        Method(
            "shuffle",
            "suspect shuffled",
            shuffled,
            "strength",
            (0.3, 1.0, 3.0),
            applies=has_suspects,
        ),
        of_regularizer("dropout", "dropout", "rate", (0.1, 0.2, 0.4)),
        of_regularizer(
            "unimodal", "unimodal loss", "strength", (0.25, 1.0, 4.0)
        ),
        of_regularizer(
            "dependence", "dependence", "strength", (0.003, 0.01, 0.03)
        ),
        Method(
            "cm_vqvae",
            "CM-VQVAE",
            complementary,
            "strength",
            (1e-3, 3e-3, 1e-2),
            applies=has_encoders,
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
