import json

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.models import CMVQVAE
from keras_mmreg.models import RegularizedModel
from keras_mmreg.report import modality_report
from tests import toys
from tests.report.toys import adder
from tests.report.toys import color_reader
from tests.report.toys import colored

pytestmark = [pytest.mark.eager, pytest.mark.once]

FAST = {"num_bootstraps": 50}


def kinds(report):
    return [finding.kind for finding in report.findings]


@pytest.mark.once(False)
def test_a_shortcut_is_found_out():
    x, y = colored()
    report = mmreg.modality_report(color_reader(), (x, y))
    assert report.intact.value == 1.0 and report.intact.high == 1.0
    assert report.intact.low == pytest.approx(1 - 3 / 300)
    share = np.bincount(y).max() / 300
    assert report.chance == pytest.approx(share)
    shuffled = report.shuffled["color"]
    assert shuffled.value == pytest.approx(1 / 3, abs=0.08)
    assert shuffled.low < 1 / 3 < shuffled.high
    assert shuffled.cost == pytest.approx(1 - shuffled.value)
    assert report.shuffled["shape"].cost == 0.0
    assert report.alone["color"].value == 1.0
    assert report.alone["shape"] == shuffled
    # Softmax of nothing: always the first class.
    assert report.missing["zero"]["color"].value == pytest.approx(
        np.mean(y == 0)
    )
    assert report.perceptual_scores["color"] == shuffled.cost
    assert report.passes == 5 and report.window is None
    assert "rests on `color`" in report.findings[0].text
    assert kinds(report)[:2] == ["reliance", "ignored"]


def test_the_permutation_is_of_the_seed():
    x, y = colored()
    values = [
        modality_report(color_reader(), (x, y), seed=seed, **FAST)
        .shuffled["color"]
        .value
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]


def test_several_permutations_are_averaged():
    x, y = colored(60)
    report = modality_report(
        color_reader(), (x, y), num_permutations=20, **FAST
    )
    expected = np.sum((np.bincount(y) / 60) ** 2)
    assert report.shuffled["color"].value == pytest.approx(expected, abs=0.03)
    assert report.passes == 1 + 2 * 20 + 2


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_default_costs_at_most_3m_plus_1_predicts(count):
    names = "abcd"[:count]
    y = np.arange(24) % 3
    x = dict.fromkeys(names, np.eye(3, dtype="float32")[y])
    calls = []

    class Counted(keras.Model):
        def predict_on_batch(self, x):
            calls.append(len(x["a"]))
            return super().predict_on_batch(x)

    inner = adder(names)
    model = Counted(inner.inputs, inner.outputs[0])
    report = modality_report(model, (x, y), batch_size=8, **FAST)
    assert report.passes <= 3 * count + 1
    # One batch more, to see what the model is for.
    assert len(calls) == 3 * report.passes + 1


@pytest.mark.once(False)
@pytest.mark.eager(False)
def test_nothing_is_compiled_twice():
    traces = []

    @keras.saving.register_keras_serializable(package="test")
    class Traced(keras.layers.Layer):
        def call(self, x):
            traces.append(1)
            return x

    color = keras.Input((3,), name="color")
    shape = keras.Input((2,), name="shape")
    merged = keras.layers.Concatenate()([Traced()(color), shape])
    model = keras.Model([color, shape], keras.layers.Dense(3)(merged))
    x, y = colored(64)
    data = ([x["color"], x["shape"]], y)
    model.predict(data[0], verbose=0)
    if keras.config.backend() == "torch":
        pytest.skip("torch compiles nothing")
    before = len(traces)
    modality_report(model, data, include=["noise_curves"], **FAST)
    assert len(traces) - before <= 1


@pytest.mark.once(False)
@pytest.mark.parametrize("wrap", [lambda m: m, RegularizedModel])
def test_the_score_is_that_of_evaluate(wrap):
    inner = toys.two_modalities()
    x, y = toys.data(inner, 40)
    model = wrap(inner)
    model.compile("sgd", toys.LOGITS_LOSS, metrics=["accuracy"])
    weight = np.random.default_rng(0).random(40)
    logs = model.evaluate(x, y, return_dict=True, verbose=0)
    report = modality_report(model, (x, y), **FAST)
    assert report.intact.value == pytest.approx(logs["accuracy"])
    weighted = modality_report(model, (x, y, weight), **FAST)
    right = model.predict(x, verbose=0).argmax(axis=1) == y
    expected = np.average(right, weights=weight)
    assert weighted.intact.value == pytest.approx(expected)


def test_streams_are_shuffled_within_windows():
    x, y = colored(96)
    batches = (
        ({name: x[name][i : i + 8] for name in x}, y[i : i + 8])
        for i in range(0, 96, 8)
    )
    report = modality_report(color_reader(), batches, window=32, **FAST)
    assert report.num_examples == 96 and report.window == 32
    assert report.intact.value == 1.0
    assert report.shuffled["color"].value == pytest.approx(1 / 3, abs=0.15)
    assert "window" in kinds(report)
    assert "windows of 32 examples" in report.summary()


def test_a_stream_has_groups_in_its_order():
    x, y = colored(32)

    def batches():
        for start in range(0, 32, 8):
            rows = slice(start, start + 8)
            yield {name: x[name][rows] for name in x}, y[rows]

    groups = np.arange(32) // 2
    report = modality_report(color_reader(), batches(), groups=groups, **FAST)
    assert report.num_groups == 16
    for count in (31, 33):
        with pytest.raises(ValueError, match="`groups` must have an entry"):
            modality_report(
                color_reader(), batches(), groups=np.arange(count), **FAST
            )


