import numpy as np
import pytest

from keras_mmreg.datasets import SPEAKERS
from keras_mmreg.datasets import load_av_digits
from tests.datasets.av_digits import toys


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return {
        "mnist": toys.save_mnist(folder / "mnist.npz"),
        "fsdd": toys.save_fsdd_arrays(folder / "fsdd.npz"),
    }


def load(paths, **options):
    options = {"train_pairs": 200, "held_out_pairs": 40} | options
    return load_av_digits(**paths, **options)


def names(examples):
    return {SPEAKERS[index] for index in examples.speaker}


def image_ids(examples):
    """Every image has its own brightness."""
    return np.rint(255 * examples.x["image"][:, 10, 10, 0]).astype(int) - 1


def test_shapes(paths):
    for examples, size in zip(load(paths), (200, 40, 40), strict=True):
        assert examples.x["image"].shape == (size, 28, 28, 1)
        assert examples.x["audio"].shape == (size, 32, 32, 1)
        assert {x.dtype.name for x in examples.x.values()} == {"float32"}
        assert np.bincount(examples.y).tolist() == [size // 10] * 10
        assert examples.y.dtype == examples.speaker.dtype == np.int32


@pytest.mark.parametrize("fold", range(6))
def test_splits_share_neither_speakers_nor_images(paths, fold):
    data = load(paths, fold=fold)
    assert names(data.test) == {SPEAKERS[fold]}
    assert names(data.validation) == {SPEAKERS[(fold + 1) % 6]}
    assert len(names(data.train)) == 4
    assert set.union(*map(names, data)) == set(SPEAKERS)
    assert image_ids(data.train).max() < 100
    assert set(image_ids(data.validation)) <= set(range(100, 120))
    assert image_ids(data.test).min() >= 120


def test_image_and_audio_show_the_label(paths):
    for examples in load(paths):
        np.testing.assert_array_equal(image_ids(examples) % 10, examples.y)
        # The tones of higher digits have more energy in higher bins.
        audio = examples.x["audio"][:, :, 0, 0]
        loudest = [audio[examples.y == y].mean(0).argmax() for y in range(10)]
        assert np.all(np.diff(loudest) > 0)


def test_everything_is_used_before_anything_is_used_again(paths):
    train = load(paths).train
    # 100 images and 80 recordings for 200 pairs.
    assert np.bincount(image_ids(train)).tolist() == [2] * 100
    counts = np.bincount(train.recording)
    assert set(counts[counts > 0]) == {2, 3} and np.sum(counts > 0) == 80


def test_train_speakers(paths):
    few = load(paths, fold=2, train_speakers=1)
    assert len(names(few.train)) == 1
    chosen = load(paths, fold=0, train_speakers=["theo", "lucas"])
    assert names(chosen.train) == {"theo", "lucas"}
    # Who trains does not change what is tested.
    np.testing.assert_array_equal(
        chosen.test.x["image"], load(paths).test.x["image"]
    )


def test_noise(paths):
    clean, noisy = load(paths), load(paths, image_noise=2.0)
    for split in ("train", "validation", "test"):
        before, after = getattr(clean, split), getattr(noisy, split)
        noise = after.x["image"] - before.x["image"]
        np.testing.assert_allclose(noise.std(), 2.0, rtol=0.02)
        np.testing.assert_allclose(noise.mean(), 0.0, atol=0.1)
        np.testing.assert_array_equal(before.x["audio"], after.x["audio"])


def test_seed(paths):
    first, again, other = (load(paths, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.recording, again.train.recording)
    assert np.any(first.train.recording != other.train.recording)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fold": 6}, "`fold` must be from 0 to 5"),
        ({"train_speakers": 0}, "`train_speakers` must be from 1 to 4"),
        ({"train_speakers": 5}, "`train_speakers` must be from 1 to 4"),
        ({"train_speakers": ["george"]}, "neither validates nor tests on"),
        ({"train_pairs": 15}, "`train_pairs` must be a positive multiple"),
        ({"held_out_pairs": 0}, "`held_out_pairs` must be a positive"),
        ({"image_noise": -1.0}, "`image_noise` must be zero or"),
        ({"image_noise": np.nan}, "`image_noise` must be zero or"),
    ],
)
def test_errors(paths, options, message):
    with pytest.raises(ValueError, match=message):
        load(paths, **options)


def test_a_missing_digit(paths, tmp_path):
    arrays = dict(np.load(paths["mnist"]))
    arrays["y_test"] = np.zeros_like(arrays["y_test"])
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match="every digit in every split"):
        load(paths | {"mnist": tmp_path / "mnist.npz"})
