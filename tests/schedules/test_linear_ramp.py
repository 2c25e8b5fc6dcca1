import keras
import pytest

from keras_mmreg.schedules import LinearRamp


def test_a_plain_start_is_a_switch():
    ramp = LinearRamp(start=3)
    assert [float(ramp(0, epoch)) for epoch in range(5)] == [0, 0, 0, 1, 1]


def test_steps_and_epochs_are_told_apart():
    ramp = LinearRamp(start=1, duration=1, unit="step")
    assert [float(ramp(step, 99)) for step in range(4)] == [0, 0.5, 1, 1]


def test_config_round_trip():
    ramp = LinearRamp(2, 3, "step")
    config = keras.saving.serialize_keras_object(ramp)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == ramp.get_config()


@pytest.mark.parametrize(
    "arguments", [{"start": -1}, {"duration": -1}, {"unit": "week"}]
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        LinearRamp(**arguments)