@pytest.mark.once(False)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    x, y = colored(40)
    report = modality_report(
        color_reader(), (x, y), include=["calibration"], **FAST
    )
    assert report.intact.value == 1.0


@pytest.mark.once(False)
@toys.needs_strings
def test_strings_are_shuffled_and_emptied():
    text = keras.Input((), dtype="string", name="text")
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"])
    ids = keras.layers.Flatten()(lookup(text)[..., None])
    outputs = keras.layers.CategoryEncoding(3, output_mode="one_hot")(ids)
    model = keras.Model({"text": text}, outputs)
    strings = keras.ops.convert_to_tensor(["a", "b"] * 20)
    data = ({"text": strings}, np.array([1, 2] * 20))
    report = modality_report(model, data, **FAST)
    assert report.intact.value == 1.0
    assert report.shuffled["text"].value == pytest.approx(0.5, abs=0.3)
    assert report.missing["zero"]["text"].value == 0.0


def test_groups_are_drawn_as_a_whole():
    # Half of the subjects are always right, the others never.
    y = np.zeros(400, int)
    groups = np.repeat(np.arange(20), 20)
    x = np.where(groups % 2, -1.0, 1.0)[:, np.newaxis] * [[1.0, -1.0]]
    model = keras.Sequential([keras.Input((2,), name="a")])
    model.add(keras.layers.Activation("linear"))
    by_example = modality_report(model, (x, y))
    by_group = modality_report(model, (x, y), groups=groups)
    widths = [
        each.intact.high - each.intact.low for each in (by_example, by_group)
    ]
    # 1.96 * 2 * sqrt(p (1 - p) / n)
    assert widths[0] == pytest.approx(3.92 * 0.5 / 20, rel=0.15)
    assert widths[1] == pytest.approx(3.92 * 0.5 / 20**0.5, rel=0.2)
    assert by_group.num_groups == 20
    assert "few" in kinds(by_group) and "few" not in kinds(by_example)


def test_binary_multi_label_and_one_hot():
    inputs = {name: keras.Input((2,), name=name) for name in ("a", "b")}
    total = keras.layers.Add()(list(inputs.values()))
    outputs = keras.layers.Activation("sigmoid")(total)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (200, 2))
    x = {"a": 8.0 * y - 4.0, "b": np.zeros((200, 2))}
    report = modality_report(model, (x, y), include=["per_class"], **FAST)
    assert report.task == "multi-label classification"
    assert report.metric == "binary accuracy"  # Of each label.
    assert report.intact.value == 1.0
    assert report.shuffled["a"].value == pytest.approx(0.5, abs=0.1)
    assert [each["count"] for each in report.per_class] == list(y.sum(axis=0))
    x, y = colored(60)
    one_hot = modality_report(color_reader(), (x, np.eye(3)[y]), **FAST)
    assert one_hot.intact.value == 1.0


def test_a_modality_called_intact():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="intact")
    outputs = keras.layers.Add()([a, b])
    model = keras.Model({"a": a, "intact": b}, outputs)
    x = {"a": np.zeros((9, 2)), "intact": np.zeros((9, 2))}
    with pytest.raises(ValueError, match="cannot have the name 'intact'"):
        modality_report(model, (x, np.zeros((9, 2))), **FAST)


def test_information_that_is_unknown():
    """A square root of 0, whose slope is infinite."""
    a, b = (keras.Input((2,), name=name) for name in "ab")
    root = keras.layers.Activation(keras.ops.sqrt)(a)
    model = keras.Model({"a": a, "b": b}, keras.layers.Add()([root, b]))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x = {"a": np.zeros((60, 2)), "b": rng.normal(size=(60, 2))}
    report = modality_report(
        model, (x, x["b"]), include=["information"], **FAST
    )
    assert np.isnan(report.information["a"])
    assert "a unknown" in report.summary() and "nan%" not in report.to_html()


def test_regression():
    model = adder("ab")
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(300, 3)) for name in "ab"}
    x["b"] *= 0.1
    report = modality_report(model, (x, x["a"] + x["b"]), **FAST)
    assert report.metric == "R²" and not report.percent
    assert report.intact.value == pytest.approx(1.0)
    # Two independent draws of the same variance: R^2 = 1 - 2.
    assert report.shuffled["a"].value == pytest.approx(-1.0, abs=0.15)
    assert report.findings[0].text.startswith("Shuffling `a` worsens R² by 2")
    error = modality_report(
        model, (x, x["a"]), metric="mean_absolute_error", **FAST
    )
    assert not error.higher_is_better and error.chance is None
    assert error.shuffled["a"].cost > 1.0 > error.intact.value


def test_a_bad_regression_has_no_perceptual_score():
    model = adder("ab")
    model.compile("sgd", "mse")
    x = {name: np.random.default_rng(0).normal(size=(60, 3)) for name in "ab"}
    report = modality_report(
        model, (x, -2.0 * x["a"]), metric=keras.metrics.R2Score(), **FAST
    )
    assert report.intact.value < 0 == report.chance
    assert report.findings[0].kind == "chance"
    assert np.isnan(list(report.perceptual_scores.values())).all()


