import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from keras_mmreg.visualization import plot_training_curves
from keras_mmreg.visualization._figure import COLORS

PLAIN = {"accuracy": [0.5, 0.9, 1.0], "val_accuracy": [0.5, 0.75, 0.25]}
FISHER = {"accuracy": [0.25, 0.9], "val_accuracy": [0.25, 0.75]}


def test_mean_and_deviation_over_common_epochs():
    figure = plot_training_curves([PLAIN, FISHER])
    ax = figure.axes[0]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert ax.lines[0].get_ydata().tolist() == [0.375, 0.75]
    band = ax.collections[0].get_paths()[0].vertices
    stddev = np.std([0.5, 0.25], ddof=1)
    at_first = band[band[:, 0] == 1, 1]
    np.testing.assert_allclose(at_first.max(), 0.375 + stddev)
    np.testing.assert_allclose(at_first.min(), 0.375 - stddev)


def test_epochs_of_a_continued_run():
    history = keras.callbacks.History()
    history.epoch, history.history = [4, 5], {"loss": [2.0, 1.0]}
    figure = plot_training_curves(history, "loss")
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [5, 6]
    assert figure.axes[0].get_ylabel() == "Loss"
    assert figure.axes[0].get_legend() is None
    first = {"loss": [4.0, 3.0]}
    with pytest.raises(ValueError, match="epochs in common"):
        plot_training_curves([first, history], "loss")


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("val_accuracy", [2, 4]),
        ("information_a", [1, 3, 5]),
        ("report_intact", [1, 3, 5]),
        ("val_shuffled_a_accuracy", [1, 3, 5]),
        ("val_information_a", [1, 3, 5]),
    ],
)
@pytest.mark.parametrize("other", ["accuracy", "loss", "information_a"])
def test_loggers_begin_with_the_first_epoch(name, epochs, other):
    if name == other:
        return
    history = {other: [0.5] * 5, name: [0.5] * len(epochs)}
    figure = plot_training_curves(history, name, frequency=2)
    assert figure.axes[0].lines[0].get_xdata().tolist() == epochs


def test_labels_and_metrics():
    figure = plot_training_curves(
        {"plain": PLAIN, "Fisher": [FISHER]}, ["accuracy", "val_accuracy"]
    )
    ax = figure.axes[0]
    assert ax.get_ylabel() == "Accuracy"
    assert [line.get_label() for line in ax.lines] == [
        "plain: accuracy",
        "plain: validation accuracy",
        "Fisher: accuracy",
        "Fisher: validation accuracy",
    ]
    colors = [line.get_color() for line in ax.lines]
    patterns = [line.get_linestyle() for line in ax.lines]
    assert colors[0] == colors[1] != colors[2]
    assert patterns[0] == patterns[2] != patterns[1]


def test_every_curve_is_different_in_gray():
    figure = plot_training_curves({str(i): PLAIN for i in range(7)})
    looks = {
        (line.get_marker(), str(line._dash_pattern))
        for line in figure.axes[0].lines
    }
    assert len(looks) == 7


@pytest.mark.parametrize(
    "metric, percent, tick",
    [
        ("val_accuracy", None, "100%"),
        ("val_accuracy", False, "1.0"),
        ("gray", True, "100%"),
        ("gray", None, "1.0"),
    ],
)
def test_percent(metric, percent, tick):
    history = {"val_accuracy": [0.0, 1.0], "gray": [0.0, 1.0]}
    figure = plot_training_curves(history, metric, percent=percent)
    figure.canvas.draw()
    ticks = figure.axes[0].get_yticklabels()
    assert tick in [text.get_text() for text in ticks]


def test_legend_covers_no_curve():
    histories = {"plain": [PLAIN, FISHER], "Fisher": FISHER}
    _, ax = plt.subplots(layout="constrained")
    for figure in (
        plot_training_curves(histories, ax=ax),
        plot_training_curves(histories),
    ):
        figure.canvas.draw()
        legend = figure.axes[0].get_legend().get_window_extent()
        assert not legend.overlaps(figure.axes[0].get_window_extent())
        assert figure.bbox.contains(legend.x0, legend.y0)
        assert figure.bbox.contains(legend.x1, legend.y1)


def test_longer_curve_drawn_later():
    figure = plot_training_curves(FISHER)
    ax = figure.axes[0]
    plot_training_curves({"loss": [9.0] * 20}, "loss", ax=ax)
    assert ax.get_xlim()[1] > 20 and ax.get_ylim()[1] > 9.0


def luminance(color):
    linear = np.array(to_rgb(color)) ** 2.2
    return linear @ [0.2126, 0.7152, 0.0722]


def test_colors_stand_out_from_white():
    assert max(map(luminance, COLORS)) < 0.5


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"metric": "val_loss"}, "`metric` .* Received: metric=..val_loss"),
        ({"metric": []}, "`metric` must name metrics"),
        ({"frequency": 0}, "`frequency` must be an integer of at"),
        ({"frequency": 2}, "`frequency` must be the number of epochs"),
        ({"ax": [None]}, "`ax` must be one matplotlib `Axes`"),
        ({"histories": {"a": [PLAIN], "b": []}}, "at least one history"),
        ({"histories": 3}, "`histories` must be what `fit` returns"),
        ({"histories": {"val_accuracy": 0.5}}, "a list of numbers"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_training_curves(**{"histories": PLAIN, **arguments})
    assert not plt.get_fignums()
