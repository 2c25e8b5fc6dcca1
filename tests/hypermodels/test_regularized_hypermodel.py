import importlib
import json
import signal
import socket
import subprocess
import sys

import keras
import keras_tuner
import pytest

from keras_mmreg import regularizers
from keras_mmreg.callbacks import ShuffledModalityLogger
from keras_mmreg.hypermodels import RegularizedHyperModel
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import FisherInformation
from keras_mmreg.regularizers import ModalityMix
from keras_mmreg.regularizers import ModalityNoise
from keras_mmreg.regularizers import PoincareInformation
from tests import toys

COMPILE = {
    "optimizer": "sgd",
    "loss": "sparse_categorical_crossentropy",
    "metrics": ["accuracy"],
}
OBJECTIVE = keras_tuner.Objective("val_balanced_accuracy", "max")


def build_inner(hp):
    return toys.linear()


def hypermodel(compile_arguments=COMPILE, **kwargs):
    return RegularizedHyperModel(build_inner, compile_arguments, **kwargs)


def random_search(model, path, max_trials=2):
    return keras_tuner.RandomSearch(
        model,
        objective=OBJECTIVE,
        max_trials=max_trials,
        directory=path,
        seed=0,
    )


def test_default_hyperparameters():
    hp = keras_tuner.HyperParameters()
    model = hypermodel().build(hp)
    assert hp.values["regularizer"] == "fisher"
    assert hp.values["fisher_strength"] == pytest.approx(1e-3)
    choice, strength = hp.space
    assert choice.values == ["fisher", "plain"]
    assert (strength.min_value, strength.max_value) == (1e-5, 1e-1)
    assert strength.sampling == "log"
    assert isinstance(model, RegularizedModel)
    (regularizer,) = model.regularizers
    assert isinstance(regularizer, FisherInformation)
    assert regularizer.strength == pytest.approx(1e-3)


def test_all_hyperparameters():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(
        compile_arguments=lambda hp: {
            **COMPILE,
            "optimizer": keras.optimizers.SGD(hp.Fixed("learning_rate", 0.5)),
        },
        regularizers=("poincare", "fisher"),
        strength=(0.2, 0.8),
        fraction=(0.25, 0.5),
        seed=3,
    ).build(hp)
    assert hp.values == {
        "regularizer": "poincare",
        "poincare_strength": 0.2,
        "poincare_fraction": 0.5,
        "learning_rate": 0.5,
    }
    (regularizer,) = model.regularizers
    assert isinstance(regularizer, PoincareInformation)
    assert float(model.optimizer.learning_rate) == 0.5
    assert regularizer.fraction == 0.5
    assert model.seed == 3


def test_plain_training_is_the_model_itself():
    hp = keras_tuner.HyperParameters()
    hp.Fixed("regularizer", "plain")
    model = hypermodel().build(hp)
    assert not isinstance(model, RegularizedModel)
    assert model.compiled


def test_what_is_fixed_is_no_hyperparameter():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(regularizers="entropy", strength=0.0).build(hp)
    assert [each.name for each in hp.space] == ["regularizer"]
    assert model.regularizers[0].strength == 0.0


def test_each_method_is_tuned_by_what_it_has():
    hp = keras_tuner.HyperParameters()
    names = {"noise": "scale", "dropout": "rate", "mix": "strength"}
    space = hypermodel(regularizers=["blending", *names])
    assert space.build(hp).regularizers[0].name == "blending"
    for name, argument in names.items():
        hp.values["regularizer"] = name
        (method,) = space.build(hp).regularizers
        given = getattr(method, argument)
        assert hp.values[f"{name}_{argument}"] == given
        assert given == getattr(regularizers.get(name), argument)
    assert [each.name for each in hp.space][1:] == [
        f"{name}_{argument}" for name, argument in names.items()
    ]
    assert method.fraction == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regularizers": ["mix"], "strength": (1e-3, 1e-2)}, "`strength`"),
        ({"regularizers": ["noise"], "fraction": (0.1, 0.5)}, "`fraction`"),
        ({"fraction": 2.0}, "`fraction` must be a number.* <= 1 "),
        ({"tap": "auto"}, "takes no argument 'tap'"),
    ],
)
def test_arguments_without_effect_or_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        hypermodel(**options)