@pytest.mark.once(False)
def test_segmentation():
    inputs = {name: keras.Input((4, 4, 3), name=name) for name in ("rgb", "z")}
    model = keras.Model(inputs, keras.layers.Add()(list(inputs.values())))
    y = np.random.default_rng(0).integers(0, 3, (40, 4, 4))
    x = {"rgb": np.eye(3)[y], "z": np.zeros((40, 4, 4, 3))}
    report = modality_report(model, (x, y), include="all", **FAST)
    assert report.metric == "mIoU" and report.intact.value == 1.0
    assert report.shuffled["rgb"].value == pytest.approx(0.2, abs=0.03)
    assert report.baselines == {}


@pytest.mark.once(False)
def test_a_cm_vqvae_and_a_subclassed_model():
    x, y = colored(24)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs["color"]) + 0.0 * inputs["shape"][:, :1]

    masked = CMVQVAE(
        encoders={name: keras.layers.Dense(4) for name in x},
        head=keras.layers.Dense(3),
        quantizers=None,
        mask="none",
    )
    for model in (Subclassed(), masked):
        report = modality_report(model, (x, y), **FAST)
        assert report.modalities == ["color", "shape"]
        assert report.num_examples == 24


def test_one_of_several_outputs():
    inputs = keras.Input((3,), name="a")
    outputs = {"same": inputs * 1.0, "other": keras.layers.Dense(1)(inputs)}
    model = keras.Model(inputs, outputs)
    losses = {"same": toys.LOGITS_LOSS, "other": "mse"}
    model.compile("sgd", losses, metrics={"same": ["accuracy"]})
    y = np.arange(30) % 3
    labels = {"same": y, "other": y[:, np.newaxis]}
    x = np.eye(3, dtype="float32")[y]
    report = modality_report(model, (x, labels), output="same", **FAST)
    assert report.intact.value == 1.0 and report.modalities == ["a"]
    with pytest.raises(ValueError, match="`output` must name one of"):
        modality_report(model, (x, labels))


def test_what_only_adds_up_needs_no_interaction():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = {name: np.eye(3)[y] + rng.normal(size=(60, 3)) for name in "ab"}
    report = modality_report(
        adder("ab"), (x, y), include=["interaction"], **FAST
    )
    assert report.additive.value == pytest.approx(report.intact.value)


def test_inputs_that_are_not_asked_for_only_add_up_too():
    rng = np.random.default_rng(0)
    model = adder("abc")
    model.compile("sgd", "mse")
    x = {name: rng.normal(size=(60, 3)) for name in "abc"}
    report = modality_report(
        model,
        (x, sum(x.values())),
        modalities=["a", "b"],
        include="interaction",
        **FAST,
    )
    assert report.intact.value == pytest.approx(1.0)
    assert report.additive.value == pytest.approx(1.0)


def test_a_product_needs_interaction():
    inputs = {name: keras.Input((1,), name=name) for name in "ab"}
    product = keras.layers.Multiply()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Activation("sigmoid")(8 * product))
    rng = np.random.default_rng(0)
    x = {name: rng.choice([-1.0, 1.0], (300, 1)) for name in "ab"}
    y = (x["a"] * x["b"] > 0).astype(int)
    model.compile("sgd", "binary_crossentropy")
    report = modality_report(model, (x, y), include=["interaction"])
    assert report.intact.value == 1.0 and report.additive.value < 0.8
    assert "interaction" in kinds(report)


@pytest.mark.parametrize("count", [3, 6])
def test_shapley_values_add_up(count):
    names = "abcdef"[:count]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = {
        name: weight * np.eye(3)[y] + rng.normal(size=(60, 3))
        for weight, name in enumerate(names)
    }
    report = modality_report(adder(names), (x, y), include="subsets", **FAST)
    gain = report.intact.value - report.subsets[""].value
    total = sum(each.value for each in report.shapley.values())
    assert total == pytest.approx(gain)
    if count == 3:
        assert len(report.subsets) == 8
        both = report.subsets["a + c"].value
        assert both == pytest.approx(report.shuffled["b"].value)


@pytest.mark.once(False)
def test_noise_curves_calibration_information_and_probes():
    x, y = colored(200)
    report = modality_report(
        color_reader(),
        (x, y),
        include=["noise_curves", "calibration", "information", "baselines"],
        missing=["zero", "mean", "noise"],
        **FAST,
    )
    curve = [each.value for each in report.noise_curves["color"].values()]
    assert curve[0] == 1.0 and curve == sorted(curve, reverse=True)
    assert report.calibration["intact"] < 0.01 < 0.5
    assert report.calibration["color"] == pytest.approx(
        1 - report.shuffled["color"].value, abs=0.01
    )
    assert report.information["shape"] == 0.0
    assert report.baselines["color"].value == 1.0
    assert report.baselines["shape"].value < 0.5
    assert list(report.missing) == ["zero", "mean", "noise"]


def test_probes_of_held_out_groups_and_of_taps():
    # The subject is known by its shape, and each subject has one class.
    x, _ = colored(120)
    groups = np.repeat(np.arange(30), 4)
    y = groups % 3
    x["shape"] = np.random.default_rng(0).normal(size=(30, 40))[groups]
    shape = keras.Input((40,), name="shape")
    color = keras.Input((3,), name="color")
    features = keras.layers.Dense(3, name="features")(shape)
    model = keras.Model({"color": color, "shape": shape}, features + color)
    data = (x, y)
    known = modality_report(model, data, include="baselines", **FAST)
    held = modality_report(
        model, data, include="baselines", groups=groups, **FAST
    )
    assert known.baselines["shape"].value > 0.9
    assert held.baselines["shape"].value < 0.7
    tapped = modality_report(
        model, data, include="baselines", taps={"shape": "features"}, **FAST
    )
    assert tapped.baselines["shape"].value < known.baselines["shape"].value


