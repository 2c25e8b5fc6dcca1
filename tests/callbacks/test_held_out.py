import numpy as np
import pytest

from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from tests import toys


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_no_part_is_empty(fraction):
    for size in (2, 3, 20):
        x, y = {"a": np.arange(size), "b": None}, np.arange(size)
        train, held = HeldOut.split(x, y, fraction=fraction)
        assert len(train[1]) > 0 and len(held[1]) > 0
        np.testing.assert_array_equal(train[0]["a"], train[1])
        np.testing.assert_array_equal(held[0]["a"], held[1])


@pytest.mark.parametrize(
    "x, y, message",
    [
        (
            {"a": np.ones((40, 3))},
            np.ones(20),
            r"same length. Received: lengths of \[40\] in `x` and \[20\]",
        ),
        (
            {"a": np.ones((40, 3)), "b": np.ones((30, 3))},
            np.ones(40),
            r"lengths of \[30, 40\] in `x`",
        ),
        ({"a": [[1.0, 2.0]] * 4}, np.ones(4), r"lengths of \[0\] in `x`"),
        (np.ones((1, 3)), np.ones(1), "at least two examples"),
        (np.ones((0, 3)), np.ones(0), "at least two examples"),
    ],
)
def test_data_that_cannot_be_split(x, y, message):
    with pytest.raises(ValueError, match=message):
        HeldOut.split(x, y)


@pytest.mark.once
def test_errors_show_before_training():
    """Labels of another shape than the outputs."""
    model = RegularizedModel(toys.two_modalities(), "mix")
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    wrong = (x, np.ones((len(y), 7), "float32"))
    with pytest.raises(ValueError, match=r"labels of shape .* \(16, 7\)"):
        model.fit(x, y, callbacks=[HeldOut(wrong)], verbose=0)
    assert int(model.step.numpy()) == 0
