import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_mmreg.callbacks import InformationLogger
from keras_mmreg.visualization import plot_information_share

PLAIN = {
    "loss": [2.0, 1.0, 0.5],
    "information_color": [4.0, 9.0, 0.0],
    "information_shape": [4.0, 1.0, 0.0],
}


def lines(ax):
    return {line.get_label(): line.get_ydata().tolist() for line in ax.lines}


def logged(color, prefix="", every=1):
    """What `History` holds with an `InformationLogger`."""
    return {
        "loss": [0.0] * len(color) * every,
        f"{prefix}information_color": [7.0] * len(color),
        f"{prefix}information_shape": [7.0] * len(color),
        f"{prefix}information_share_color": color,
        f"{prefix}information_share_shape": [1.0 - c for c in color],
    }


def test_logged_shares_come_first():
    figure = plot_information_share(logged([0.75, 1.0]))
    assert lines(figure.axes[0]) == {"color": [0.75, 1.0], "shape": [0.25, 0.0]}


def test_shares_from_information():
    """Where nothing informs, as `InformationLogger` has it: 0."""
    figure = plot_information_share(PLAIN)
    assert lines(figure.axes[0]) == {
        "color": [0.5, 0.9, 0.0],
        "shape": [0.5, 0.1, 0.0],
    }


def test_unknown_information_stays_unknown():
    history = {"information_a": [1.0, np.nan], "information_b": [1.0, 1.0]}
    figure = plot_information_share(history)
    np.testing.assert_equal(lines(figure.axes[0])["b"], [0.5, np.nan])


def test_information_of_different_length():
    history = {"information_a": [1.0, 2.0], "information_b": [1.0]}
    with pytest.raises(ValueError, match="'a': 2, 'b': 1"):
        plot_information_share(history)


def test_prefix():
    history = {**PLAIN, **logged([0.5, 0.5, 0.25], prefix="test_")}
    figure = plot_information_share(history, prefix="test_")
    assert lines(figure.axes[0])["color"] == [0.5, 0.5, 0.25]


def test_panel_for_each_label():
    labels = ["plain", "Fisher", "Poincare", "variance"]
    audio = {"information_audio": [1.0, 1.0], "information_shape": [3.0, 1.0]}
    figure = plot_information_share(
        {**{label: PLAIN for label in labels}, "audio": audio}
    )
    axes = figure.axes
    assert [ax.get_title() for ax in axes] == [*labels, "audio"]
    ylabels = [ax.get_ylabel() for ax in axes]
    assert ylabels == ["Share of information", "", ""] + [ylabels[0], ""]
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == [
        "color",
        "shape",
        "audio",
    ]
    # A modality looks the same in every panel.
    shape = [ax.lines[-1] for ax in axes[:4]] + [axes[4].lines[-1]]
    assert {line.get_label() for line in shape} == {"shape"}
    assert len({line.get_color() for line in shape}) == 1


def test_all_labels_on_given_axes():
    figure, (ax, _) = plt.subplots(1, 2, layout="constrained")
    histories = {"plain": PLAIN, "Fisher": logged([0.75, 0.25])}
    assert plot_information_share(histories, ax=ax) is figure
    assert list(lines(ax)) == [
        "plain: color",
        "plain: shape",
        "Fisher: color",
        "Fisher: shape",
    ]
    looks = {(line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 4


def test_axes_of_a_subfigure():
    figure = plt.figure()
    ax = figure.subfigures(1, 2)[0].subplots()
    assert plot_information_share(PLAIN, ax=ax) is figure


def test_percent_ticks():
    figure = plot_information_share(logged([0.75, 1.0]))
    figure.canvas.draw()
    ax = figure.axes[0]
    texts = [text.get_text() for text in ax.get_yticklabels()]
    assert {"0%", "100%"} <= set(texts)
    assert ax.get_xlabel() == "Epoch"
    assert ax.get_xlim()[0] > 0.0


@pytest.mark.parametrize("num_epochs", [4, 5])
def test_values_are_drawn_at_the_epochs_that_were_measured(num_epochs):
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    outputs = keras.layers.Dense(2)(keras.layers.Concatenate()([a, b]))
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile("sgd", "mse")
    x = {name: np.ones((4, 2)) * np.arange(4)[:, None] for name in "ab"}
    logger = InformationLogger(x, frequency=2)
    history = model.fit(
        x, np.ones((4, 2)), epochs=num_epochs, callbacks=[logger], verbose=0
    )
    (panel,) = plot_information_share(history, frequency=2).axes
    drawn = panel.get_lines()[0].get_xdata()
    assert drawn.tolist() == list(range(1, num_epochs + 1, 2))


def test_logger_with_a_frequency():
    x = {name: np.random.rand(8, 2) for name in ("audio", "image")}
    inputs = {name: keras.Input((2,), name=name) for name in x}
    merged = keras.layers.Concatenate()(list(inputs.values()))
    outputs = keras.layers.Dense(2, activation="softmax")(merged)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(
        x,
        np.arange(8) % 2,
        initial_epoch=2,
        epochs=7,
        callbacks=[InformationLogger(x, frequency=3)],
        verbose=0,
    )
    figure = plot_information_share(history, frequency=3)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == [3, 6]  # Counted from 1.
    expected = history.history["information_share_audio"]
    assert line.get_ydata().tolist() == expected
    with pytest.raises(ValueError, match="`frequency` must be the number"):
        plot_information_share(history)


def test_no_information():
    with pytest.raises(ValueError, match=r"InformationLogger\(...\)` to `fit`"):
        plot_information_share({"plain": {"loss": [1.0, 2.0]}})


def test_seeds_with_different_modalities():
    other = {"information_audio": [1.0], "information_shape": [1.0]}
    with pytest.raises(ValueError, match="same modalities"):
        plot_information_share([PLAIN, other])
    assert not plt.get_fignums()