def test_models_of_one_modality_are_compared_with():
    x, y = colored(60)
    # Both are right on the first half only.
    x["color"][30:] = np.roll(x["color"][30:], 1, axis=1)
    alone = keras.Input((3,), name="color")
    by_name = keras.Model({"color": alone}, keras.layers.ReLU()(alone))
    by_place = keras.Sequential([keras.Input((3,)), keras.layers.ReLU()])
    for own in (by_name, by_place):
        report = modality_report(
            color_reader(), (x, y), unimodal={"color": own}, **FAST
        )
        measured = report.unimodal["color"]
        assert measured.value == report.intact.value == 0.5
        # The same examples are right, so nothing is left to chance.
        assert measured.cost_high == pytest.approx(3 / 60)
        assert "unimodal" in kinds(report)
        assert "a model of it only" in report.to_html()
    for wrong in ({"video": own}, {"color": 3}, [own]):
        with pytest.raises(ValueError, match="`unimodal` must"):
            modality_report(color_reader(), (x, y), unimodal=wrong)


def test_untrained_statistics_are_told():
    inputs = keras.Input((3,), name="a")
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    x, y = colored(40)
    report = modality_report(model, (x["color"], y), **FAST)
    assert "never updated" in report.findings[-1].text
    model.layers[-1].moving_mean.assign([0.1, 0.2, 0.3])
    report = modality_report(model, (x["color"], y), **FAST)
    assert not any("never updated" in each.text for each in report.findings)


def test_keras_metrics():
    model = adder("ab")
    x, y = colored(120)
    data = ({"a": x["color"], "b": x["color"][::-1]}, np.eye(3)[y])
    metric = keras.metrics.F1Score(average="macro")
    report = modality_report(model, data, metric=metric, **FAST)
    predictions = model.predict(data[0], verbose=0)
    metric.update_state(data[1], predictions)
    assert report.intact.value == pytest.approx(
        float(metric.result()), abs=1e-5
    )
    assert report.chance is None and report.metric == "f1_score"
    assert report.intact.low <= report.intact.value <= report.intact.high


def test_progress_is_shown(capsys):
    x, y = colored(40)
    modality_report(color_reader(), (x, y), verbose=1, **FAST)
    assert "10/10" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"include": "everything"}, "`include` must be one of"),
        ({"missing": "nothing"}, "`missing` must be one of"),
        ({"mode": "up"}, "`mode` must be one of"),
        ({"num_permutations": 0}, "`num_permutations` must be an integer"),
        ({"confidence": 1.0}, "`confidence` must be a finite number"),
        ({"groups": [1, 2]}, "`groups` must be an array"),
        ({"modalities": ["video"]}, "`modalities` must name"),
        ({"metric": "wonder"}, "`metric` must be the name"),
        ({"window": 0}, "`window` must be an integer"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"taps": "all"}, "`taps` must be a dict"),
        (
            {"metric": lambda y, p: 0.5, "mode": "max"},
            "`metric` must return a value",
        ),
        ({"output": "wonder"}, "`output` must be one of"),
    ],
)
def test_arguments_are_checked(arguments, message):
    x, y = colored(12)
    with pytest.raises(ValueError, match=message):
        modality_report(color_reader(), (x, y), **arguments)


def test_classes_are_needed_for_calibration():
    model = adder("ab")
    x = dict.fromkeys("ab", np.random.rand(8, 3))
    with pytest.raises(ValueError, match="`include` has"):
        modality_report(model, (x, x["a"]), include=["calibration"])


def test_scores_of_predictions_that_are_not_finite_are_unknown():
    """A logarithm of a difference, positive in all data as they are."""
    a, b = (keras.Input((1,), name=name) for name in "ab")
    difference = keras.layers.Lambda(lambda x: keras.ops.log(x[0] - x[1]))
    logit = difference([a, b])
    outputs = keras.layers.Concatenate()([logit, -logit])
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 3, (60, 1))
    x = {"a": low + rng.uniform(0.1, 2, (60, 1)), "b": low}
    y = (np.log(x["a"] - x["b"])[:, 0] < 0).astype(int)
    include = ["subsets", "noise_curves", "interaction", "calibration"]
    report = modality_report(
        model, (x, y), include=[*include, "per_class"], **FAST
    )
    assert report.intact.value == 1.0
    unknown = [
        *report.shuffled.values(),
        *report.alone.values(),
        *report.shapley.values(),
        *report.noise_curves["a"].values(),
        report.subsets["a"],
        report.additive,
    ]
    assert np.isnan([each.value for each in unknown]).all()
    assert np.isnan([report.calibration[name] for name in "ab"]).all()
    assert np.isnan(
        [each["shuffled"][name] for each in report.per_class for name in "ab"]
    ).all()
    texts = [each.text for each in report.findings]
    assert texts[0] == "What the prediction rests on is unknown."
    assert any("with noise in `a` (" in text for text in texts)
    assert not any("interaction" in text for text in texts)
    assert not any("costs" in text for text in texts)
    for shown in (report.summary(), report.to_html()):
        assert "unknown" in shown and "nan" not in shown
    figure = report.plot()
    figure.canvas.draw()


