"""What every method promises, on one toy, with one set of contracts."""

import contextlib
import warnings

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import modality_dependence
from tests import toys
from tests.toys import array
from tests.toys import tensor

regularizers = mmreg.regularizers

METHODS = {
    "fisher": lambda: regularizers.FisherInformation(fraction=0.5),
    "noise": regularizers.ModalityNoise,
    "noise_on_all": lambda: regularizers.ModalityNoise(0.5, gate=None),
    "dropout": lambda: regularizers.ModalityDropout(0.5, "mean"),
    "shuffle": lambda: regularizers.ModalityShuffle(["audio"]),
    "mix": lambda: regularizers.ModalityMix(gate=None),
    "gated_mix": regularizers.ModalityMix,
    "dependence": regularizers.ModalityDependence,
    "blending": regularizers.GradientBlending,
    "unimodal": lambda: regularizers.UnimodalLoss(fraction=0.5),
    "disentangled": regularizers.DisentangledGradients,
    "modulation": regularizers.GradientModulation,
    "prototypes": regularizers.PrototypicalRebalance,
}
NEED_ENCODERS = ("disentangled", "modulation", "prototypes")
TAPS = {"audio": "ear", "image": "eye"}


def create(name, inner=None, taps=TAPS, **kwargs):
    inner = inner or toys.two_modalities()
    model = RegularizedModel(inner, METHODS[name](), taps=taps, **kwargs)
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    return model


def fit(model, x, y, **kwargs):
    kwargs = {"batch_size": 8, "shuffle": False, "verbose": 0, **kwargs}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The gate is measured on training")
        return model.fit(x, y, **kwargs).history


def state(model):
    return [array(variable) for variable in model.variables]


VARIANTS = ("noise_on_all", "gated_mix")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.once) if name in VARIANTS else name
        for name in METHODS
    ],
)
class TestEveryMethod:
    def test_trains_and_resumes_as_if_uninterrupted(self, name, tmp_path):
        model = create(name, seed=0)
        calls = toys.count_calls(model.inner.get_layer("head"))
        # The last batch is one example.
        x, y = toys.data(model.inner, 17)
        weight = np.linspace(0.0, 2.0, 17)
        before = model.inner.get_weights()
        history = fit(model, x, y, sample_weight=weight)
        assert all(np.isfinite(v).all() for v in history.values())
        changed = [
            (old != new).any()
            for old, new in zip(before, model.inner.get_weights(), strict=True)
        ]
        assert all(changed)
        path = tmp_path / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        traces = len(calls)
        fit(model, x, y, sample_weight=weight, initial_epoch=1, epochs=2)
        if keras.config.backend() != "torch":  # It traces nothing.
            assert len(calls) == traces
        fit(loaded, x, y, sample_weight=weight, initial_epoch=1, epochs=2)
        for ours, theirs in zip(state(model), state(loaded), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)

    @pytest.mark.once
    def test_inference_is_the_inner_models(self, name):
        model = create(name)
        x, _ = toys.data(model.inner)
        before = state(model)
        np.testing.assert_allclose(
            model.predict(x, verbose=0),
            model.inner.predict(x, verbose=0),
            rtol=1e-6,
        )
        for old, new in zip(before, state(model), strict=True):
            np.testing.assert_array_equal(old, new)

    @pytest.mark.once
    def test_inputs_as_points(self, name):
        if name in NEED_ENCODERS:
            with pytest.raises(ValueError, match="Pass `taps='auto'`"):
                create(name, taps=None)
            return
        model = create(name, taps=None)
        history = fit(model, *toys.data(model.inner))
        assert all(np.isfinite(v).all() for v in history.values())


