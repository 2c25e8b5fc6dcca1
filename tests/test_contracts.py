"""What every registered class promises: its arguments are its config."""

import inspect

import keras
import pytest

import keras_mmreg as mmreg

ARGUMENTS = {
    "CodebookPerplexity": {"num_embeddings": 4},
    "CodebookUsage": {"num_embeddings": 4},
    "ModalityShuffle": {"suspects": ["a"]},
    "ReconstructionError": {"weight": 1.0, "variance": None},
    "VectorQuantizer": {"num_embeddings": 4},
}
MODELS = ("CMVQVAE", "RegularizedModel")
"""Made of other models; their own tests ask the same of them."""

CLASSES = sorted(
    (
        cls
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith("keras_mmreg>")
        and cls.__name__ not in MODELS
        and cls.__module__.startswith("keras_mmreg")
    ),
    key=lambda cls: cls.__name__,
)


def create(cls):
    return cls(**ARGUMENTS.get(cls.__name__, {}))


def arguments(cls):
    """The names of all constructors along the inheritance, within reach."""
    for base in cls.__mro__:
        if "__init__" in vars(base) and base.__module__.startswith(
            "keras_mmreg"
        ):
            parameters = inspect.signature(base.__init__).parameters
            yield from (
                name
                for name, each in parameters.items()
                if name != "self" and each.kind is each.POSITIONAL_OR_KEYWORD
            )


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_argument_survives_a_round_trip(cls):
    instance = create(cls)
    config = instance.get_config()
    assert not set(arguments(cls)) - set(config)
    serialized = keras.saving.serialize_keras_object(instance)
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is cls
    assert copy.get_config() == config


@pytest.mark.parametrize(
    "cls",
    [*mmreg.regularizers.ALIASES.values(), mmreg.schedules.LinearRamp],
    ids=lambda cls: cls.__name__,
)
def test_repr_is_the_call_that_makes_it(cls):
    assert repr(create(cls)) == f"{cls.__name__}()"


def test_repr_shows_what_is_not_the_default():
    ramp = mmreg.schedules.LinearRamp(start=2)
    assert repr(ramp) == "LinearRamp(start=2)"
    fisher = mmreg.regularizers.FisherInformation(0.1, bound="paper")
    assert repr(fisher) == "FisherInformation(strength=0.1, bound='paper')"
    noise = mmreg.regularizers.ModalityNoise(schedule=ramp)
    assert repr(noise) == "ModalityNoise(schedule=LinearRamp(start=2))"


def test_layers_show_their_settings():
    quantizer = mmreg.layers.VectorQuantizer(8, num_groups=2)
    assert repr(quantizer) == "VectorQuantizer(num_embeddings=8, num_groups=2)"
    mask = mmreg.layers.ComplementarityMask(strength=0.5)
    assert repr(mask) == "ComplementarityMask(strength=0.5)"


def positions(function):
    return [n for n in inspect.signature(function).parameters if n != "self"]


@pytest.mark.parametrize(
    "siblings",
    [
        (
            mmreg.callbacks.ShuffledModalityLogger,
            mmreg.callbacks.InformationLogger,
            mmreg.callbacks.ReportLogger,
        ),
        (
            mmreg.regularizers.FisherInformation,
            mmreg.regularizers.PoincareInformation,
            mmreg.regularizers.FunctionalEntropy,
            mmreg.regularizers.FunctionalVariance,
        ),
    ],
    ids=["loggers", "penalties"],
)
def test_siblings_order_their_arguments_alike(siblings):
    orders = [positions(sibling.__init__) for sibling in siblings]
    for first in orders:
        for second in orders:
            shared = [name for name in first if name in second]
            assert shared == [name for name in second if name in first]


def test_all_classes_are_looked_at():
    assert len(CLASSES) >= 20