def test_predictions_that_are_not_finite_are_told():
    """A text of padding alone has no mean."""
    ids = keras.Input((4,), dtype="int32", name="text")
    image = keras.Input((2,), name="image")
    read = keras.layers.Embedding(9, 3, mask_zero=True)(ids)
    read = keras.layers.GlobalAveragePooling1D()(read)
    merged = keras.layers.Concatenate()([read, image])
    outputs = keras.layers.Dense(2, activation="softmax")(merged)
    model = keras.Model({"text": ids, "image": image}, outputs)
    rng = np.random.default_rng(0)
    x = {"text": rng.integers(1, 9, (40, 4)), "image": rng.normal(size=(40, 2))}
    y = np.arange(40) % 2
    report = modality_report(model, (x, y), include="noise_curves", verbose=0)
    assert list(report.noise_curves) == ["image"]  # Ids have no noise.
    assert report.passes == 9
    assert "`text`: no noise curve" in report.findings[-1].text
    if keras.config.backend() != "tensorflow":  # There, 0 / 0 is 0.
        assert report.findings[0].kind != "broken"
        found = {each.kind: each.text for each in report.findings}
        assert "with zeros in place of `text` (" in found["broken"]
        assert np.isnan(report.missing["zero"]["text"].value)
        assert all("without `text`" not in e.text for e in report.findings)
        page = report.to_html()
        assert "unknown" in page and "+unknown" not in page
    model.set_weights([np.nan * weight for weight in model.get_weights()])
    report = modality_report(model, (x, y), verbose=0)
    assert "100% of the predictions are not finite" in report.findings[0].text


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.arange(40) % 3 + 1, "labels from 0 to 2.* from 1 to 3"),
        (np.array(["a", "b"] * 20), "labels that are integers"),
    ],
)
def test_labels_that_are_no_classes(labels, message):
    model = color_reader()
    model.compile(loss="sparse_categorical_crossentropy")
    x, _ = colored(40)
    with pytest.raises(ValueError, match=message):
        modality_report(model, (x, labels), verbose=0)


def test_a_report_says_what_the_model_is_trained_with():
    x, y = colored(60)
    model = RegularizedModel(color_reader(), ["noise", "mix"])
    report = modality_report(model, (x, y), **FAST)
    assert report.methods == ["noise", "mix"]
    assert "Trained with noise, mix." in " ".join(report.summary().split())
    assert "Trained with noise, mix." in report.to_html()
    assert modality_report(color_reader(), (x, y), **FAST).methods == []


def test_modalities_that_were_not_asked_for():
    x, y = colored(300)
    x = {"a": 4 * x["color"], "b": x["color"][::-1].copy(), "c": x["color"]}
    model = adder("abc")
    report = modality_report(model, (x, y), modalities=["b", "c"], **FAST)
    whole = modality_report(model, (x, y), **FAST)
    assert report.unasked == ["a"] and whole.unasked == []
    assert report.intact == whole.intact
    # `a` tells all there is to tell, but not of `c` alone.
    assert report.alone["c"].value < 0.8
    assert "Not asked for: `a`" in report.summary()
    one = modality_report(model, (x, y), modalities=["a"], **FAST)
    assert "`a` is asked for alone" in one.findings[0].text
    assert one.alone["a"].value == 1.0


def test_probes_know_missing_numbers_and_weights():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 400, 2)).astype("float32")
    known = rng.integers(0, 2, 400)
    y = np.where(known, a[:, 0] > 0, b[:, 0] > 0).astype(int)
    inputs = {name: keras.Input((2,), name=name) for name in "ab"}
    merged = keras.layers.Concatenate()(list(inputs.values()))
    outputs = keras.layers.Dense(1, activation="sigmoid")(merged)
    model = keras.Model(inputs, outputs)
    options = {"include": ["baselines"], **FAST}
    weight = known.astype("float32")
    x = {"a": a, "b": b}
    report = modality_report(model, (x, y[:, None], weight), **options)
    assert report.baselines["a"].value > 0.9 > 0.6 > report.baselines["b"].value
    x["a"] = np.where(rng.random(a.shape) < 0.1, np.nan, a)
    report = modality_report(model, (x, y[:, None], weight), **options)
    assert report.baselines["a"].value > 0.85


def test_ids_beside_a_mask_are_no_numbers():
    ids = keras.Input((3,), name="ids", dtype="int32")
    mask = keras.Input((3,), name="mask")
    outputs = keras.layers.Multiply()([ids, mask])
    model = keras.Model({"text": {"ids": ids, "mask": mask}}, outputs)
    y = np.arange(30) % 3
    text = {"ids": np.eye(3, dtype="int32")[y], "mask": np.ones((30, 3))}
    include = ["noise_curves", "baselines"]
    report = modality_report(model, ({"text": text}, y), include=include)
    assert not report.noise_curves and not report.baselines


@toys.needs_strings
def test_strings_are_probed_at_their_embedding():
    words = keras.Input((1,), name="words", dtype="string")
    lookup = keras.layers.StringLookup(vocabulary=["x", "y", "z"])
    read = keras.layers.Embedding(4, 3, name="embedded")(lookup(words))
    outputs = keras.layers.Dense(3, name="out")(keras.layers.Flatten()(read))
    model = keras.Model({"words": words}, outputs)
    model.compile("sgd", toys.LOGITS_LOSS)
    y = np.arange(60) % 3
    data = {"words": np.array(["x", "y", "z"], object)[y][:, None]}, y
    report = modality_report(
        model,
        data,
        include=["baselines", "information"],
        taps={"words": "embedded"},
        **FAST,
    )
    assert report.baselines["words"].value == 1.0
    assert report.information == {"words": 1.0}


