"""Models as others make them, without compilation where it does not matter."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_mmreg as mmreg
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import ALIASES
from keras_mmreg.regularizers import FisherInformation
from keras_mmreg.regularizers import FunctionalVariance
from keras_mmreg.regularizers import ModalityMix
from keras_mmreg.regularizers import ModalityNoise
from keras_mmreg.regularizers import ModalityShuffle
from tests import toys
from tests.toys import array


def step(model, x, y, loss=toys.LOGITS_LOSS):
    """The logs of one training step."""
    model.compile(keras.optimizers.SGD(0.01), loss, run_eagerly=True)
    logs = model.train_on_batch(x, y, return_dict=True)
    assert all(np.isfinite(value).all() for value in logs.values())
    return logs


class Similarities(keras.layers.Layer):
    """Of all pairs of a batch."""

    def call(self, images, texts):
        return ops.matmul(images, ops.transpose(texts))

    def compute_output_spec(self, images, texts):
        return keras.KerasTensor((images.shape[0], texts.shape[0]))


def contrastive():
    image = keras.Input((4,), name="image")
    text = keras.Input((3,), name="text")
    features = [keras.layers.Dense(4)(x) for x in (image, text)]
    return keras.Model(
        {"image": image, "text": text}, Similarities()(*features)
    )


class SubclassedContrastive(keras.Model):
    def __init__(self):
        super().__init__()
        self.image = keras.layers.Dense(4, name="image_features")
        self.text = keras.layers.Dense(4, name="text_features")

    def call(self, inputs):
        images, texts = self.image(inputs["image"]), self.text(inputs["text"])
        return ops.matmul(images, ops.transpose(texts))


@pytest.mark.once
@pytest.mark.parametrize("create", [contrastive, SubclassedContrastive])
class TestOutputsOverTheBatch:
    x, y = toys.data(contrastive(), 6)[0], np.arange(6)

    @pytest.mark.parametrize(
        "method",
        [
            lambda: FisherInformation(num_samples=3),
            lambda: FisherInformation(fraction=0.5, perturbation="joint"),
            lambda: FunctionalVariance(num_samples=3, perturbation="joint"),
            lambda: ModalityNoise(gate=None),
            lambda: "dropout",
        ],
    )
    def test_trains(self, create, method):
        step(RegularizedModel(create(), method(), seed=0), self.x, self.y)

    @pytest.mark.parametrize(
        "method",
        [
            lambda: ModalityMix(gate=None),
            lambda: ModalityShuffle(["text"]),
            lambda: "dependence",
            lambda: "unimodal",
        ],
    )
    def test_methods_that_cut_batches_say_so(self, create, method):
        with pytest.raises(ValueError, match="compare all examples of a batch"):
            step(RegularizedModel(create(), method(), seed=0), self.x, self.y)

    def test_samples_are_those_of_smaller_batches(self, create):
        model = create()
        model.compile(loss=toys.LOGITS_LOSS, run_eagerly=True)
        measure = FisherInformation(stddev=0.0, bound="paper")
        one, many = (
            mmreg.modality_information(model, self.x, measure, num_samples=n)
            for n in (1, 3)
        )
        assert many == pytest.approx(one, rel=1e-4)
        assert many["text"] > 0


def several_outputs():
    inner = toys.two_modalities()
    features = inner.get_layer("head").input
    outputs = {
        "kind": inner.output,
        "size": keras.layers.Dense(1, name="size")(features),
    }
    return keras.Model(inner.input, outputs)


ONE_OUTPUT = (
    "blending",
    "dependence",
    "mix",
    "modulation",
    "noise",
    "prototypes",
)


@pytest.mark.once
@pytest.mark.parametrize("name", ALIASES)
def test_several_outputs(name):
    loss = {"kind": toys.LOGITS_LOSS, "size": "mse"}
    inner = several_outputs()
    x, y = toys.data(inner, 6)
    labels = {"kind": y, "size": np.ones((6, 1))}
    if name in ONE_OUTPUT:
        with pytest.raises(ValueError, match="one output"):
            step(RegularizedModel(inner, name, taps="auto"), x, labels, loss)
    else:
        step(RegularizedModel(inner, name, taps="auto"), x, labels, loss)


class Task(keras.Model):
    """The protocol of keras-hub's tasks: data are prepared before any layer."""

    def __init__(self):
        a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
        merged = keras.layers.Concatenate()([a, b])
        outputs = keras.layers.Dense(2, activation="softmax")(merged)
        super().__init__({"a": a, "b": b}, outputs)
        self.preprocessor = self.divide

    @staticmethod
    def divide(x):
        return {"a": x[..., :3] / 100.0, "b": x[..., 3:] / 100.0}

    def preprocess_samples(self, x, y=None, sample_weight=None):
        x = x if self.preprocessor is None else self.preprocessor(x)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


