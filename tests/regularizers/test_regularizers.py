import keras
import numpy as np
import pytest

from keras_mmreg import regularizers
from keras_mmreg.schedules import LinearRamp
from tests.toys import array
from tests.toys import tensor

ALL = [
    regularizers.FisherInformation,
    regularizers.PoincareInformation,
    regularizers.FunctionalEntropy,
    regularizers.FunctionalVariance,
]
INFORMATION = {"audio": 0.5, "image": 2.0}


@pytest.mark.parametrize("cls", ALL)
class TestContract:
    def test_config_round_trip(self, cls):
        regularizer = cls(
            strength=0.3,
            reduction="negative_log",
            num_samples=5,
            stddev={"audio": 0.1, "image": "example"},
            perturbation="joint",
            cross_entropy="reversed",
            bound="gaussian",
            epsilon=1e-5,
            floor=1e-2,
            fraction=0.5,
            schedule=LinearRamp(1, 2),
        )
        config = keras.saving.serialize_keras_object(regularizer)
        copy = keras.saving.deserialize_keras_object(config)
        assert type(copy) is cls
        assert copy.get_config() == regularizer.get_config()
        assert regularizers.get(config).strength == 0.3

    @pytest.mark.parametrize(
        "reduction, expected",
        [
            ("inverse_sum", 1 / 2.5),
            ("inverse_norm", np.hypot(2.0, 0.5)),
            ("sum_of_inverse", 2.5),
            ("negative_log", 0.0),
        ],
    )
    def test_reduce(self, cls, reduction, expected):
        regularizer = cls(reduction=reduction, floor=1e-9)
        reduced = float(regularizer.reduce(INFORMATION))
        assert reduced == pytest.approx(expected, abs=1e-6)

    def test_it_is_capped(self, cls):
        reduced = cls(floor=1e-3).reduce({"audio": 0.0})
        assert float(reduced) == pytest.approx(1000.0)

    @pytest.mark.parametrize(
        "argument, value",
        [
            ("strength", -1.0),
            ("strength", float("nan")),
            ("strength", float("inf")),
            ("strength", "high"),
            ("strength", True),
            ("fraction", 0.0),
            ("fraction", 1.5),
            ("fraction", "half"),
            ("fraction", None),
            ("reduction", "mean"),
            ("num_samples", 0),
            ("num_samples", 2.5),
            ("stddev", "channel"),
            ("stddev", -0.1),
            ("stddev", np.ones(3)),
            ("stddev", {"audio": "loud"}),
            ("perturbation", "random"),
            ("cross_entropy", "forward"),
            ("bound", "tight"),
            ("stddev", None),
            ("num_samples", None),
            ("schedule", "linear"),
            ("epsilon", 0.0),
            ("floor", 0.0),
            ("epsilon", 1e-30),
            ("floor", "auto"),
        ],
    )
    def test_bad_arguments(self, cls, argument, value):
        with pytest.raises(ValueError, match=f"`{argument}`"):
            cls(**{argument: value})


def test_get():
    assert type(regularizers.get("poincare")) is ALL[1]
    regularizer = ALL[0](0.7)
    assert regularizers.get(regularizer) is regularizer
    for unknown in ("fischer", None, 3):
        with pytest.raises(ValueError, match="`regularizer` must be one of"):
            regularizers.get(unknown)


def test_sampled_regularizers_need_two_samples():
    for cls in ALL[2:]:
        with pytest.raises(ValueError, match="at least 2"):
            cls(num_samples=1)


def test_samples_are_averaged():
    gradients = tensor([[1.0], [2.0], [3.0], [4.0]])
    values = tensor([[1.0, 2.0], [3.0, 4.0]])
    fisher = ALL[0](num_samples=2, bound="paper").information(
        values, gradients, 1.0
    )
    np.testing.assert_allclose(
        array(fisher), [(1 / 1 + 9 / 3) / 2, (4 / 2 + 16 / 4) / 2], rtol=1e-5
    )
    poincare = ALL[1](num_samples=2, bound="paper").information(
        values, gradients, 1.0
    )
    np.testing.assert_allclose(array(poincare), [5.0, 10.0], rtol=1e-5)


def test_strength_from_authors():
    convert = regularizers.strength_from_authors
    assert convert(1e-10, 100, 10) == pytest.approx(1e-4)
    options = {"num_classes": 5, "positions": 49}
    assert convert(1e-10, 100, 10, **options) == pytest.approx(25 * 49e-4)
    actual = convert(1e-10, 100, 10, "fisher", **options)
    assert actual == pytest.approx(5 * 49e-4)
    with pytest.raises(ValueError, match="`information`"):
        convert(1e-10, 100, 10, "entropy")


def test_a_regularizer_of_ones_own():
    class Nothing(regularizers.InformationRegularizer):
        pass

    with pytest.raises(NotImplementedError, match="`information`"):
        Nothing().information(None, None, None)