def test_what_no_score_means_is_not_explained():
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(60, 3)) for name in "ab"}
    model = adder("ab")
    model.compile("sgd", "mse", metrics=["mae"])
    y = x["a"] + x["b"]
    x["a"][:] = x["b"][:] = np.nan
    report = modality_report(model, (x, y), **FAST)
    assert [each.kind for each in report.findings] == ["broken"]


def test_chance_of_the_area_under_the_curve():
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(90, 3)) for name in "ab"}
    model = adder("ab")
    model.compile("sgd", "binary_crossentropy", metrics=["AUC"])
    y = rng.integers(0, 2, (90, 3))
    report = modality_report(model, (x, y), **FAST)
    assert report.chance == 0.5
    assert "chance" in kinds(report) and "action" not in kinds(report)


def test_json_of_a_report_is_that_report():
    report = modality_report(color_reader(), colored(60), **FAST)
    assert type(report).from_json(report.to_json()) == report


def test_json_keeps_what_is_not_known():
    color = keras.Input((3,), name="color")
    shape = keras.Input((4,), name="shape")
    # Of every other color, which a shuffle brings to other shapes, infinite.
    both = keras.ops.sum(color, axis=-1, keepdims=True) * shape[:, :1]
    logits = keras.ops.where(both > 3.0, float("inf"), color)
    model = keras.Model({"color": color, "shape": shape}, logits)
    y = np.arange(60) % 3
    scale = np.where(np.arange(60) < 30, 1.0, 2.0)
    x = {
        "color": np.eye(3)[y] * scale[:, None],
        "shape": np.ones((60, 4)) * (3 - scale)[:, None],
    }
    include = ["calibration", "per_class"]
    report = modality_report(model, (x, y), include=include, **FAST)
    assert np.isnan(report.calibration["shape"])
    assert np.isfinite(report.calibration["intact"])
    again = type(report).from_json(report.to_json())
    assert again.summary() == report.summary()
    assert again.to_html() == report.to_html()


def test_probes_are_compared_on_their_examples():
    x, y = colored(96)
    hard = np.arange(96) < 32  # The first window, with wrong colors.
    x["color"] = np.where(hard[:, None], np.eye(3)[(y + 1) % 3], x["color"])
    batches = [
        ({name: v[i : i + 32] for name, v in x.items()}, y[i : i + 32])
        for i in range(0, 96, 32)
    ]
    report = modality_report(
        color_reader(), batches_of(batches), include="baselines", window=32
    )
    assert report.intact.value == pytest.approx(2 / 3)
    assert report.baseline_gaps["color"].value == 0.0
    (text,) = [e.text for e in report.findings if e.kind == "baseline"]
    assert "(0% against 100% on the examples probed" in text


def test_a_metric_of_one_hot_labels_beside_a_sparse_loss():
    x, y = colored(60)
    model = color_reader()
    model.compile("sgd", "sparse_categorical_crossentropy")
    metric = keras.metrics.F1Score(average="macro")
    report = modality_report(
        model, (x, np.eye(3)[y]), metric=metric, include="per_class", **FAST
    )
    assert report.task == "classification"
    assert report.intact.value == 1.0 and len(report.per_class) == 3


def test_labels_and_outputs_are_checked_to_the_end():
    x, y = colored(90)
    y[70] = 5
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        modality_report(color_reader(), (x, y), **FAST)
    batches = [
        ({name: v[i : i + 30] for name, v in x.items()}, y[i : i + 30])
        for i in range(0, 90, 30)
    ]
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        modality_report(color_reader(), batches_of(batches), window=30)
    y[70] = 0
    with pytest.raises(ValueError, match="`output` must be one of"):
        modality_report(color_reader(), (x, y), output="none", **FAST)


def batches_of(batches):
    yield from batches


@pytest.mark.parametrize("ignored", [-1, 2])
def test_probes_leave_ignored_classes_out(ignored):
    x, y = colored(120)
    y = y % 2  # The colors of class 2 look like those of class 0.
    model = color_reader()
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=ignored)
    model.compile(loss=loss)
    rows = np.random.default_rng(0).normal(size=(400, 3)).astype("float32")
    color = np.concatenate([x["color"], rows])
    shape = np.concatenate([x["shape"], rows[:, :2]])
    labels = np.concatenate([y, np.full(400, ignored)])
    data = ({"color": color, "shape": shape}, labels)
    report = modality_report(model, data, include="baselines", **FAST)
    counted = modality_report(model, (x, y), include="baselines", **FAST)
    assert counted.baselines["color"].value == 1.0
    assert report.baselines["color"].value == 1.0
    assert report.intact.value == counted.intact.value
    nothing = (x, np.full(120, ignored))
    report = modality_report(model, nothing, include="baselines", **FAST)
    assert report.baselines == {}


@pytest.mark.parametrize("model", ["m.keras", None, keras.Model])
def test_what_is_no_model_is_told(model):
    with pytest.raises(ValueError, match="`keras.saving.load_model`"):
        modality_report(model, colored(12))