@pytest.mark.once
class TestPreprocessor:
    x = np.linspace(1.0, 500.0, 40, dtype="float32").reshape(8, 5)
    y = np.arange(8) % 2
    loss = "sparse_categorical_crossentropy"

    def model(self):
        model = RegularizedModel(Task(), [ModalityMix(), "fisher"], seed=0)
        model.compile(keras.optimizers.SGD(0.0), self.loss, run_eagerly=True)
        return model

    def test_data_are_prepared_once_everywhere(self):
        model = self.model()
        prepared = Task.divide(self.x)
        inner = keras.Model(model.inner.inputs, model.inner.outputs)
        inner.compile(loss=self.loss, run_eagerly=True)
        listed = list(prepared.values())
        expected = inner.evaluate(listed, self.y, verbose=0)
        data = (self.x, self.y)
        history = model.fit(
            *data,
            validation_data=data,
            callbacks=[HeldOut(data)],
            verbose=0,
        ).history
        penalty = history["penalty"][0]
        assert history["loss"][0] - penalty == pytest.approx(expected, rel=1e-4)
        assert history["val_loss"][0] == pytest.approx(expected, rel=1e-5)
        assert model.evaluate(*data, verbose=0) == pytest.approx(
            expected, rel=1e-5
        )
        assert float(model.test_on_batch(*data)) == pytest.approx(
            expected, rel=1e-5
        )
        predictions = inner.predict(listed, verbose=0)
        for actual in (
            model.predict(self.x, verbose=0),
            model.predict_on_batch(self.x),
        ):
            np.testing.assert_allclose(actual, predictions, rtol=1e-5)

    def test_information_is_that_of_prepared_data(self):
        task = Task()
        task.compile(loss=self.loss, run_eagerly=True)
        actual = mmreg.modality_information(task, (self.x, self.y))
        prepared = Task.divide(self.x)
        task.preprocessor = None
        assert mmreg.modality_information(task, prepared) == actual

    def test_data_that_are_not_prepared(self):
        with pytest.raises(ValueError, match="`inner.preprocessor = None`"):
            self.model().fit(iter([(self.x, self.y)]), verbose=0)


@pytest.mark.once
def test_a_task_of_keras_hub():
    hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")
    words = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "a"]
    preprocessor = hub.models.BertTextClassifierPreprocessor(
        hub.tokenizers.BertTokenizer(vocabulary=words), sequence_length=5
    )
    backbone = hub.models.BertBackbone(8, 1, 1, 4, 4, max_sequence_length=5)
    task = hub.models.BertTextClassifier(backbone, 2, preprocessor)
    model = RegularizedModel(
        task,
        "fisher",
        taps={"token_ids": "token_embedding"},
        modalities=["token_ids"],
    )
    x, y = (
        np.array(["good", "a bad", "bad bad", "a good"]),
        np.array([1, 0] * 2),
    )
    logs = step(model, x, y)
    assert logs["information_token_ids"] > 0
    np.testing.assert_allclose(
        model.predict(x, verbose=0), task.predict(x, verbose=0), rtol=1e-5
    )


@pytest.mark.once
@pytest.mark.parametrize("name", ALIASES)
def test_an_encoder_that_two_modalities_share(name):
    code = keras.layers.Dense(3, activation="tanh", name="code")
    encoder = keras.Sequential([keras.Input((4,)), code], name="encoder")
    first, second = (keras.Input((4,), name=n) for n in ("first", "second"))
    merged = keras.layers.Concatenate()([encoder(first), encoder(second)])
    inner = keras.Model(
        {"first": first, "second": second}, keras.layers.Dense(3)(merged)
    )
    taps = {"first": "code", "second": "encoder"}
    before = array(code.kernel).copy()
    step(RegularizedModel(inner, name, taps=taps), *toys.data(inner, 6))
    assert (array(code.kernel) != before).any()
