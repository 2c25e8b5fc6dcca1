import keras
import numpy as np
import pytest

from keras_mmreg.callbacks import ComplementarityLogger
from keras_mmreg.callbacks import InformationLogger
from keras_mmreg.callbacks import ReportLogger
from keras_mmreg.callbacks import ShuffledModalityLogger
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.models import RegularizedModel

pytestmark = [pytest.mark.eager, pytest.mark.once]

X, Y = np.eye(8, 4, dtype="float32"), np.arange(8) % 3
Checkpoint = keras.callbacks.ModelCheckpoint
LOGGERS = {
    "complementarity": ComplementarityLogger,
    "information": lambda: InformationLogger(X),
    "report": lambda: ReportLogger((X, Y)),
    "shuffled": lambda: ShuffledModalityLogger((X, Y)),
}


def fit(callbacks, wrap=lambda model: model):
    """Up to the first step, which is not made."""
    inputs = keras.Input((4,), name="audio")
    masked = ComplementarityMask()(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(masked)
    model = wrap(keras.Model(inputs, outputs))
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    stop = keras.callbacks.LambdaCallback(on_train_begin=enough)
    with pytest.raises(StopIteration):
        model.fit(X, Y, callbacks=[*callbacks, stop], verbose=0)


def enough(logs):
    raise StopIteration


@pytest.mark.parametrize("name", LOGGERS)
def test_a_logger_behind_tensorboard_says_so(name, tmp_path):
    logger = LOGGERS[name]()
    kind = type(logger).__name__
    board = keras.callbacks.TensorBoard(tmp_path)
    fit([logger, board])
    with pytest.warns(UserWarning, match=f"`{kind}` is behind TensorBoard in"):
        fit([board, logger])


def test_a_logger_behind_what_waits_for_its_logs_says_so(tmp_path):
    logger = LOGGERS["shuffled"]()
    waiting = Checkpoint(tmp_path / "best.keras", "val_balanced_accuracy")
    with pytest.warns(UserWarning, match="behind ModelCheckpoint"):
        fit([waiting, logger], wrap=RegularizedModel)
    waiting = Checkpoint(str(tmp_path / "{val_shuffled_audio_loss:.2f}.keras"))
    with pytest.warns(UserWarning, match="'val_shuffled_...'"):
        fit([waiting, logger])


def test_a_callback_that_needs_no_such_log_may_come_first(tmp_path):
    other = Checkpoint(tmp_path / "best.keras", "val_loss")
    for make in LOGGERS.values():
        fit([other, make()])