def test_methods_combine():
    model = RegularizedModel(
        toys.two_modalities(),
        ["noise", "mix", "dropout", "fisher", "poincare"],
        taps="auto",
        seed=0,
    )
    model.compile("sgd", toys.LOGITS_LOSS)
    history = fit(model, *toys.data(model.inner))
    names = {"fisher_penalty", "poincare_penalty", "mix_penalty", "gate_audio"}
    names |= {"information_audio", "poincare_information_audio"}
    assert names < set(history)
    total = sum(
        values[0]
        for name, values in history.items()
        if name.endswith("_penalty")
    )
    assert history["penalty"][0] == pytest.approx(total, rel=1e-5)


@pytest.mark.once
def test_fit_takes_its_arguments_by_position():
    model = RegularizedModel(toys.linear(None), "fisher")
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    history = model.fit(x, y, 8, 1, 0, None, 0.0, (x, y), False, {0: 2.0})
    assert "val_loss" in history.history
    assert model.class_weight == {0: 2.0}


def test_automatic_strength_is_a_hundredth_of_the_loss():
    model = RegularizedModel(toys.two_modalities(), "fisher", seed=0)
    model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
    x, y = toys.data(model.inner)
    for weight in (np.ones(16), 10 * np.ones(16)):
        history = fit(model, x, y, sample_weight=weight)
        task = history["loss"][0] - history["penalty"][0]
        assert history["penalty"][0] == pytest.approx(0.01 * task, rel=1e-3)


@pytest.mark.once
def test_fixed_strength_scales_with_the_sample_weights():
    penalties = []
    for factor in (1.0, 10.0):
        regularizer = regularizers.FisherInformation(0.1, stddev=0.1)
        model = RegularizedModel(toys.linear(None), regularizer, seed=0)
        model.inner.layers[-1].kernel.assign(
            np.linspace(-1, 1, 21).reshape(7, 3)
        )
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        x, y = toys.data(model.inner)
        history = fit(model, x, y, sample_weight=factor * np.ones(16))
        penalties.append(history["penalty"][0])
    assert penalties[1] == pytest.approx(10 * penalties[0], rel=1e-4)


@pytest.mark.parametrize("name", ["dependence", "prototypes"])
def test_other_penalties_scale_with_the_sample_weights(name):
    penalties = []
    for factor in (1.0, 10.0):
        keras.utils.set_random_seed(0)
        model = create(name, seed=0)
        model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
        x, y = toys.data(model.inner)
        weight = factor * np.linspace(0.0, 1.0, 16)
        # The first step has no prototypes yet.
        history = fit(model, x, y, sample_weight=weight, epochs=3)
        penalties.append(history["penalty"][-1])
    assert penalties[0] != 0
    assert penalties[1] == pytest.approx(10 * penalties[0], rel=1e-4)


@pytest.mark.once
def test_a_dominant_penalty_is_told():
    regularizer = regularizers.FisherInformation(1e3, bound="paper")
    model = RegularizedModel(toys.linear(None), regularizer, seed=0)
    model.compile(keras.optimizers.SGD(0.0), toys.LOGITS_LOSS)
    x, y = toys.data(model.inner, 8)
    with pytest.warns(UserWarning, match="times the task loss.*Try `strength="):
        model.fit(x, y, batch_size=4, epochs=60, verbose=0)


