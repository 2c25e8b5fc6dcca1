"""Methods and their model: what is refused, when, and what then stays."""

import inspect

import keras
import pytest

from keras_mmreg import regularizers
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models.fit_watch import own_logs
from tests import toys

pytestmark = pytest.mark.once


@keras.saving.register_keras_serializable("tests")
class Shrink(regularizers.Regularizer):
    """A method with an argument of its own, which its config may lack."""

    alias = "shrink"
    saves_rate = True

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def perturb(self, points, training_pass):
        return {name: self.rate * x for name, x in points.items()}

    def get_config(self):
        own = {"rate": self.rate} if self.saves_rate else {}
        return {**super().get_config(), **own}


class Forgetful(Shrink):
    saves_rate = False

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(rate, **kwargs)


class Unannounced(regularizers.Regularizer):
    alias = "unannounced"

    def penalty(self, training_pass):
        return None, {"extra": keras.ops.zeros(())}


@pytest.mark.parametrize("name", list(regularizers.ALIASES))
def test_a_method_that_was_refused_can_serve_another_model(name):
    method = regularizers.get(name)
    wrong = regularizers.ModalityShuffle(["nobody"])
    for refused in ([method, wrong], [wrong, method]):
        with pytest.raises(ValueError):
            RegularizedModel(toys.two_modalities(), refused, taps="auto")
    assert not method.weights
    model = RegularizedModel(toys.two_modalities(), method, taps="auto")
    assert method.network is model.network
    with pytest.raises(ValueError, match="serves another model"):
        RegularizedModel(toys.two_modalities(), method, taps="auto")


def test_a_method_says_what_it_needs_and_then_works():
    method = regularizers.DisentangledGradients()
    with pytest.raises(ValueError, match="taps='auto'"):
        RegularizedModel(toys.two_modalities(), method)
    RegularizedModel(toys.two_modalities(), method, taps="auto")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.ear = keras.layers.Dense(4, name="ear")
        self.head = keras.layers.Dense(3)

    def call(self, inputs):
        merged = [self.ear(inputs["audio"]), inputs["image"]]
        return self.head(keras.ops.concatenate(merged, axis=-1))


@pytest.mark.once
@pytest.mark.parametrize("taps", [None, {"audio": "ear"}])
def test_prototypes_need_a_functional_model(taps):
    x, y = toys.data(toys.linear())
    model = RegularizedModel(Subclassed(), "prototypes", taps=taps)
    model.compile("sgd", toys.LOGITS_LOSS)
    with pytest.raises(ValueError, match="Build the model from `keras.Input`s"):
        model.fit(x, y, verbose=0)


@pytest.mark.once
@pytest.mark.parametrize("name", ["mix", "blending"])
def test_features_of_unknown_shapes_are_refused_before_any_method(name):
    x, y = toys.data(toys.linear())
    first = regularizers.PoincareInformation()
    model = RegularizedModel(Subclassed(), [first, name], taps={"audio": "ear"})
    model.compile("sgd", toys.LOGITS_LOSS)
    with pytest.raises(ValueError, match="does not tell those at its taps"):
        model.fit(x, y, verbose=0)
    assert first.network is None and not first.built


class Vocabulary(keras.layers.Layer):
    """Turns strings into ids, in name only: few backends have strings."""

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((None, 2), "int32")


@pytest.mark.once
@pytest.mark.parametrize("name", ["dropout", "unimodal"])
def test_strings_cannot_be_left_out(name):
    text = keras.Input((), dtype="string", name="text")
    sound = keras.Input((3,), name="sound")
    words = keras.layers.Embedding(9, 4, name="words")(Vocabulary()(text))
    words = keras.layers.Flatten()(words)
    outputs = keras.layers.Dense(3)(keras.layers.Concatenate()([words, sound]))
    inner = keras.Model({"text": text, "sound": sound}, outputs)
    with pytest.raises(ValueError, match="'text' has dtype string.* `taps="):
        RegularizedModel(inner, name)
    RegularizedModel(inner, name, taps={"text": "words"})


