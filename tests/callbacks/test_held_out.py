import keras
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


@pytest.mark.once
def test_weights_go_with_their_examples():
    y = np.arange(20)
    train, held = HeldOut.split(
        {"a": y}, y, sample_weight=(2.0 * y).tolist(), groups=y // 5
    )
    assert len(held[1]) == 5 and len(train[1]) == 15
    for x, labels, weight in (train, held):
        np.testing.assert_array_equal(x["a"], labels)
        np.testing.assert_array_equal(weight, 2.0 * labels)
    _, held = HeldOut.split({"a": y}, [y, y], sample_weight=[2.0 * y, 3.0 * y])
    np.testing.assert_array_equal(held[2], [2.0 * held[1][0], 3.0 * held[1][1]])
    with pytest.raises(ValueError, match=r"\[19\] in `sample_weight`"):
        HeldOut.split({"a": y}, y, sample_weight=np.ones(19))
    with pytest.raises(TypeError):  # Groups or weights? It must be said.
        HeldOut.split({"a": y}, y, y // 5)


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
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((16, 7), "float32"), r"labels of shape .* \(16, 7\)"),
        (np.full(16, 3), r"labels from 0 to 2, .* labels from 3 to 3"),
        (np.array(["red", "blue"] * 8), "integers.* labels such as 'red'"),
    ],
)
def test_errors_show_before_training(labels, message):
    model = RegularizedModel(toys.two_modalities(), "mix")
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    with pytest.raises(ValueError, match=message):
        model.fit(x, y, callbacks=[HeldOut((x, labels))], verbose=0)
    assert int(model.step.numpy()) == 0


@pytest.mark.once
@pytest.mark.parametrize("kind", ["weight", "validation", "dataset"])
def test_data_that_say_nothing_change_no_gate(kind):
    inner = toys.linear(None)
    x, y = toys.data(inner, 64)
    x["audio"] += 3 * np.eye(3, 4, dtype="float32")[y]
    model = RegularizedModel(inner, "mix", seed=0)
    model.compile("adam", toys.LOGITS_LOSS)
    data = (x, y, np.zeros(64))
    if kind == "dataset":  # Of one class.
        data = Batches({n: v[y == 1] for n, v in x.items()}, y[y == 1])
    callbacks = [] if kind == "validation" else [HeldOut(data)]
    validation = data if kind == "validation" else None
    with pytest.warns(UserWarning, match="do not tell what") as caught:
        model.fit(
            x,
            y,
            batch_size=8,
            epochs=3,
            callbacks=callbacks,
            validation_data=validation,
            verbose=0,
        )
    told = [w for w in caught if "do not tell what" in str(w.message)]
    assert len(told) == 1
    assert not any("changed nothing" in str(w.message) for w in caught)
    assert float(model.gate.held_out.numpy()) == 0
    assert model.gate.values.numpy()[0] > 0


class Batches(keras.utils.PyDataset):
    """A dataset of one batch."""

    def __init__(self, x, y):
        super().__init__()
        self.batch = (x, y)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch
