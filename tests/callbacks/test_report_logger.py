import keras
import numpy as np
import pytest

from keras_mmreg.callbacks import ReportLogger
from keras_mmreg.models import RegularizedModel
from keras_mmreg.report import modality_report
from tests import toys

pytestmark = [pytest.mark.eager, pytest.mark.once]


def compiled(model):
    model.compile(
        keras.optimizers.SGD(0.1), toys.LOGITS_LOSS, metrics=["accuracy"]
    )
    return model


def fit(model, x, y, *callbacks, **kwargs):
    kwargs = {"epochs": 3, "verbose": 0, "shuffle": False, **kwargs}
    return model.fit(x, y, callbacks=list(callbacks), **kwargs).history


@pytest.mark.once(False)
@pytest.mark.parametrize("wrap", [lambda m: m, RegularizedModel])
def test_the_logs_are_those_of_a_report(wrap):
    model = compiled(wrap(toys.linear(None)))
    x, y = toys.data(toys.linear(None), 24)
    logger = ReportLogger((x, y), missing="mean")
    history = fit(model, x, y, logger)
    report = modality_report(model, (x, y), missing="mean")
    assert {name for name in history if name.startswith("report_")} == {
        "report_intact",
        *(
            f"report_{kind}_{name}"
            for kind in ("shuffled", "alone", "missing")
            for name in ("audio", "image")
        ),
    }
    expected = report.shuffled["audio"].value
    assert history["report_shuffled_audio"][-1] == pytest.approx(expected)
    expected = report.missing["mean"]["image"].value
    assert history["report_missing_image"][-1] == pytest.approx(expected)
    assert logger.report.intact.value == history["report_intact"][-1]


def test_training_is_not_changed():
    weights = []
    for watched in (False, True):
        keras.utils.set_random_seed(0)
        model = compiled(toys.linear(None))
        x, y = toys.data(model)
        callbacks = [ReportLogger((x, y))] if watched else []
        fit(model, x, y, *callbacks)
        weights.append(model.get_weights())
    for plain, observed in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, observed)


def test_every_other_epoch(capsys):
    model = compiled(toys.linear(None))
    x, y = toys.data(model)
    logger = ReportLogger((x, y), frequency=2, prefix="r_", verbose=1)
    history = fit(model, x, y, logger, initial_epoch=1, epochs=4)
    assert len(history["r_intact"]) == 2
    assert "Epoch 2: " in capsys.readouterr().out


def test_what_can_be_read_once_is_refused():
    with pytest.raises(ValueError, match="`data` must be read"):
        ReportLogger(iter([]))
    with pytest.raises(ValueError, match="`frequency`"):
        ReportLogger((1, 2), frequency=0)
    for name, value in (
        ("missing", "foo"),
        ("num_bootstraps", -1),
        ("seed", -1),
        ("taps", 3),
        ("verbose_", 1),
    ):
        with pytest.raises(ValueError, match=name):
            ReportLogger((1, 2), **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "nonsense"}, "`metric`"),
        ({"modalities": ["zz"]}, "`modalities`"),
        ({"include": ["nope"]}, "`include`"),
    ],
)
def test_errors_show_before_training(options, message):
    model = toys.two_modalities()
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(x, y, callbacks=[ReportLogger((x, y), **options)], verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
