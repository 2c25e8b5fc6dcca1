import csv
import warnings

import keras
import numpy as np
import pytest

from keras_mmreg import modality_information
from keras_mmreg.callbacks import InformationLogger
from keras_mmreg.models import RegularizedModel
from tests import toys

pytestmark = pytest.mark.eager

NAMES = [
    "information_audio",
    "information_image",
    "information_share_audio",
    "information_share_image",
]


def fit(model, x, y, callbacks, epochs=2):
    model.compile("sgd", toys.LOGITS_LOSS)
    return model.fit(
        x, y, epochs=epochs, callbacks=callbacks, shuffle=False, verbose=0
    ).history


@pytest.mark.parametrize("wrap", [lambda m: m, RegularizedModel])
def test_history_holds_the_information_on_the_given_data(wrap):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    model = wrap(inner)
    history = fit(model, x, y, [InformationLogger(x)])
    assert set(NAMES) < set(history)
    expected = modality_information(model, x)
    for name, value in expected.items():
        assert history[f"information_{name}"][-1] == pytest.approx(
            value, rel=1e-5
        )
        share = value / sum(expected.values())
        assert history[f"information_share_{name}"][-1] == pytest.approx(
            share, rel=1e-5
        )


@pytest.mark.once
def test_training_is_not_changed():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    losses = []
    for callbacks in ([], [InformationLogger(x)]):
        keras.utils.set_random_seed(0)
        model = RegularizedModel(toys.two_modalities(), seed=0)
        losses.append(fit(model, x, y, callbacks, epochs=3)["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.once
def test_callbacks_behind_it_see_the_logs(tmp_path):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    path = tmp_path / "log.csv"
    fit(
        inner,
        x,
        y,
        [InformationLogger((x, y)), keras.callbacks.CSVLogger(path)],
    )
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert all(float(row[name]) >= 0 for row in rows for name in NAMES)


@pytest.mark.once
def test_prefix_and_frequency():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    logger = InformationLogger(
        x, prefix="val_", frequency=2, information="variance"
    )
    history = fit(inner, x, y, [logger], epochs=5)
    assert len(history["val_information_share_audio"]) == 3


@pytest.mark.once
def test_csv_logger_keeps_the_columns_of_a_lower_frequency(tmp_path):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    path = tmp_path / "log.csv"
    callbacks = [
        InformationLogger(x, frequency=2),
        keras.callbacks.CSVLogger(path),
    ]
    fit(inner, x, y, callbacks, epochs=3)
    with open(path) as file:
        column = [row["information_audio"] for row in csv.DictReader(file)]
    assert column[1] == "NA"
    assert float(column[0]) > 0 and float(column[2]) > 0


@pytest.mark.once
def test_a_lower_frequency_leaves_no_other_values_between():
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    model = RegularizedModel(inner)
    model.compile("sgd", toys.LOGITS_LOSS)
    history = model.fit(
        x,
        y,
        initial_epoch=1,
        epochs=5,
        callbacks=[InformationLogger(x, frequency=3)],
        verbose=0,
    ).history
    assert len(history["penalty"]) == 4
    assert [len(history[name]) for name in NAMES] == [2] * len(NAMES)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"stddev": {"audio": 0.1}}, "`stddev` must name every modality"),
        ({"functional": "mean"}, "`functional`"),
    ],
)
def test_what_only_a_batch_shows_stops_before_training(options, message):
    inner = toys.two_modalities()
    before = inner.get_weights()
    x, y = toys.data(inner)
    with pytest.raises(ValueError, match=message):
        fit(inner, x, y, [InformationLogger(x, **options)])
    for old, new in zip(before, inner.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.once
def test_verbose_prints_the_shares(capsys):
    inner = toys.two_modalities()
    x, y = toys.data(inner)
    fit(inner, x, y, [InformationLogger(x, verbose=1)], epochs=1)
    assert "share of information: audio" in capsys.readouterr().out


def test_a_modality_that_cannot_be_measured_stops_before_training():
    text = keras.Input((5,), dtype="int32", name="text")
    words = keras.layers.Embedding(7, 4)(text)
    inner = keras.Model(text, keras.layers.Dense(3)(words[:, 0]))
    before = inner.get_weights()
    x, y = np.ones((8, 5), "int32"), np.zeros(8, int)
    with pytest.raises(ValueError, match="taps="):
        fit(inner, x, y, [InformationLogger(x)])
    for old, new in zip(before, inner.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bad_frequency():
    with pytest.raises(ValueError, match="`frequency` must be an integer of"):
        InformationLogger({}, frequency=0)


def test_no_data():
    with pytest.raises(ValueError, match="`data` must be what `fit` accepts"):
        InformationLogger(None)


def test_a_modality_named_like_the_share_of_another():
    a, share = keras.Input((3,), name="a"), keras.Input((2,), name="share_a")
    merged = keras.layers.Concatenate()([a, share])
    inner = keras.Model(
        {"a": a, "share_a": share}, keras.layers.Dense(3)(merged)
    )
    x, y = toys.data(inner)
    with pytest.raises(ValueError, match="'information_share_a'. Rename"):
        fit(inner, x, y, [InformationLogger(x)])


def test_accumulated_gradients_count_as_steps():
    """Batch statistics follow every batch, though weights change rarely."""
    inner = toys.two_modalities()
    normal = keras.layers.BatchNormalization(momentum=0.5)
    outputs = normal(inner.output)
    model = keras.Model(inner.input, outputs)
    x, y = toys.data(model, num_examples=96)
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=8)
    model.compile(optimizer, toys.LOGITS_LOSS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(
            x, y, batch_size=4, callbacks=[InformationLogger(x)], verbose=0
        )
    assert not [w for w in caught if "mean nothing yet" in str(w.message)]
