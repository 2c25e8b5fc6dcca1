import keras
import keras_tuner
import numpy as np
import pytest

from keras_mmreg.hypermodels import CMVQVAEHyperModel

COMPILE = {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"}
Dense = keras.layers.Dense


def build_parts(hp):
    return {
        "encoders": {"image": Dense(4), "audio": Dense(4)},
        "decoders": {"image": Dense(6), "audio": Dense(3)},
        "head": Dense(2, activation="softmax"),
    }


def hypermodel(compile_arguments=COMPILE, **kwargs):
    return CMVQVAEHyperModel(build_parts, compile_arguments, **kwargs)


def test_default_hyperparameters():
    hp = keras_tuner.HyperParameters()
    model = hypermodel().build(hp)
    assert hp.values == {"num_embeddings": 512, "strength": 1e-4}
    sizes, strength = hp.space
    assert sizes.values == [64, 128, 256, 512]
    assert (strength.min_value, strength.max_value) == (1e-4, 1e-1)
    assert strength.sampling == "log"
    assert model.mask.strength == 1e-4
    assert model.mask.initial_value == 0.1
    assert model.quantizers["audio"].num_embeddings == 512
    assert model.quantizers["audio"].commitment_cost == 0.25


def test_all_hyperparameters():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(
        compile_arguments=lambda hp: {
            **COMPILE,
            "optimizer": keras.optimizers.SGD(hp.Fixed("learning_rate", 0.5)),
        },
        strength=(1e-3, 1e-2),
        initial_value=(0.1, 0.2),
        num_embeddings=[8, 16],
        num_groups=[1, 2],
        commitment_cost=(0.1, 1.0),
        quantizer_options={"update": "gradient"},
        mask_options={"threshold": 0.02},
    ).build(hp)
    assert hp.values == {
        "num_embeddings": 16,
        "commitment_cost": 0.25,
        "num_groups": 1,
        "strength": 1e-3,
        "initial_value": 0.1,
        "learning_rate": 0.5,
    }
    assert model.quantizers["image"].update == "gradient"
    assert model.mask.threshold == 0.02
    assert float(model.optimizer.learning_rate) == 0.5


def test_what_is_fixed_is_no_hyperparameter():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(strength=0.0, num_embeddings=8).build(hp)
    assert hp.space == []
    assert model.mask.strength == 0.0


def test_not_tunable_takes_the_defaults():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(tunable=False).build(hp)
    assert hp.space == []
    assert model.mask.strength == 1e-4


def test_search_by_the_task_loss(tmp_path):
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(16, 6)).astype("float32"),
        "audio": random.normal(size=(16, 3)).astype("float32"),
    }
    y = np.arange(16) % 2
    tuner = keras_tuner.RandomSearch(
        hypermodel(num_embeddings=[4, 8], num_groups=[1, 2]),
        objective=keras_tuner.Objective("val_task_loss", "min"),
        max_trials=2,
        directory=tmp_path,
        seed=0,
    )
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert len({trial.hyperparameters["strength"] for trial in trials}) == 2
    for trial in trials:
        assert trial.status == "COMPLETED", trial.message
        assert trial.score == trial.metrics.get_best_value("val_task_loss")


@pytest.mark.parametrize(
    "kwargs,message",
    [
        ({"strength": (0.0, 1.0)}, "`strength` must be a number, or a pair"),
        ({"strength": ("a", "b")}, "`strength` must be a number, or a pair"),
        ({"strength": (0.1, "b")}, "`strength` must be a number, or a pair"),
        ({"strength": True}, "`strength` must be a number, or a pair"),
        ({"num_embeddings": ()}, "`num_embeddings` must be an integer, or a"),
        ({"num_groups": 0.5}, "`num_groups` must be an integer, or a list"),
        ({"num_embeddings": [8, 0]}, "`num_embeddings` must be an integer of"),
        ({"num_groups": 0}, "`num_groups` must be an integer of at least 1"),
        (
            {"compile_arguments": {"optimizer": keras.optimizers.SGD()}},
            "`compile_arguments=lambda hp",
        ),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        hypermodel(**kwargs)
