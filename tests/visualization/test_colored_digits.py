import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_mmreg.visualization import plot_colored_digits

COLOR = np.eye(3, dtype="float32")
SHAPE = np.linspace(0, 1, 12, dtype="float32").reshape(3, 2, 2)
X = {"color": COLOR, "shape": SHAPE}


def captions(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def images(figure):
    return [np.asarray(im.get_array()) for im in figure.axes[0].images]


def test_pixels():
    drawn = images(plot_colored_digits(X))
    assert len(drawn) == 3
    np.testing.assert_allclose(drawn[1][..., 1], SHAPE[1], rtol=1e-6)
    np.testing.assert_allclose(drawn[1][..., [0, 2]], 0.0)


def test_background():
    black = {"color": np.zeros((3, 3)), "shape": SHAPE[..., np.newaxis]}
    drawn = images(plot_colored_digits(black, background="red"))
    np.testing.assert_allclose(drawn[0][..., 0], 1.0 - SHAPE[0], rtol=1e-6)
    np.testing.assert_allclose(drawn[0][..., 1:], 0.0)


def test_tensors():
    x = {name: keras.ops.convert_to_tensor(value) for name, value in X.items()}
    figure = plot_colored_digits(x, y=keras.ops.convert_to_tensor([4, 5, 6]))
    assert captions(figure) == ["4", "5", "6"]


def test_grid():
    figure = plot_colored_digits(X, y=["a", "b", "c"], rows=5, columns=2)
    extents = [im.get_extent() for im in figure.axes[0].images]
    (left, _, _, top), (second, *_), (below, _, _, third) = extents
    assert second > left == below and third > top
    # Five rows were asked for, two are needed.
    assert figure.axes[0].get_ylim()[0] < 3.0
    assert len(images(plot_colored_digits(X, rows=1, columns=2))) == 2


def test_predictions():
    logits = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])
    assert captions(plot_colored_digits(X, predictions=logits)) == list("101")
    figure = plot_colored_digits(X, y=np.eye(2)[[1, 1, 1]], predictions=logits)
    arrow = r" $\rightarrow$ "
    assert captions(figure) == [f"1{arrow}1", f"1{arrow}0", f"1{arrow}1"]
    weights = [text.get_fontweight() for text in figure.axes[0].texts]
    assert weights == ["normal", "bold", "normal"]


def test_captions_cover_no_image():
    figure = plot_colored_digits(X, y=[1, 2, 3], rows=3, columns=1)
    figure.canvas.draw()
    drawn = [im.get_window_extent() for im in figure.axes[0].images]
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert not any(box.overlaps(extent) for extent in drawn)
        assert figure.bbox.contains(box.x0, box.y0)
        assert text.get_fontsize() >= 8


def test_given_axes():
    figure, axes = plt.subplots(1, 2)
    assert plot_colored_digits(X, ax=axes[1]) is figure
    assert not axes[0].images and len(axes[1].images) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rows": 0}, "`rows` and `columns` must be positive"),
        ({"x": COLOR}, "`x` must be a dict with 'color' and 'shape'"),
        ({"x": {"color": COLOR}}, r"`x` must be a dict .* \['color'\]"),
        ({"x": {**X, "color": COLOR[:2]}}, r"Received: \(2, 3\)"),
        ({"x": {**X, "shape": SHAPE * 255}}, "'shape' in .* by 255"),
        ({"x": {**X, "color": COLOR * np.nan}}, "'color' in"),
        ({"x": {k: v[:0] for k, v in X.items()}}, "n at least 1"),
        ({"y": [1, 2]}, "`y` must be 3 labels"),
        ({"predictions": np.ones((2, 10))}, "`predictions` must be 3 labels"),
        ({"background": "no color"}, "`background` must be a color"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_colored_digits(**{"x": X, **arguments})
    assert not plt.get_fignums()