@pytest.mark.parametrize("cls", regularizers.ALIASES.values())
def test_search_ranges_are_of_arguments(cls):
    if cls.search_range is not None:
        argument, low, high = cls.search_range
        assert all(
            getattr(cls(**{argument: value}), argument) == value
            for value in (low, high)
        )


def test_values_are_used_and_settings_kept():
    hp = keras_tuner.HyperParameters()
    given = FisherInformation(strength=5.0, reduction="inverse_norm")
    space = hypermodel(regularizers={"sum": "fisher", "norm": given})
    space.build(hp)
    hp.values.update(regularizer="norm", norm_strength=0.05)
    (regularizer,) = space.build(hp).regularizers
    assert regularizer.reduction == "inverse_norm"
    assert regularizer.strength == 0.05
    assert given.strength == 5.0


def test_a_combination_and_a_function_of_the_hyperparameters():
    hp = keras_tuner.HyperParameters()
    space = hypermodel(
        regularizers={
            "both": ["noise", "mix"],
            "scaled": lambda hp: ModalityNoise(hp.Choice("scale", [0.5, 1.0])),
        },
    )
    noise, mix = space.build(hp).regularizers
    assert (noise.scale, mix.strength) == (1.0, 1.0)
    assert "scale" not in hp.values
    hp.values["regularizer"] = "scaled"
    (noise,) = space.build(hp).regularizers
    assert hp.values["scale"] == noise.scale == 0.5


def test_a_search_over_methods_holds_data_out_for_their_gate(tmp_path):
    x, y = toys.data(toys.linear())
    noise = {"noise": lambda hp: "noise"}  # Nothing to search.
    space = hypermodel(regularizers=noise, held_out=(x, y))
    tuner = keras_tuner.GridSearch(
        space, objective="val_accuracy", directory=tmp_path
    )
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    assert len(tuner.oracle.trials) == 2
    for trial in tuner.oracle.trials.values():
        assert trial.status == "COMPLETED", trial.message
    assert "plain" in RegularizedHyperModel.conclusion(tuner).lower()


def test_not_tunable_takes_the_defaults():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(tunable=False).build(hp)
    assert hp.space == []
    assert model.regularizers[0].strength == pytest.approx(1e-3)


class FakeTrial:
    def __init__(self, label, score):
        self.hyperparameters = {"regularizer": label}
        self.score = score


@pytest.mark.parametrize(
    "direction, scores, sentence",
    [
        ("max", (0.8, 0.7), "Plain training is best: score 0.8 against 0.7"),
        ("max", (0.7, 0.8), "The regularizer 'fisher' beats plain training"),
        ("min", (0.7, 0.8), "Plain training is best"),
    ],
)
def test_conclusion(direction, scores, sentence):
    class Oracle:
        objective = keras_tuner.Objective("score", direction)
        trials = [FakeTrial("plain", scores[0]), FakeTrial("fisher", scores[1])]

        def get_best_trials(self, count):
            return self.trials[:count]

    class Tuner:
        oracle = Oracle()

    conclusion = RegularizedHyperModel.conclusion(Tuner)
    assert sentence in conclusion
    assert "the best of 1 trials against 1 of plain training" in conclusion
    Oracle.trials = Oracle.trials[:1]
    with pytest.raises(ValueError, match="more `max_trials`"):
        RegularizedHyperModel.conclusion(Tuner)


def test_search_by_the_balanced_accuracy(tmp_path):
    x, y = toys.data(toys.linear())
    tuner = random_search(hypermodel(suspects=["audio"]), tmp_path)
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert len(trials) == 2
    for trial in trials:
        assert trial.status == "COMPLETED", trial.message
        balanced, intact, shuffled = (
            trial.metrics.get_best_value(f"val_{name}")
            for name in (
                "balanced_accuracy",
                "accuracy",
                "shuffled_audio_accuracy",
            )
        )
        assert trial.score == balanced
        assert balanced == pytest.approx((intact + shuffled) / 2)
    best = tuner.get_best_models()[0]
    assert best.evaluate(x, y, verbose=0, return_dict=True)[
        "accuracy"
    ] == pytest.approx(trials[0].metrics.get_best_value("val_accuracy"))


