"""What each method changes of plain training, given its value."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import keras
from keras import layers

from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.problems import Problem
from applications.common.training import Recipe
from applications.comparison.losses import SpectralDecoupling
from keras_mmreg import regularizers
from keras_mmreg.callbacks import BlendingEstimator
from keras_mmreg.callbacks import HeldOut

Value = float | str | None


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
    problem: Problem,
    value: Value,
    names: Mapping[str, str | None],
    **options: Any,
) -> Recipe:
    """Regularizers by name, the value given to an argument of each."""
    return Recipe(
        regularizer=[
            regularizers.ALIASES[name](
                **({argument: value} if argument else {}), **options
            )
            for name, argument in names.items()
        ]
    )


def penalized(
    problem: Problem, value: Value, names: Mapping[str, str | None]
) -> Recipe:
    """Information regularizers: the default, or the paper's at a strength."""
    as_in_paper = {} if value == "auto" else {"bound": "paper"}
    return regularized(problem, value, names, **as_in_paper)


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


def doubting(problem: Problem, value: Value) -> Recipe:
    """Noise and mix, and modalities that do not carry over are shuffled."""
    return Recipe(
        regularizer=[
            regularizers.ModalityNoise(value),
            regularizers.ModalityMix(),
        ],
        callbacks=lambda examples: [
            HeldOut((examples.x, examples.y), doubt=True)
        ],
        holds_out_groups=True,
    )


def noisy_and_dropped(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=[
            regularizers.ModalityNoise(value),
            regularizers.ModalityDropout(),
        ],
        callbacks=held_out,
    )


def shuffled(problem: Problem, value: Value) -> Recipe:
    return Recipe(
        regularizer=regularizers.ModalityShuffle(
            list(problem.suspects), strength=value
        )
    )


def blended(problem: Problem, value: Value) -> Recipe:
    """Gradient-Blending, its weights estimated over a fifth of the epochs.

    With M modalities, offline costs `1 + (M + 1) / 5` plain runs, online
    `M + 2`.
    """
    epochs = max(problem.epochs // 5, 1)
    if value == "equal":
        return Recipe(regularizer="blending")

    def estimator(train: Any, held_out: Any) -> BlendingEstimator:
        return BlendingEstimator(
            (train.x, train.y),
            (held_out.x, held_out.y),
            epochs,
            every=epochs if value == "online" else None,
            batch_size=problem.batch_size,
        )

    return Recipe(regularizer="blending", estimator=estimator)


def trains_by_adam(problem: Problem) -> bool:
    """Whether a row that is another kind of Adam can be compared."""
    return problem.optimizer is keras.optimizers.Adam


def has_suspects(problem: Problem) -> bool:
    return bool(problem.suspects)


def has_encoders(problem: Problem) -> bool:
    """Whether a mask has channels to choose from in every modality."""
    return problem.has_encoders


def complementary(problem: Problem, value: Value) -> Recipe:
    """CM-VQVAE on the problem's encoders; its head sees what is kept.

    Token ids cannot be reconstructed by a squared error: where there are some,
    the mask is on its own (configuration iii of the paper).
    """
    return Recipe(build=partial(masked, strength=value))


def decoder(features: tuple, shape: tuple, hidden: int = 64) -> keras.Model:
    """Two dense layers from features to what a modality is like."""
    inputs = keras.Input(features)
    x = layers.Dense(hidden, activation="relu")(layers.Flatten()(inputs))
    x = layers.Dense(math.prod(shape))(x)
    return keras.Model(inputs, layers.Reshape(shape)(x))


def masked(problem: Problem, strength: float) -> keras.Model:
    """The problem's net with codes, decoders and a mask."""
    encoders, decoders = {}, {}
    for name in problem.modalities:
        tensor = problem.input(name)
        encoder = keras.Model(tensor, problem.encoders[name](tensor))
        encoders[name] = encoder
        decoders[name] = decoder(encoder.output.shape[1:], problem.shapes[name])
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


def of_encoders(
    problem: Problem, value: Value, names: Mapping[str, str | None]
) -> Recipe:
    """The same at the encoders' outputs, for methods that need encoders."""
    return replace(regularized(problem, value, names), taps="auto")
