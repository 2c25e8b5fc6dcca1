"""Backs up training so that a kill at any moment loses at most one epoch."""

import json
import os
import pathlib
import re
import shutil
from typing import Any

import keras
import numpy as np

from keras_mmreg.backend.keras_internals import set_initial_epoch

_PREFIX = "epoch-"
_UNFINISHED = ".unfinished"
_WEIGHTS = "model.weights.h5"
_STATE = "state.json"


class AtomicBackup(keras.callbacks.Callback):
    """Like `keras.callbacks.BackupAndRestore`, but safe if a process is killed.

    Keras's callback overwrites the previous backup. A process that is killed
    while writing leaves an unreadable file and no other backup. With
    `double_checkpoint=True`, a process that is killed between its two files
    resumes with the weights of one epoch under the number of another.

    This callback writes every backup to a new folder, renames the folder when
    it is complete, and only then removes the previous one. The same `fit` in a
    new process resumes from the last complete backup, with the weights and the
    state of the optimizer and the methods, and `history` continues where it
    ended. With data in the same order (`shuffle=False`, or a dataset that is
    seeded by epoch) the result is that of uninterrupted training.

    Put this callback behind the callbacks whose logs the history should have.
    The state of other callbacks, such as the patience of `EarlyStopping`, is
    not saved. The directory must be on a file system on which renaming a folder
    is atomic, as it is on local ones; whether a backup survives a loss of power
    depends on that file system. On torch, a `Dropout` without a seed draws from
    torch's own generator, whose state no backup contains: give it a seed.

    Args:
        backup_dir: Path of a folder for the backups of one training run.
        delete_checkpoint: Whether to remove the backup after training ends.
            If `False`, running the same `fit` again has nothing left to do.
            Defaults to `True`.

    Raises:
        ValueError: If `backup_dir` is empty, or, when training starts, if the
            model is not built.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> backup = AtomicBackup(tempfile.mkdtemp())
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, epochs=2, callbacks=[backup], verbose=0)
    >>> len(history.history["loss"])
    2
    """

    def __init__(
        self, backup_dir: str | os.PathLike, delete_checkpoint: bool = True
    ) -> None:
        super().__init__()
        if not str(backup_dir):
            raise ValueError(
                "`backup_dir` must be the path of a folder. "
                f"Received: backup_dir={backup_dir!r}"
            )
        self.backup_dir = pathlib.Path(backup_dir)
        self.delete_checkpoint = delete_checkpoint
        self._epochs: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Restores the last complete backup, if there is one."""
        if not self.model.built:
            raise ValueError(
                "The model must be built before `fit`, so that a backup finds "
                "its weights. Call it on a batch, or use `model.build(...)`. "
                f"Received: model {self.model.name!r}, which is not built"
            )
        # Left by a `fit` that was interrupted before its first epoch.
        self._start_at(None, [])
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        for folder in self._backups(_UNFINISHED):
            shutil.rmtree(folder)
        backups = self._backups()
        if not backups:
            return
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        self.model.load_weights(backups[-1] / _WEIGHTS)
        state = json.loads((backups[-1] / _STATE).read_text())
        self.model.history.history.update(
            {
                name: _as_logs(values)
                for name, values in state["history"].items()
            }
        )
        self._start_at(state["epochs"][-1] + 1, state["epochs"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Adds the epochs before the backup to the history."""
        # Of the history, Keras clears only the epochs when training starts.
        self.model.history.epoch[:0] = self._epochs
        # Keras has read the initial epoch; the next `fit` has its own.
        self._start_at(None, [])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes a backup, then removes the one before it."""
        earlier = self._backups()
        recorded = self.model.history
        history = {name: list(v) for name, v in recorded.history.items()}
        for name, value in (logs or {}).items():
            history.setdefault(name, []).append(value)
        state = {"epochs": [*recorded.epoch, epoch], "history": history}
        name = f"{_PREFIX}{epoch:08d}"
        unfinished = self.backup_dir / f"{name}{_UNFINISHED}"
        unfinished.mkdir()
        self.model.save_weights(unfinished / _WEIGHTS)
        (unfinished / _STATE).write_text(json.dumps(state, default=_as_json))
        os.replace(unfinished, self.backup_dir / name)
        for folder in earlier:
            shutil.rmtree(folder)

    def on_train_end(self, logs: Any = None) -> None:
        """Removes the backup, unless it is to be kept."""
        self.on_epoch_begin(0)
        if self.delete_checkpoint:
            for folder in self._backups():
                shutil.rmtree(folder)

    def _start_at(self, epoch: int | None, earlier: list[int]) -> None:
        """Sets the initial epoch, and the earlier epochs of the history."""
        set_initial_epoch(self.model, epoch)
        self._epochs = earlier

    def _backups(self, ending: str = "") -> list[pathlib.Path]:
        """Returns complete backups, or those with an ending, newest last."""
        name = re.compile(rf"{_PREFIX}\d{{8}}{re.escape(ending)}")
        return sorted(
            path
            for path in self.backup_dir.iterdir()
            if name.fullmatch(path.name) and path.is_dir()
        )


def _as_json(value: Any) -> Any:
    """Converts a number or an array for JSON."""
    return keras.ops.convert_to_numpy(value).tolist()


def _as_logs(values: list) -> list:
    """Converts the values of an array-valued metric back to arrays."""
    return [np.asarray(v) if isinstance(v, list) else v for v in values]