def test_blending_has_a_branch_of_its_own():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="joint")
    outputs = keras.layers.Dense(3)(keras.layers.Concatenate()([a, b]))
    inner = keras.Model({"a": a, "joint": b}, outputs)
    with pytest.raises(ValueError, match="give the modality another name"):
        RegularizedModel(inner, "blending")


def test_looking_at_methods_changes_none():
    method = regularizers.PoincareInformation()
    regularizers.get_all(["fisher", method])
    model = RegularizedModel(toys.two_modalities(), method)
    assert all(name.startswith("information_") for name in method.log_names)
    assert method.modalities == model.network.modalities


def test_looking_at_methods_changes_no_logs_of_their_model():
    poincare = regularizers.PoincareInformation()
    model = RegularizedModel(toys.two_modalities(), ["fisher", poincare])
    model.compile("sgd", toys.LOGITS_LOSS)
    regularizers.get_all(poincare)
    logs = model.fit(*toys.data(model.inner), verbose=0).history
    for name in ("audio", "image"):
        assert logs[f"information_{name}"][0] > 0
        assert logs[f"poincare_information_{name}"][0] > 0
        assert (
            logs[f"information_{name}"] != logs[f"poincare_information_{name}"]
        )


def test_each_information_method_warns_by_its_own_logs():
    model = RegularizedModel(toys.two_modalities(), ["fisher", "poincare"])
    logs = {"information_audio": 0.0, "poincare_information_audio": 1.0}
    told = [
        set(method.warnings(own_logs(method, model.regularizers, logs), 1))
        for method in model.regularizers
    ]
    assert told == [{"audio"}, set()]


def test_a_config_must_have_all_arguments():
    with pytest.raises(ValueError, match=r"`Forgetful`.*\['rate'\]"):
        RegularizedModel(toys.two_modalities(), Forgetful(0.25))
    model = RegularizedModel(toys.two_modalities(), Shrink(0.25))
    copy = RegularizedModel.from_config(model.get_config())
    assert copy.regularizers[0].rate == 0.25


def test_logs_must_be_announced():
    model = RegularizedModel(toys.two_modalities(), Unannounced())
    model.compile("sgd", toys.LOGITS_LOSS)
    with pytest.raises(ValueError, match="`log_names_for`.*'extra'"):
        model.fit(*toys.data(model.inner), verbose=0)


@pytest.mark.parametrize(
    "method",
    [
        "mix",
        "dependence",
        "unimodal",
        regularizers.ModalityShuffle(["a"]),
        regularizers.ModalityMix(gate=None),
    ],
)
def test_outputs_that_compare_examples_are_refused_at_once(method):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    similarities = keras.ops.matmul(a, keras.ops.transpose(b))
    with pytest.raises(ValueError, match="compare all|needs one output"):
        RegularizedModel(keras.Model([a, b], similarities), method)


def test_fit_has_the_signature_of_keras():
    assert inspect.signature(RegularizedModel.fit) == inspect.signature(
        keras.Model.fit
    )
    model = RegularizedModel(toys.two_modalities(), "dropout")
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    with pytest.raises(TypeError, match="multiple values"):
        model.fit(x, y, x=None)
    history = model.fit(x, y, 8, 2, 0, [keras.callbacks.TerminateOnNaN()])
    assert history.epoch == [0, 1]


def test_mix_needs_all_modalities():
    """One that keeps its values would never agree with the label."""
    with pytest.raises(ValueError, match="leaves out \\['image'\\]"):
        RegularizedModel(
            toys.two_modalities(), ["noise", "mix"], modalities=["audio"]
        )


@pytest.mark.once(False)
@pytest.mark.eager
def test_labels_that_do_not_fit_the_outputs():
    inner = toys.linear(None)
    x, _ = toys.data(inner, 8)
    y = keras.ops.ones((8, 5))
    loss = keras.losses.MeanSquaredError()
    model = RegularizedModel(inner, "noise", functional=loss)
    model.compile("sgd", lambda y, p: keras.ops.mean(p, axis=-1))
    with pytest.raises(ValueError, match="Pass `gate=None`"):
        model.train_on_batch(x, y)
