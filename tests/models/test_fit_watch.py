"""What `fit` of a regularized model reads, and what it tells."""

import concurrent.futures
import re
import warnings

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.penalty_watch import PenaltyWatch
from tests import toys

GATE_ON_TRAINING_DATA = "The gate is measured on training data"


def gated():
    model = RegularizedModel(toys.linear(None), "mix", seed=0)
    model.compile("sgd", toys.LOGITS_LOSS)
    return model, *toys.data(model.inner)


def endless(x, y):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(4)


def test_validation_data_without_an_end():
    model, x, y = gated()
    data = endless(x, y)
    model.fit(x, y, validation_data=data, validation_steps=2, verbose=0)
    assert float(model.gate.held_out.numpy()) == 1.0


def test_held_out_data_without_an_end():
    model, x, y = gated()
    data = endless(x, y)
    with pytest.raises(ValueError, match="`steps` must say how many"):
        HeldOut(data)
    model.fit(x, y, callbacks=[HeldOut(data, steps=2)], verbose=0)
    assert float(model.gate.held_out.numpy()) == 1.0


class SaveBest(keras.callbacks.Callback):
    """Selects as that of KerasTuner does, which has no `monitor`."""

    class objective:
        name = "val_loss"


@pytest.mark.once
def test_who_selects_by_validation_data():
    model, x, y = gated()
    options = {"validation_data": (x, y), "verbose": 0}
    with pytest.warns(UserWarning, match=GATE_ON_TRAINING_DATA):
        model.fit(x, y, callbacks=[SaveBest()], **options)
    assert float(model.gate.held_out.numpy()) == 0.0
    model.fit(x, y, callbacks=[keras.callbacks.ReduceLROnPlateau()], **options)
    assert float(model.gate.held_out.numpy()) == 1.0


@pytest.mark.once
def test_a_gate_of_earlier_held_out_data_is_measured_anew():
    model, x, y = gated()
    model.fit(x, y, callbacks=[HeldOut((x, y))], verbose=0)
    with pytest.warns(UserWarning, match=GATE_ON_TRAINING_DATA):
        model.fit(x, y, verbose=0)
    assert float(model.gate.held_out.numpy()) == 0.0


@pytest.mark.skipif(
    keras.config.backend() == "torch",
    reason="Keras has no steps per execution on torch.",
)
def test_a_dominant_penalty_is_told_between_executions():
    inner = toys.linear(None)
    method = mmreg.regularizers.PoincareInformation(1e3)
    model = RegularizedModel(inner, method, seed=0)
    model.compile(
        keras.optimizers.SGD(0.0), toys.LOGITS_LOSS, steps_per_execution=3
    )
    x, y = toys.data(inner, 4)
    x = {name: np.repeat(values, 210, axis=0) for name, values in x.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, np.repeat(y, 210), batch_size=4, verbose=0)
    told = [w for w in caught if "times the task loss" in str(w.message)]
    assert len(told) == 1


@pytest.mark.once
def test_keras_need_not_wait_for_the_logs_of_a_step():
    """Of penalties that are as large as the step, in steps in any order."""
    model = RegularizedModel(
        toys.linear(None), mmreg.regularizers.PoincareInformation(1.0)
    )
    model.compile("sgd", toys.LOGITS_LOSS)
    watch = PenaltyWatch()
    watch.set_model(model)
    watch.on_train_begin()
    assert keras.callbacks.CallbackList([watch])._async_train == (
        keras.config.backend() != "tensorflow"
    )
    steps = np.random.default_rng(0).permutation(250)
    steps = [*steps[steps < 99], 99, *steps[steps > 99]]

    def end(step):  # Means over the epoch of a penalty of 1, 2, ...
        penalty = (step + 2) / 2
        watch.on_train_batch_end(
            step,
            {
                "loss": penalty + 1,
                "penalty": penalty,
                "poincare_penalty": penalty,
            },
        )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(end, steps))
    (told,) = [str(w.message) for w in caught if "task loss" in str(w.message)]
    penalty = float(re.search(r"penalty is ([\d.]+)", told)[1])
    assert 150 <= penalty <= 176  # Of steps 100 to 200, or up to 250.


def test_a_list_of_callbacks_is_as_it_was():
    model = RegularizedModel(toys.linear(None), "noise")
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    given = [keras.callbacks.TerminateOnNaN(), HeldOut((x, y))]
    callbacks = keras.callbacks.CallbackList(
        list(given), add_history=True, model=model, epochs=1
    )
    before = list(callbacks.callbacks)
    model.fit(x, y, callbacks=callbacks, verbose=0)
    assert callbacks.callbacks == before
