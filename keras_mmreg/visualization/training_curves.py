"""A figure of a metric over the epochs, with and without regularization."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import draw_curve
from keras_mmreg.visualization._figure import draw_legend
from keras_mmreg.visualization._figure import finish_axes
from keras_mmreg.visualization._figure import root_figure
from keras_mmreg.visualization._histories import Curves
from keras_mmreg.visualization._histories import Histories
from keras_mmreg.visualization._histories import Run
from keras_mmreg.visualization._histories import labeled_runs
from keras_mmreg.visualization._histories import select


def plot_training_curves(
    histories: Histories,
    metric: str | Sequence[str] = "val_accuracy",
    ax: Axes | None = None,
    frequency: int = 1,
    percent: bool | None = None,
) -> Figure:
    """Draws a metric epoch by epoch, for example with and without a penalty.

    A label keeps its color and marker. With several metrics, each metric
    keeps its line pattern, so that `["accuracy", "val_accuracy"]` shows how
    far training and validation drift apart. Several runs of one label are drawn
    as their mean, with a band of one standard deviation (n - 1), over the
    epochs that all runs share.

    Args:
        histories: The `History` that `fit` returns, or its `.history` dict; a
            list of these for runs with several seeds; or a dict of either by
            label, such as `{"plain": ..., "Fisher": ...}`.
        metric: The name of a metric in the histories, or a list of names.
            Defaults to `"val_accuracy"`.
        ax: The matplotlib `Axes` to draw on. Defaults to `None`: a new figure.
        frequency: Positive integer, the number of epochs between two values,
            such as the `validation_freq` of `fit`. Defaults to `1`.
        percent: Whether the metric is between 0 and 1, to be drawn in percent.
            Defaults to `None`, which means if its name has "accuracy" or
            "share".

    Returns:
        The matplotlib `Figure`.

    Raises:
        ValueError: If a history does not have the metric, or not the number of
            values that `frequency` implies.

    Example:

    >>> plain = [{"val_accuracy": [0.9, 0.4]}, {"val_accuracy": [0.8, 0.5]}]
    >>> fisher = [{"val_accuracy": [0.9, 0.9]}, {"val_accuracy": [0.8, 1.0]}]
    >>> figure = plot_training_curves({"plain": plain, "Fisher": fisher})
    >>> figure.axes[0].get_ylabel()
    'Validation accuracy'
    >>> [line.get_label() for line in figure.axes[0].get_lines()]
    ['plain', 'Fisher']

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Fig. 3
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    selected = {
        label: _curves(runs, metrics, frequency)
        for label, runs in labeled_runs(histories).items()
    }
    outside = ax is None
    ax = create_axes(ax)
    for color, (label, curves) in enumerate(selected.items()):
        for index, (name, (epochs, values)) in enumerate(curves.items()):
            # With a single metric, line patterns can distinguish labels.
            style = index if len(metrics) > 1 else color
            text = _legend_text(label, name if len(metrics) > 1 else "")
            draw_curve(ax, epochs, values, text, color, style)
    if percent is None:
        percent = all("accuracy" in m or "share" in m for m in metrics)
    finish_axes(ax, _axis_text(metrics), percent)
    draw_legend([ax], outside)
    return root_figure(ax)


def _curves(
    runs: list[Run], metrics: list[str], frequency: int
) -> dict[str, Curves]:
    for run in runs:
        missing = [name for name in metrics if name not in run.logs]
        if missing or not metrics:
            raise ValueError(
                "`metric` must name metrics that all histories have: compile "
                "with it, and pass `validation_data` to `fit` for those with "
                f"'val_'. Received: metric={missing or metrics} and a history "
                f"with {sorted(run.logs)}"
            )
    return {
        name: select(runs, name, frequency, _begins_at_once(name))
        for name in metrics
    }


def _begins_at_once(name: str) -> bool:
    """Returns whether a metric is a logger's, which measures the first epoch.

    Those of Keras's validation begin with the epoch number `validation_freq`.
    """
    kinds = ("information_", "report_", "shuffled_", "balanced_")
    return not name.startswith("val_") or any(kind in name for kind in kinds)


def _axis_text(metrics: list[str]) -> str:
    """Returns what all metrics have in common, or all their names."""
    names = {name.removeprefix("val_") for name in metrics}
    if len(metrics) > 1:
        # More than two on one line would be longer than the axis.
        separator = " / " if len(names) < 3 else " /\n"
        return _readable(separator.join(sorted(names)))
    return _readable(metrics[0])


def _legend_text(label: str, metric: str) -> str:
    name = _readable(metric)
    if label and metric:
        return f"{label}: {name[0].lower()}{name[1:]}"
    return label or name


def _readable(name: str) -> str:
    """Formats `"val_mean_error"` as `"Validation mean error"`."""
    if name.startswith("val_"):
        name = f"validation_{name.removeprefix('val_')}"
    name = name.replace("_", " ")
    return name[:1].upper() + name[1:]