@pytest.mark.once
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_an_optimizer_that_undoes_a_method_is_told(optimizer):
    model = RegularizedModel(toys.two_modalities(), "modulation", "auto")
    model.compile(optimizer, toys.LOGITS_LOSS, run_eagerly=True)
    x, y = toys.data(model.inner, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model.fit(x, y, verbose=0)
    told = ["scales gradients" in str(each.message) for each in caught]
    assert any(told) == (optimizer == "adam")


def test_penalties_wait_for_batch_statistics():
    a = keras.Input((4,), name="a")
    x = keras.layers.BatchNormalization(momentum=0.5, name="norm")(a)
    inner = keras.Model(a, keras.layers.Dense(3)(x))
    inner.compile("sgd", toys.LOGITS_LOSS)
    model = RegularizedModel(inner, "fisher", seed=0)
    model.compile("sgd", toys.LOGITS_LOSS)
    x, y = np.random.rand(16, 4), np.arange(16) % 3
    with pytest.warns(UserWarning, match="have not settled"):
        mmreg.modality_information(inner, x)
    with pytest.warns(UserWarning, match="for 4 more training steps"):
        penalties = fit(model, x, y, epochs=3)["penalty"]
    with pytest.warns(UserWarning, match="another 4 training steps"):
        mmreg.modality_information(model, x)
    penalties += fit(model, x, y, initial_epoch=3, epochs=8)["penalty"]
    # 5 / (1 - 0.5) = 10 updates, in epochs of two steps.
    assert penalties[:5] == [0.0] * 5
    assert all(penalty > 0 for penalty in penalties[5:])


def test_noise_without_a_gate_has_the_scale_of_the_data():
    points = {"a": tensor(np.random.normal(size=(2000, 3)) * [1.0, 5.0, 0.0])}
    seed = keras.random.SeedGenerator(0)
    noisy = mmreg.interventions.add_noise(points, {"a": 0.5}, seed)["a"]
    moved = array(noisy) - array(points["a"])
    np.testing.assert_allclose(moved.std(0), [0.5, 2.5, 0.0], rtol=0.1)


def test_dropout_never_drops_everything():
    seed = keras.random.SeedGenerator(0)
    kept = array(mmreg.interventions.draw_kept(2, 1000, 0.9, seed))
    assert (kept.sum(1) >= 1).all()
    assert kept.mean() < 0.6


def test_jensen_shannon_against_numpy():
    p, q = np.random.dirichlet(np.ones(4), size=(2, 5))
    middle = (p + q) / 2
    expected = (
        (p * np.log(p / middle)).sum(1) + (q * np.log(q / middle)).sum(1)
    ) / 2
    actual = modality_dependence.jensen_shannon(tensor(p), tensor(q))
    np.testing.assert_allclose(array(actual), expected, rtol=1e-4)


def test_disentangled_encoders_learn_from_their_own_modality():
    model = create("disentangled")
    x, y = toys.data(model.inner)
    head = model.inner.get_layer("head")
    head.kernel.assign(np.zeros(head.kernel.shape))
    before = array(model.inner.get_layer("ear").kernel)
    # Through a head of zeros nothing reaches the encoders.
    with pytest.warns(UserWarning, match="had no gradient in epoch 1"):
        fit(model, x, y, batch_size=16)
    np.testing.assert_array_equal(
        array(model.inner.get_layer("ear").kernel), before
    )
    assert array(head.kernel).any()


def test_encoders_that_get_no_gradient_are_told():
    """Features that are multiplied by zeros tell nothing."""
    inner = toys.two_modalities()
    heard, seen = inner.get_layer("ear").output, inner.get_layer("eye").output
    seen = keras.layers.Dense(5)(keras.layers.Flatten()(seen))
    outputs = keras.layers.Dense(3)(keras.layers.multiply([heard, seen]))
    inner = keras.Model(inner.input, outputs)
    x, y = toys.data(inner)
    model = RegularizedModel(inner, "disentangled", taps="auto")
    model.compile("sgd", toys.LOGITS_LOSS)
    with pytest.warns(UserWarning, match="had no gradient") as told:
        history = fit(model, x, y, epochs=2)
    sentences = [str(warning.message) for warning in told]
    sentences = [text for text in sentences if "had no gradient" in text]
    assert [text.split("'")[1] for text in sentences] == ["audio", "image"]
    assert history["disentangled_gradient_audio"] == [0.0, 0.0]


@pytest.mark.parametrize(
    "name", ["unimodal", "blending", "modulation", "prototypes"]
)
def test_disentangled_encoders_learn_from_nothing_else(name):
    with pytest.raises(ValueError, match=rf"Leave it, or \['{name}'\], out"):
        regularizers.get_all([name, "disentangled"])
    regularizers.get_all(["disentangled", "dropout", "fisher"])


def test_modulation_needs_modalities_to_compare():
    with pytest.raises(ValueError, match="at least two: name more of them"):
        create("modulation", modalities=["audio"])


def test_suspects_may_be_all_that_is_regularized():
    inner = toys.two_modalities()
    method = METHODS["shuffle"]()
    model = RegularizedModel(inner, method, modalities=["audio"])
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    assert np.isfinite(fit(model, *toys.data(inner))["loss"]).all()
    for modalities in (None, ["audio", "image"]):
        method = regularizers.ModalityShuffle(["audio", "image"])
        with pytest.raises(ValueError, match="some, but not all"):
            RegularizedModel(inner, method, modalities=modalities)


class Opaque(keras.Model):
    """A classifier whose inputs show when it is called."""

    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(3)

    def call(self, inputs):
        return self.head(
            keras.ops.concatenate([inputs["audio"], inputs["image"]], axis=-1)
        )


@pytest.mark.parametrize("all_of_them", [False, True])
def test_suspects_of_a_subclassed_model(all_of_them):
    suspects = ["audio", "image"] if all_of_them else ["audio"]
    method = regularizers.ModalityShuffle(suspects)
    model = RegularizedModel(Opaque(), method, modalities=suspects)
    model.compile(keras.optimizers.SGD(0.1), toys.LOGITS_LOSS)
    x, y = toys.data(toys.linear())
    if all_of_them:
        with pytest.raises(ValueError, match="some, but not all"):
            fit(model, x, y)
    else:
        assert np.isfinite(fit(model, x, y)["loss"]).all()


def test_bad_arguments():
    for create_method, argument in (
        (lambda: regularizers.ModalityNoise(-1.0), "scale"),
        (lambda: regularizers.ModalityNoise(gate="open"), "gate"),
        (lambda: regularizers.ModalityDropout(1.0), "rate"),
        (lambda: regularizers.ModalityDropout(value="one"), "value"),
        (lambda: regularizers.ModalityShuffle([]), "suspects"),
        (lambda: regularizers.ModalityMix(strength="auto"), "strength"),
        (lambda: regularizers.GradientModulation(alpha=0.0), "alpha"),
        (lambda: regularizers.ModalityGate(1.0), "threshold"),
    ):
        with pytest.raises(ValueError, match=f"`{argument}`"):
            create_method()
    with pytest.raises(ValueError, match="`suspects` must name some"):
        RegularizedModel(toys.linear(), regularizers.ModalityShuffle(["smell"]))


def labeled(num_examples=600, seed=0):
    """`own` tells the label, `noise` does not."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, num_examples)
    own = rng.normal(size=(num_examples, 4)) + 3.0 * y[:, None]
    noise = rng.normal(size=(num_examples, 4))
    return {"own": own, "noise": noise}, y


def two_inputs(hidden=8):
    own, noise = (keras.Input((4,), name=name) for name in ("own", "noise"))
    merged = keras.layers.Concatenate()([own, noise])
    x = keras.layers.Dense(hidden, activation="relu")(merged)
    return keras.Model({"own": own, "noise": noise}, keras.layers.Dense(2)(x))


@pytest.mark.once
def test_the_gate_opens_for_what_tells_the_label():
    x, y = labeled()
    (x_train, y_train), held_out = HeldOut.split(x, y, fraction=0.5)
    model = RegularizedModel(two_inputs(), ["noise", "mix"], seed=0)
    model.compile("adam", toys.LOGITS_LOSS)
    history = model.fit(
        x_train,
        y_train,
        epochs=8,
        callbacks=[HeldOut(held_out)],
        verbose=0,
    ).history
    values = array(model.gate.values)
    assert model.gate.modalities == ["noise", "own"]
    assert values[0] < 0.1 < 0.5 < values[1]
    assert history["mix_penalty"][-1] > 0


@pytest.mark.once("jax")
def test_the_gate_stays_closed_where_modalities_must_be_combined():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (600, 2))
    x = {
        name: 2.0 * bits[:, i : i + 1] + 0.1 * rng.normal(size=(600, 4))
        for i, name in enumerate(("own", "noise"))
    }
    y = bits[:, 0] ^ bits[:, 1]
    accuracies = []
    for regularizer in (["noise", "mix"], None):
        keras.utils.set_random_seed(0)
        model, told = two_inputs(16), contextlib.nullcontext()
        if regularizer:
            model = RegularizedModel(model, regularizer, seed=0)
            told = pytest.warns(UserWarning, match="'mix'. changed nothing")
        model.compile(
            keras.optimizers.Adam(1e-2), toys.LOGITS_LOSS, metrics=["accuracy"]
        )
        with told:
            model.fit(x, y, validation_data=(x, y), epochs=15, verbose=0)
        accuracies.append(model.evaluate(x, y, verbose=0)[1])
    assert accuracies[0] >= accuracies[1] - 0.03


@pytest.mark.once
def test_the_gate_without_held_out_data_warns():
    x, y = labeled(64)
    model = RegularizedModel(two_inputs(), "mix")
    model.compile("adam", toys.LOGITS_LOSS)
    with pytest.warns(UserWarning, match="HeldOut.split"):
        model.fit(x, y, verbose=0)


def test_held_out_needs_a_gate():
    x, y = labeled(64)
    model = RegularizedModel(two_inputs(), "fisher")
    model.compile("adam", toys.LOGITS_LOSS)
    with pytest.raises(ValueError, match="gate of a `RegularizedModel`"):
        model.fit(x, y, callbacks=[HeldOut((x, y))], verbose=0)


def test_split_by_groups():
    groups = np.repeat(np.arange(5), 4)
    train, held_out = HeldOut.split(
        {"a": groups}, groups, groups=groups, fraction=0.4
    )
    assert len(np.unique(held_out[1])) == 2
    assert not set(train[1]) & set(held_out[1])
    with pytest.raises(ValueError, match="at least two groups"):
        HeldOut.split({"a": groups}, groups, groups=np.zeros(20))


@pytest.mark.once("jax")
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "amsgrad"])
def test_mix_gives_modalities_equal_margins(optimizer):
    """Of three redundant branches the fastest would take everything."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 256)
    sign = (2.0 * y - 1.0)[:, None]
    x = {"slow": 0.5 * sign, "fast": 4.0 * sign, "middle": sign}
    x = {name: value.astype("float32") for name, value in x.items()}
    inputs = {name: keras.Input((1,), name=name) for name in x}
    logits = [
        keras.layers.Dense(2, use_bias=False, name=f"{name}_head")(tensor)
        for name, tensor in inputs.items()
    ]
    inner = keras.Model(inputs, keras.layers.Add()(logits))
    model = RegularizedModel(
        inner, regularizers.ModalityMix(5.0, fraction=1.0, gate=None), seed=0
    )
    create_optimizer = {
        "sgd": lambda: keras.optimizers.SGD(0.05),
        "adam": lambda: keras.optimizers.Adam(0.05),
        "amsgrad": lambda: keras.optimizers.Adam(0.05, amsgrad=True),
    }[optimizer]
    model.compile(create_optimizer(), toys.LOGITS_LOSS)
    model.fit(x, y, batch_size=64, epochs=40, verbose=0)
    margins = []
    for name, values in x.items():
        kernel = array(inner.get_layer(f"{name}_head").kernel)[0]
        margins.append((kernel[1] - kernel[0]) * np.abs(values).mean())
    assert min(margins) > 0.5 * max(margins) > 0


@pytest.mark.once("jax")
def test_noise_prefers_the_redundantly_coded_modality():
    """A shortcut in one coordinate, and the same label in sixteen."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 512)
    sign = (2.0 * y - 1.0)[:, None]
    x = {
        "one": 10.0 * sign + 0.1 * rng.normal(size=(512, 1)),
        "many": 0.6 * sign + 0.5 * rng.normal(size=(512, 16)),
    }
    inputs = {
        name: keras.Input(value.shape[1:], name=name)
        for name, value in x.items()
    }
    merged = keras.layers.Concatenate()(list(inputs.values()))
    shares = {}
    for scale in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        inner = keras.Model(inputs, keras.layers.Dense(2)(merged))
        model = RegularizedModel(
            inner, regularizers.ModalityNoise(scale, gate=None), seed=0
        )
        model.compile(keras.optimizers.SGD(0.05), toys.LOGITS_LOSS)
        model.fit(x, y, epochs=10, verbose=0)
        shuffled = {**x, "one": np.random.default_rng(1).permutation(x["one"])}
        predicted = inner.predict(shuffled, verbose=0).argmax(-1)
        shares[scale] = np.mean(predicted == y)
    assert shares[1.0] > shares[0.0]
    assert shares[1.0] > 0.95


@pytest.mark.once
def test_a_modality_that_does_not_carry_over_is_doubted(tmp_path):
    x, y = labeled()
    rng = np.random.default_rng(1)
    # Tells the label of the training data, and nothing of the others.
    x["noise"][:300] += 2.0 * y[:300, None]
    x["own"] += rng.normal(size=x["own"].shape)
    train = {name: value[:300] for name, value in x.items()}, y[:300]
    held_out = {name: value[300:] for name, value in x.items()}, y[300:]
    model = RegularizedModel(two_inputs(), "mix", seed=0)
    model.compile(keras.optimizers.Adam(1e-2), toys.LOGITS_LOSS)
    doubting = HeldOut(held_out, doubt=True, start=0)
    model.fit(*train, epochs=12, callbacks=[doubting], verbose=0)
    distrusted = dict(
        zip(model.gate.modalities, array(model.gate.distrusted), strict=True)
    )
    assert distrusted["own"] == 0
    assert distrusted["noise"] == 1
    other = RegularizedModel(two_inputs(), "mix", seed=0)
    other.compile("adam", toys.LOGITS_LOSS)
    fit(other, *train)
    # A step that was made without doubt is made anew.
    other.fit(*train, callbacks=[doubting], verbose=0)
    assert other.gate.may_distrust
    # What is not believed is shuffled after loading, too.
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.gate.may_distrust
    assert loaded.gate.perturbs
    for each in (model, loaded):
        fit(each, *train, batch_size=32)
    for ours, theirs in zip(state(model), state(loaded), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def with_named_output():
    inner = toys.two_modalities()
    return keras.Model(inner.input, {"label": inner.output})


@pytest.mark.once
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("named", [False, True])
def test_labels_by_the_name_of_the_only_output(name, named):
    model = create(name, with_named_output())
    x, y = toys.data(model.inner)
    held_out = HeldOut((x, {"label": y} if named else y), start=0)
    callbacks = [held_out] if model.gate is not None else []
    history = fit(model, x, {"label": y} if named else y, callbacks=callbacks)
    assert all(np.isfinite(v).all() for v in history.values())


@pytest.mark.once
@pytest.mark.parametrize("name", ["modulation", "prototypes"])
def test_an_ignored_class_is_like_no_weight(name):
    ignoring = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=0
    )
    states = []
    for loss, weighs in ((ignoring, False), (toys.LOGITS_LOSS, True)):
        keras.utils.set_random_seed(0)
        model = RegularizedModel(
            toys.two_modalities(), METHODS[name](), taps=TAPS, seed=0
        )
        model.compile(keras.optimizers.SGD(0.0), loss)
        x, y = toys.data(model.inner, 16)
        weight = (y != 0).astype("float32") if weighs else None
        fit(model, x, y, sample_weight=weight, batch_size=16)
        (method,) = model.regularizers
        states.append([array(variable) for variable in method.variables])
    for ours, theirs in zip(*states, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    if name == "prototypes":
        np.testing.assert_array_equal(array(method.seen["audio"]), [0, 1, 1])
