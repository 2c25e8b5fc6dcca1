"""A figure of each modality's share of the information."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_mmreg.visualization._figure import MAX_COLUMNS
from keras_mmreg.visualization._figure import create_axes
from keras_mmreg.visualization._figure import create_panels
from keras_mmreg.visualization._figure import draw_curve
from keras_mmreg.visualization._figure import draw_legend
from keras_mmreg.visualization._figure import finish_axes
from keras_mmreg.visualization._figure import root_figure
from keras_mmreg.visualization._histories import Curves
from keras_mmreg.visualization._histories import Histories
from keras_mmreg.visualization._histories import Run
from keras_mmreg.visualization._histories import labeled_runs
from keras_mmreg.visualization._histories import select


def plot_information_share(
    histories: Histories,
    ax: Axes | None = None,
    prefix: str = "",
    frequency: int = 1,
) -> Figure:
    """Draws each modality's share of the information, epoch by epoch.

    `share_i = I_i / sum_j I_j`, where I_i is the functional information that
    modality i gives to the prediction. A modality whose share stays near 0 is
    ignored by the model.

    The function draws the shares that
    `keras_mmreg.callbacks.InformationLogger` logged. If there are none, it
    computes them from `information_<modality>`, which a `RegularizedModel`
    logs as a mean over each epoch's batches.

    Each label has its own panel, or, on given axes, its own line pattern; a
    modality has the same color everywhere. Several runs of one label are drawn
    as their mean, with a band of one standard deviation (n - 1), over the
    epochs that all runs share.

    Args:
        histories: The `History` that `fit` returns, or its `.history` dict; a
            list of these for runs with several seeds; or a dict of either by
            label, such as `{"plain": ..., "Fisher": ...}`.
        ax: The matplotlib `Axes` to draw all labels on. Defaults to `None`: a
            new figure with a panel for each label.
        prefix: String, the `prefix` of the `InformationLogger`. Defaults to
            `""`.
        frequency: Positive integer, the `frequency` of the
            `InformationLogger`. Defaults to `1`.

    Returns:
        The matplotlib `Figure`; the vertical axis is in percent.

    Raises:
        ValueError: If a history holds no information, or not the number of
            values that `frequency` implies.

    Example:

    >>> plain = {"information_color": [4, 9], "information_shape": [4, 1]}
    >>> fisher = {"information_color": [4, 2], "information_shape": [4, 8]}
    >>> figure = plot_information_share({"plain": plain, "Fisher": fisher})
    >>> [ax.get_title() for ax in figure.axes]
    ['plain', 'Fisher']
    >>> [line.get_label() for line in figure.axes[0].get_lines()]
    ['color', 'shape']

    With Keras:

    ```python
    logger = keras_mmreg.callbacks.InformationLogger(x_validation)
    history = model.fit(x, y, epochs=30, callbacks=[logger])
    figure = plot_information_share(history)
    figure.savefig("information_share.pdf")
    ```

    References:
        - [Gat et al., 2020](https://arxiv.org/abs/2010.10802), Fig. 2
    """
    shares = {
        label: _curves(label, [_shares(run, prefix) for run in runs], frequency)
        for label, runs in labeled_runs(histories).items()
    }
    modalities = list(
        dict.fromkeys(m for curves in shares.values() for m in curves)
    )
    axes = create_panels(list(shares)) if ax is None else [create_axes(ax)]
    for index, (label, curves) in enumerate(shares.items()):
        panel = axes[index % len(axes)]
        for modality, (epochs, values) in curves.items():
            color = style = modalities.index(modality)
            text = modality
            if ax is not None and label:
                text, style = f"{label}: {modality}", index
            draw_curve(panel, epochs, values, text, color, style)
    axes[0].set_ylim(-0.03, 1.03)
    for index, panel in enumerate(axes):
        name = "" if index % MAX_COLUMNS else "Share of information"
        finish_axes(panel, name, percent=True)
    draw_legend(axes, outside=ax is None)
    return root_figure(axes[0])


def _curves(label: str, runs: list[Run], frequency: int) -> dict[str, Curves]:
    """Returns each modality's shares; all runs need the same modalities."""
    modalities = list(runs[0].logs)
    if any(run.logs.keys() != runs[0].logs.keys() for run in runs):
        raise ValueError(
            "`histories` must have the same modalities in all runs of a label; "
            "give the others a label of their own. Received: "
            f"{[list(run.logs) for run in runs]} for {label!r}"
        )
    return {name: select(runs, name, frequency, True) for name in modalities}


def _shares(run: Run, prefix: str) -> Run:
    """Returns the run with the modalities' shares as its only metrics."""
    shares = _with_prefix(run, f"{prefix}information_share_")
    if shares:
        return Run(run.epochs, shares)
    information = _with_prefix(run, f"{prefix}information_")
    if not information:
        raise ValueError(
            "`histories` must hold information. Pass "
            "`keras_mmreg.callbacks.InformationLogger(...)` to `fit`, and its "
            f"`prefix` to this function. Received: prefix={prefix!r} and the "
            f"metrics {list(run.logs)}"
        )
    if len({len(values) for values in information.values()}) > 1:
        raise ValueError(
            "`histories` must have as many values for each modality. Received: "
            f"{ {name: len(values) for name, values in information.items()} }"
        )
    values = np.stack(list(information.values()))
    total = values.sum(axis=0)
    # 0 / 0 if no modality informs: shares of 0, like `InformationLogger`.
    values = values / np.where(total == 0.0, 1.0, total)
    return Run(run.epochs, dict(zip(information, values, strict=True)))


def _with_prefix(run: Run, prefix: str) -> dict[str, np.ndarray]:
    """Returns metrics whose names begin with the prefix, and removes it."""
    return {
        name.removeprefix(prefix): values
        for name, values in run.logs.items()
        if name.startswith(prefix)
    }