def test_the_callback_can_be_given_to_search(tmp_path):
    x, y = toys.data(toys.linear())
    tuner = random_search(hypermodel(), tmp_path)
    logger = ShuffledModalityLogger((x, y), ["audio"])
    tuner.search(x, y, callbacks=[logger], verbose=0)
    for trial in tuner.oracle.get_best_trials(2):
        assert trial.status == "COMPLETED", trial.message
        assert 0 <= trial.score <= 1


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({}, "with `validation_data`"),
        ({"validation_split": 0.5}, "with `validation_data`"),
        ({"validation_data": []}, "`data` must"),
    ],
)
def test_suspects_need_validation_data(kwargs, message, tmp_path):
    x, y = toys.data(toys.linear())
    tuner = random_search(hypermodel(suspects=["audio"]), tmp_path)
    with pytest.raises(ValueError, match=message):
        tuner.search(x, y, verbose=0, **kwargs)


def test_suspects_are_shuffled_in_a_dataset():
    torch = pytest.importorskip("torch")
    x, y = toys.data(toys.linear())
    rows = [({n: v[i] for n, v in x.items()}, y[i]) for i in range(len(y))]
    loader = torch.utils.data.DataLoader(rows, batch_size=4)
    tuned = hypermodel(suspects=["audio"])
    model = tuned.build(keras_tuner.HyperParameters())
    history = tuned.fit(
        None, model, loader, validation_data=loader, shuffle=False, verbose=0
    ).history
    assert "val_balanced_loss" in history


def test_unknown_suspects_end_the_search(tmp_path):
    x, y = toys.data(toys.linear())
    tuner = random_search(hypermodel(suspects=["smell"]), tmp_path)
    with pytest.raises(ValueError, match="`modalities` must name at least"):
        tuner.search(x, y, validation_data=(x, y), verbose=0)


@pytest.mark.parametrize("name", ["strength", "fraction"])
@pytest.mark.parametrize(
    "value", [(0.0, 1.0), (1.0, 0.1), (0.1, 0.2, 0.3), -1.0, "0.1"]
)
def test_bad_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a number, or a"):
        hypermodel(**{name: value})


@pytest.mark.parametrize("regularizers", [(), {}, (FisherInformation(),)])
def test_bad_regularizers(regularizers):
    with pytest.raises(ValueError, match="`regularizers` must be names"):
        hypermodel(regularizers=regularizers)


def test_trials_cannot_share_an_optimizer_or_metric():
    for arguments in (
        {**COMPILE, "optimizer": keras.optimizers.SGD()},
        {**COMPILE, "metrics": [keras.metrics.Accuracy()]},
    ):
        with pytest.raises(ValueError, match="`compile_arguments=lambda hp"):
            hypermodel(arguments)


def test_missing_keras_tuner(monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] == "keras_tuner":
            monkeypatch.setitem(sys.modules, name, None)
        elif name.startswith("keras_mmreg.hypermodels"):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"keras-mmreg\[tuner\]"):
        importlib.import_module("keras_mmreg.hypermodels")


@pytest.mark.skipif(
    keras.config.backend() != "torch", reason="the searches are KerasTuner's"
)
def test_a_killed_search_and_one_of_two_workers(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    done = subprocess.run(
        [sys.executable, "-m", "tests.hypermodels.searches", tmp_path, port],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["exits"] == [0, 0, 0, signal.SIGKILL]
    assert len(found["shared"]) == len(found["after"]) == 3
    # What was finished before the kill is not run again.
    assert list(found["before"]) == ["0"]
    assert found["before"].items() <= found["after"].items()


@pytest.mark.parametrize("name", ["disentangled", "blending", "prototypes"])
def test_a_fraction_is_for_methods_that_have_one(name):
    space = RegularizedHyperModel(
        lambda hp: toys.two_modalities(),
        COMPILE,
        regularizers=[name, "unimodal"],
        fraction=(0.25, 0.5),
        taps="auto",
    )
    hp = keras_tuner.HyperParameters()
    assert space.build(hp).regularizers[0].fraction == 1.0
    hp.values["regularizer"] = "unimodal"
    assert space.build(hp).regularizers[0].fraction == 0.5


def test_the_search_starts_at_the_methods_own_values():
    space = RegularizedHyperModel(
        lambda hp: toys.two_modalities(),
        COMPILE,
        regularizers={"some": ModalityMix(fraction=0.3)},
        fraction=(0.1, 0.9),
    )
    model = space.build(keras_tuner.HyperParameters())
    assert model.regularizers[0].fraction == 0.3
