import numpy as np
import pytest

from keras_mmreg.datasets import PALETTES
from keras_mmreg.datasets import colorize
from keras_mmreg.datasets import gray
from keras_mmreg.datasets import permute_colors

NUM_EXAMPLES = 2000


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, size=(NUM_EXAMPLES, 28, 28), dtype=np.uint8)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 10, size=NUM_EXAMPLES)


def test_modalities(images, labels):
    x = colorize(images, labels)
    assert set(x) == {"color", "shape"}
    assert x["color"].shape == (NUM_EXAMPLES, 3)
    assert x["shape"].shape == (NUM_EXAMPLES, 28, 28, 1)
    assert x["color"].dtype == x["shape"].dtype == np.float32
    np.testing.assert_allclose(x["shape"][..., 0], images / 255.0, atol=1e-7)


def test_colors_are_normal_around_the_mean_color(images, labels):
    # Mid-gray means keep every draw away from the clipping at 0 and 1.
    palette = np.full((10, 3), 0.5)
    noise = colorize(images, labels, palette)["color"] - 0.5
    standard = noise / 0.05
    tolerance = 5.0 / np.sqrt(NUM_EXAMPLES)
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=tolerance)
    np.testing.assert_allclose(np.cov(standard.T), np.eye(3), atol=tolerance)
    np.testing.assert_allclose(
        (standard**4).mean(axis=0), 3.0, atol=10.0 * tolerance
    )


def test_default_colors_tell_the_class(images, labels):
    means = np.array(PALETTES["default"])
    color = colorize(images, labels)["color"]
    distances = np.linalg.norm(color[:, None] - means, axis=-1)
    # Teal and blue, the closest pair, are 7 standard deviations apart.
    assert np.mean(distances.argmin(axis=1) == labels) > 0.999


@pytest.mark.parametrize("palette", sorted(PALETTES))
def test_palettes_are_separated(palette):
    colors = np.array(PALETTES[palette])
    distances = np.linalg.norm(colors[:, None] - colors, axis=-1)
    assert colors.shape == (10, 3)
    assert colors.min() >= 0.0 and colors.max() <= 1.0
    assert distances[~np.eye(10, dtype=bool)].min() > 6 * 0.05


def test_colors_are_clipped(images, labels):
    color = colorize(images, labels, color_stddev=2.0)["color"]
    assert color.min() == 0.0 and color.max() == 1.0


def test_zero_stddev_gives_the_palette(images, labels):
    color = colorize(images, labels, "hues", color_stddev=0.0)["color"]
    np.testing.assert_array_equal(
        color, np.array(PALETTES["hues"], "float32")[labels]
    )


def test_seed_decides_the_colors(images, labels):
    color = colorize(images, labels, seed=3)["color"]
    again = colorize(images, labels, seed=3)["color"]
    other = colorize(images, labels, seed=4)["color"]
    np.testing.assert_array_equal(color, again)
    assert not np.any(np.all(color == other, axis=1))


def test_a_color_belongs_to_its_image(images, labels):
    color = colorize(images, labels)["color"]
    order = np.random.default_rng(2).permutation(NUM_EXAMPLES)[:100]
    shuffled = colorize(images[order], labels[order])["color"]
    np.testing.assert_array_equal(shuffled, color[order])


def test_image_format_does_not_matter(images, labels):
    color = colorize(images, labels)["color"]
    for same in (
        images[..., np.newaxis],
        images.astype("int64"),
        images.astype("float32") / 255.0,
        images / 255.0,
    ):
        x = colorize(same, labels)
        np.testing.assert_array_equal(x["color"], color)
        np.testing.assert_allclose(
            x["shape"][..., 0], images / 255.0, atol=1e-7
        )


def test_known_colors():
    # The data must not change between versions of NumPy or of this package.
    images = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256
    color = colorize(images, [0, 1], np.full((2, 3), 0.5))["color"]
    known = [
        [0.5448567867, 0.4322323203, 0.5085087419],
        [0.5498769283, 0.5997508168, 0.4780301750],
    ]
    np.testing.assert_allclose(color, known, atol=1e-6)


@pytest.mark.parametrize("value", [0, 0.5, 1.0])
def test_gray(images, value):
    x = gray(images, value)
    np.testing.assert_array_equal(
        x["color"], np.full((NUM_EXAMPLES, 3), value, "float32")
    )
    assert x["color"].dtype == np.float32
    np.testing.assert_allclose(x["shape"][..., 0], images / 255.0, atol=1e-7)


def test_permute_colors(images, labels):
    x = colorize(images, labels)
    original = x["color"].copy()
    permuted = permute_colors(x, seed=1)
    np.testing.assert_array_equal(x["color"], original)
    np.testing.assert_array_equal(permuted["shape"], x["shape"])
    np.testing.assert_array_equal(
        np.sort(permuted["color"], axis=0), np.sort(original, axis=0)
    )
    assert np.mean(np.all(permuted["color"] == original, axis=1)) < 0.01
    np.testing.assert_array_equal(
        permuted["color"], permute_colors(x, seed=1)["color"]
    )
    assert np.any(permuted["color"] != permute_colors(x, seed=2)["color"])


def test_no_examples():
    x = colorize(np.zeros((0, 28, 28), "uint8"), np.zeros(0, "uint8"))
    assert x["color"].shape == (0, 3) and x["shape"].shape == (0, 28, 28, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((2, 784))}, "`images` must be gray-scale"),
        ({"images": np.zeros((2, 28, 28, 3))}, "`images` must be gray-scale"),
        ({"images": np.full((2, 28, 28), 255.0)}, "`images` .* divide"),
        ({"images": np.full((2, 28, 28), np.nan)}, "`images` must be"),
        ({"images": np.full((2, 28, 28), 256)}, "`images` must be"),
        ({"labels": np.eye(10)[:2]}, "`labels` .*argmax"),
        ({"labels": [0.0, 1.0]}, "`labels` must be 2 integers"),
        ({"labels": [0, 1, 2]}, "`labels` must be 2 integers"),
        ({"labels": [0, 10]}, "`labels` must lie between 0 and 9"),
        ({"labels": [-1, 0]}, "`labels` must lie between 0 and 9"),
        ({"palette": "neon"}, "`palette` must be one of"),
        ({"palette": np.zeros(10)}, "`palette` must have shape"),
        ({"palette": np.full((10, 3), 255.0)}, "`palette` .* divide"),
        ({"color_stddev": -0.1}, "`color_stddev` must be zero or"),
        ({"color_stddev": np.nan}, "`color_stddev` must be zero or"),
    ],
)
def test_colorize_errors(arguments, message):
    defaults = {"images": np.zeros((2, 28, 28)), "labels": [0, 1]}
    with pytest.raises(ValueError, match=message):
        colorize(**{**defaults, **arguments})


@pytest.mark.parametrize("value", [-0.1, 128])
def test_gray_errors(value):
    with pytest.raises(ValueError, match="`value` must be a gray level"):
        gray(np.zeros((2, 28, 28)), value)


def test_permute_colors_error():
    with pytest.raises(ValueError, match="`x` must be a dictionary"):
        permute_colors({"image": np.zeros((2, 3))})
