import keras
import numpy as np
import pytest

from keras_mmreg.models import RegularizedModel
from keras_mmreg.report.interventions import Change
from keras_mmreg.report.interventions import Window
from keras_mmreg.report.interventions import modality_leaves
from keras_mmreg.report.interventions import shuffle
from tests import toys


def window(x, leaves, y=None):
    return Window(x, y, None, leaves, seed=[0, 0])


def text_and_audio(size=40):
    rng = np.random.default_rng(0)
    x = {
        "text": {
            "ids": np.arange(size, dtype="int32")[:, np.newaxis],
            "mask": np.arange(size, dtype="float32")[:, np.newaxis],
        },
        "audio": rng.normal(3.0, 2.0, (size, 5)).astype("float32"),
    }
    return x, {"audio": [0], "text": [1, 2]}


def test_inputs_under_one_prefix_are_one_modality():
    x, leaves = text_and_audio()
    model = keras.Sequential()  # Which does not know its inputs.
    assert modality_leaves(model, x) == leaves
    named = modality_leaves(model, x, ["text/ids"])
    assert named == {"text/ids": [1]}


@pytest.mark.parametrize("wrap", [lambda m: m, RegularizedModel])
def test_lists_are_named_by_the_model(wrap):
    inner = toys.two_modalities()
    listed = keras.Model(inner.inputs, inner.outputs)
    x = [np.ones((2, *tensor.shape[1:])) for tensor in listed.inputs]
    assert modality_leaves(wrap(listed), x) == {"audio": [0], "image": [1]}


@pytest.mark.parametrize("modalities", [[], ["video"], ["aud"]])
def test_unknown_modalities(modalities):
    x, _ = toys.data(toys.linear())
    with pytest.raises(ValueError, match=r"one of \['audio', 'image'\]"):
        modality_leaves(toys.linear(), x, modalities)


def test_shuffling_keeps_values_and_the_other_inputs():
    x, leaves = text_and_audio()
    result = shuffle(x, leaves["text"], seed=1)
    assert result["audio"] is x["audio"]
    ids = result["text"]["ids"]
    np.testing.assert_array_equal(ids, result["text"]["mask"])
    np.testing.assert_array_equal(np.sort(ids, axis=0), x["text"]["ids"])
    assert not np.array_equal(ids, x["text"]["ids"])


def test_batches_of_a_shuffled_window_are_one_permutation():
    x, leaves = text_and_audio()
    held = window(x, leaves)
    changes = {"text": Change("shuffle")}
    parts = [
        held.batch(changes, start, start + 10) for start in range(0, 40, 10)
    ]
    ids = np.concatenate([part["text"]["ids"] for part in parts])
    mask = np.concatenate([part["text"]["mask"] for part in parts])
    np.testing.assert_array_equal(ids, mask)
    np.testing.assert_array_equal(np.sort(ids, axis=0), x["text"]["ids"])
    audio = np.concatenate([part["audio"] for part in parts])
    np.testing.assert_array_equal(audio, x["audio"])
    other = held.batch({"text": Change("shuffle", 1)}, 0, 40)
    assert not np.array_equal(other["text"]["ids"], ids)


def test_two_modalities_are_shuffled_in_different_orders():
    rows = np.arange(40.0, dtype="float32")
    held = window({"a": rows, "b": rows}, {"a": [0], "b": [1]})
    changes = dict.fromkeys("ab", Change("shuffle"))
    result = held.batch(changes, 0, 40)
    assert not np.array_equal(result["a"], result["b"])


def test_missing():
    x, leaves = text_and_audio()
    held = window(x, leaves)
    zero = held.batch({"text": Change("zero")}, 0, 40)["text"]
    assert not zero["ids"].any() and zero["ids"].dtype == "int32"
    mean = held.batch(dict.fromkeys(leaves, Change("mean")), 0, 40)
    assert not mean["text"]["ids"].any()
    np.testing.assert_allclose(
        mean["audio"][7], x["audio"].mean(axis=0), rtol=1e-5
    )
    strings = np.array([b"a", b"b"], object)
    empty = window({"s": strings}, {"s": [0]})
    assert empty.batch({"s": Change("zero")}, 0, 2)["s"].tolist() == [b"", b""]


def test_noise_has_the_scale_of_the_data():
    x = {"audio": np.random.default_rng(0).normal(3, 2, (4000, 2))}
    held = window(x, {"audio": [0]})
    noise = held.batch({"audio": Change("noise")}, 0, 4000)["audio"]
    np.testing.assert_allclose(noise.mean(axis=0), 3.0, atol=0.15)
    np.testing.assert_allclose(noise.std(axis=0), 2.0, rtol=0.05)
    jitter = held.batch({"audio": Change("jitter", 0.5)}, 0, 4000)["audio"]
    np.testing.assert_allclose((jitter - x["audio"]).std(), 1.0, rtol=0.05)
    again = held.batch({"audio": Change("jitter", 0.5)}, 0, 4000)["audio"]
    np.testing.assert_array_equal(jitter, again)


def test_a_reference_is_the_same_for_all():
    x, leaves = text_and_audio()
    held = window(x, leaves)
    changes = dict.fromkeys(leaves, Change("reference", 3))
    parts = [held.batch(changes, start, start + 20) for start in (0, 20)]
    ids = np.concatenate([part["text"]["ids"] for part in parts])
    assert len(np.unique(ids)) == 1
    np.testing.assert_array_equal(parts[0]["audio"][0], x["audio"][ids[0, 0]])


def test_floats_are_cast_as_predict_casts_them():
    held = window({"a": np.ones((2, 2)), "b": None}, {"a": [0], "b": [1]})
    batch = held.batch({"b": Change("zero")}, 0, 2)
    assert batch["a"].dtype == "float32" and batch["b"] is None