@pytest.mark.parametrize("wrap", [lambda out: out, lambda out: [out]])
@pytest.mark.parametrize("asked", ["out", 0, None])
def test_the_only_output_may_be_named(wrap, asked):
    a = keras.Input((3,), name="a")
    outputs = keras.layers.Rescaling(1.0, name="out")(a)
    model = keras.Model(a, wrap(outputs))
    model.compile(loss=toys.LOGITS_LOSS, metrics=["accuracy"])
    y = np.arange(30) % 3
    data = (np.eye(3, dtype="float32")[y], y)
    report = modality_report(model, data, output=asked, **FAST)
    assert report.intact.value == 1.0 and report.metric == "accuracy"


def test_outputs_in_a_dict_have_no_places():
    a = keras.Input((3,), name="a")
    model = keras.Model(a, {"same": a * 1.0, "other": a * 2.0})
    y = np.arange(12) % 3
    labels = {"same": y, "other": y}
    with pytest.raises(ValueError, match=r"given by \['same', 'other'\]"):
        modality_report(model, (np.eye(3)[y], labels), output=0)


def test_taps_that_are_found():
    x, y = colored(60)
    x["ids"] = y[:, np.newaxis]
    color = keras.Input((3,), name="color")
    shape = keras.Input((2,), name="shape")
    ids = keras.Input((1,), name="ids", dtype="int32")
    hidden = keras.layers.Dense(3, kernel_initializer="zeros")(color)
    read = keras.layers.Flatten()(keras.layers.Embedding(3, 3)(ids))
    merged = keras.layers.Concatenate()([hidden, shape, read])
    outputs = keras.layers.Dense(3, activation="softmax")(merged)
    inputs = {"color": color, "shape": shape, "ids": ids}
    include = ["baselines", "information"]
    plain = keras.Model(inputs, outputs)
    for model in (plain, RegularizedModel(plain, "mix")):
        report = modality_report(
            model, (x, y), taps="auto", include=include, **FAST
        )
        assert report.baselines["color"].value < 0.6
        assert report.baselines["ids"].value > 0.9
        assert set(report.information) == set(report.baselines) == set(inputs)
        assert report.settings["taps"] == "auto"


def test_taps_of_a_subclassed_model_are_not_found():
    class Subclassed(keras.Model):
        def call(self, x):
            return x["color"] + 0.0 * x["shape"][:, :1]

    with pytest.raises(ValueError, match="Pass a dict from modality"):
        modality_report(Subclassed(), colored(24), taps="auto")


def test_few_groups_leave_what_is_ignored_open():
    x, y = colored(1000)
    few = modality_report(
        color_reader(), (x, y), groups=np.repeat(np.arange(4), 250), **FAST
    )
    assert few.shuffled["shape"].cost_high == 0.75
    assert "unclear" in kinds(few) and "ignored" not in kinds(few)
    many = modality_report(color_reader(), (x, y), **FAST)
    assert many.shuffled["shape"].cost_high == pytest.approx(0.003)
    assert "`shape` is ignored" in many.findings[1].text


@pytest.mark.parametrize("weight", [None, np.zeros(40)])
def test_a_score_that_is_no_number_is_told_alone(weight):
    x, y = colored(40)
    y = np.full(40, 0.1) if weight is None else y.astype("float32")
    color = keras.Input((3,), name="color")
    shape = keras.Input((2,), name="shape")
    merged = keras.layers.Concatenate()([color, shape])
    model = keras.Model(
        {"color": color, "shape": shape}, keras.layers.Dense(1)(merged)
    )
    model.compile("adam", "mse")
    report = modality_report(model, (x, y, weight)[: 2 + (weight is not None)])
    (finding,) = report.findings
    assert finding.level == "bad" and "no number" in finding.text
    assert json.loads(report.to_json())["intact"]["value"] is None


def test_infinity_is_no_json():
    x, y = colored(40)

    def metric(y_true, y_pred):
        return keras.ops.exp(1e4 * keras.ops.max(y_pred, axis=-1))

    report = modality_report(color_reader(), (x, y), metric=metric, mode="max")
    json.loads(report.to_json(), parse_constant=pytest.fail)
    assert [each.kind for each in report.findings] == ["broken"]


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_images_of_integers_have_a_mean(dtype):
    image = keras.Input((4, 4, 1), dtype=dtype, name="image")
    color = keras.Input((3,), name="color")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(
        {"image": image, "color": color},
        keras.layers.Dense(3)(keras.layers.Concatenate()([flat, color])),
    )
    rng = np.random.default_rng(0)
    x, y = colored(60)
    images = rng.integers(200, 256, (60, 4, 4, 1)).astype(dtype)
    x = {"image": images, "color": x["color"]}
    report = modality_report(
        model,
        (x, y),
        metric=keras.metrics.SparseCategoricalCrossentropy(from_logits=True),
        missing=["zero", "mean", "noise"],
    )
    values = {each["image"].value for each in report.missing.values()}
    told = [f for f in report.findings if "zeros and empty" in f.text]
    assert len(values) == (3 if dtype == "uint8" else 1)
    assert len(told) == (0 if dtype == "uint8" else 1)


def test_probes_at_a_layer_that_two_modalities_share():
    a = keras.Input((3,), name="a")
    b = keras.Input((3,), name="b")
    shared = keras.layers.Dense(4, name="shared")
    merged = keras.layers.Concatenate()([shared(a), shared(b)])
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(3)(merged))
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = {"a": np.eye(3)[y], "b": rng.normal(size=(90, 3))}
    report = modality_report(
        model,
        (x, y),
        taps={"a": "shared", "b": "shared"},
        include="baselines",
        metric="accuracy",
    )
    assert report.baselines["a"].value == 1.0
    assert report.baselines["b"].value < 0.7


def test_probes_are_not_judged_by_how_sure_they_are():
    x, y = colored(60)
    report = modality_report(
        color_reader(),
        (x, y),
        metric=keras.metrics.SparseCategoricalCrossentropy(),
        include="baselines",
    )
    assert report.baselines == {}
    assert any("how sure they are" in each.text for each in report.findings)


@pytest.mark.parametrize(
    "groups, message",
    [
        (np.zeros(40), "must have at least two groups"),
        (np.r_[np.nan, np.ones(39)], "Received: NaN"),
        ([None, 1] * 20, "Received: NaN or None"),
    ],
)
def test_groups_that_are_none(groups, message):
    x, y = colored(40)
    with pytest.raises(ValueError, match=message):
        modality_report(color_reader(), (x, y), groups=groups)


def test_groups_of_some_steps():
    x, y = colored(40)
    groups = np.arange(40) // 2
    report = modality_report(
        color_reader(), (x, y), groups=groups, batch_size=8, steps=2
    )
    assert report.num_groups == 8


def test_a_tap_of_no_modality():
    x, y = colored(40)
    layer = color_reader().layers[-1].name
    with pytest.raises(ValueError, match="'Color', which is not an input"):
        modality_report(color_reader(), (x, y), taps={"Color": layer})


def test_a_metric_keeps_the_name_it_was_asked_by():
    x, y = colored(40)
    for _ in range(2):
        model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
        report = modality_report(model, (x["shape"], y == 0), metric="auc")
        assert report.metric == "auc"


def test_models_of_one_modality_must_be_that():
    x, y = colored(40)
    model = color_reader()
    with pytest.raises(ValueError, match="single_modality_model"):
        modality_report(model, (x, y), unimodal={"color": model}, verbose=0)


@pytest.mark.parametrize("knows", [True, False])
def test_nan_for_models_that_are_told_by_it(knows):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    features = [a, b]
    if knows:
        features = [mmreg.layers.MissingModality()(x) for x in features]
    merged = keras.layers.Concatenate()(features)
    outputs = keras.layers.Dense(3, activation="softmax")(merged)
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile(loss="sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(40, 4)).astype("float32") for name in "ab"}
    y = rng.integers(3, size=40)
    report = mmreg.modality_report(model, (x, y), missing="nan", verbose=0)
    assert set(report.missing["nan"]) == {"a", "b"}
    text = " ".join(report.summary().split())
    assert ("with NaN in place of `a` (100%)" in text) != knows
    assert ("behind `layers.MissingModality` only" in text) != knows
    without = {**x, "a": np.full_like(x["a"], np.nan)}
    if knows:
        right = np.argmax(model.predict(without, verbose=0), axis=-1) == y
        assert report.missing["nan"]["a"].value == pytest.approx(right.mean())


def test_a_rare_class_is_in_every_draw():
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    unread = keras.layers.Dense(1, kernel_initializer="zeros")(b)
    outputs = keras.layers.Activation("sigmoid")(
        keras.layers.Add()([a, unread])
    )
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile(loss="binary_crossentropy")
    y = np.zeros(200, "int32")
    y[[40, 150]] = 1
    rng = np.random.default_rng(0)
    x = {"a": np.where(y[:, None], 5.0, -5.0), "b": rng.normal(size=(200, 1))}
    report = modality_report(model, (x, y), metric="auc", verbose=0)
    assert report.intact.low > 0.9
    assert "rests on `a`" in report.summary()
    alike = {name: values[:30] for name, values in x.items()}
    report = modality_report(model, (alike, y[:30]), metric="auc", verbose=0)
    assert [each.kind for each in report.findings] == ["broken"]


def test_advice_for_rare_classes_can_be_followed():
    x, y = colored(60)
    model = color_reader()
    report = modality_report(model, (x, (y + 1) % 3), verbose=0)
    assert "always the most frequent class" in report.findings[0].text
    assert "include=['per_class']" in report.findings[0].text


class Reader(keras.Model):
    """Reads the product of two numbers, and ids."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(9, 4, name="embedding")
        self.pool = keras.layers.GlobalAveragePooling1D()
        self.product = keras.layers.Lambda(
            lambda x: x[:, :1] * x[:, 1:2], name="product"
        )
        self.end = keras.layers.Dense(2, activation="softmax")

    def call(self, x):
        parts = [self.product(x["a"]), self.pool(self.embedding(x["ids"]))]
        return self.end(keras.layers.concatenate(parts))


@pytest.mark.once(False)
def test_probes_at_taps_of_a_subclassed_model():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 3)).astype("float32")
    x = {"a": a, "ids": rng.integers(0, 9, (200, 4))}
    y = (a[:, 0] * a[:, 1] > 0).astype("int64")
    model = Reader()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])

    def probes(**taps):
        report = modality_report(
            model, (x, y), include="baselines", taps=taps, num_bootstraps=20
        )
        return report.baselines

    assert probes()["a"].value < 0.7
    found = probes(a="product", ids="embedding")
    assert found["a"].value > 0.85
    assert "ids" in found
