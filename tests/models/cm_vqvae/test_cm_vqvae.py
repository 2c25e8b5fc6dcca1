import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import RegularizedModel
from keras_mmreg.models import modality_information
from keras_mmreg.models.cm_vqvae import CMVQVAE
from tests import toys

pytestmark = pytest.mark.eager

Dense = keras.layers.Dense
LOGS = [
    "codebook_loss",
    "codebook_usage_audio",
    "codebook_usage_image",
    "loss",
    "mask_loss",
    "perplexity_audio",
    "perplexity_image",
    "task_loss",
]


def array(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(tensor))


def data(num_examples=64):
    """The image shows the class, the audio is noise."""
    random = np.random.default_rng(0)
    labels = random.integers(3, size=num_examples)
    image = 2.0 * np.eye(3)[labels][:, [0, 1, 2, 0]]
    image = image + 0.1 * random.normal(size=image.shape)
    audio = random.normal(size=(num_examples, 5))
    x = {"image": image, "audio": audio}
    return {name: x[name].astype("float32") for name in x}, labels


def create_model(compiled=True, **kwargs):
    keras.utils.set_random_seed(1)
    kwargs = {
        "encoders": {"image": Dense(6), "audio": Dense(4)},
        "decoders": {"image": Dense(4), "audio": Dense(5)},
        "quantizers": VectorQuantizer(16, num_groups=2, seed=0),
        "head": Dense(3, activation="softmax"),
        **kwargs,
    }
    model = CMVQVAE(**kwargs)
    if compiled:
        model.compile(
            keras.optimizers.Adam(0.01),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
    return model


@pytest.mark.eager(False)
def test_fit_evaluate_predict():
    model = create_model()
    calls = toys.count_calls(model.head)
    x, y = data()
    history = model.fit(x, y, epochs=12, batch_size=16, verbose=0).history
    assert keras.config.backend() == "torch" or len(calls) < 12
    assert sorted(history) == sorted([*LOGS, "accuracy", "reconstruction_loss"])
    assert history["loss"][-1] < history["loss"][0]
    assert history["reconstruction_loss"][-1] < 2.0
    total = sum(
        history[f"{term}_loss"][-1]
        for term in ("task", "codebook", "mask", "reconstruction")
    )
    np.testing.assert_allclose(history["loss"][-1], total, rtol=1e-4)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert sorted(logs) == sorted([*LOGS, "accuracy"])
    assert logs["accuracy"] > 0.9
    assert logs["perplexity_image"] > 1.0
    terms = logs["task_loss"] + logs["codebook_loss"] + logs["mask_loss"]
    np.testing.assert_allclose(logs["loss"], terms, rtol=1e-4)
    assert model.predict(x, verbose=0).shape == (64, 3)


@pytest.mark.once
def test_validation_logs_have_no_reconstruction():
    x, y = data(16)
    history = create_model().fit(x, y, validation_data=(x, y), verbose=0)
    names = sorted(
        name[4:] for name in history.history if name.startswith("val_")
    )
    assert names == sorted([*LOGS, "accuracy"])


@pytest.mark.once
@pytest.mark.parametrize(
    "kwargs,absent",
    [
        ({"decoders": None}, ["reconstruction_loss"]),
        (
            {"decoders": None, "quantizers": None},
            ["reconstruction_loss", "codebook_loss", "perplexity_image"],
        ),
        ({"mask": "none"}, ["mask_loss"]),
        ({"mask": "dropout", "quantizers": None}, ["mask_loss"]),
        ({"mask": "attention", "fusion": "none", "head": "dict"}, []),
    ],
)
def test_parts_are_optional(kwargs, absent):
    if kwargs.get("head") == "dict":
        inputs = {
            "image": keras.Input((6,), name="image"),
            "audio": keras.Input((4,), name="audio"),
        }
        joined = keras.layers.Concatenate()(list(inputs.values()))
        kwargs = {**kwargs, "head": keras.Model(inputs, Dense(3)(joined))}
    x, y = data(32)
    history = create_model(**kwargs).fit(x, y, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert not set(absent) & set(history)


@pytest.mark.once
def test_one_modality_as_a_tensor():
    model = create_model(
        encoders={"image": Dense(6)}, decoders={"image": Dense(4)}
    )
    x, y = data(32)
    model.fit(x["image"], y, verbose=0)
    assert list(model.reconstruct(x["image"])) == ["image"]
    assert float(model.mask.complementarity()) == 0.0


@pytest.mark.once
def test_list_of_inputs():
    model = create_model()
    x, y = data(32)
    model.fit([x["image"], x["audio"]], y, verbose=0)
    np.testing.assert_allclose(
        array(model([x["image"], x["audio"]])), array(model(x)), rtol=1e-6
    )
    information = modality_information(model, [x["image"], x["audio"]])
    assert list(information) == ["image", "audio"]


@pytest.mark.once
def test_convolutional_features_channels_first():
    model = CMVQVAE(
        encoders={
            "image": keras.layers.Permute((3, 1, 2)),
            "depth": keras.layers.Permute((3, 1, 2)),
        },
        quantizers=VectorQuantizer(8, data_format="channels_first"),
        mask=ComplementarityMask(data_format="channels_first"),
        head=keras.Sequential([keras.layers.Flatten(), Dense(2)]),
    )
    x = {"image": np.ones((4, 5, 5, 3)), "depth": np.ones((4, 5, 5, 1))}
    assert tuple(model(x).shape) == (4, 2)
    shares = {
        name: float(share)
        for name, share in model.mask.complementary_shares().items()
    }
    assert shares == {"depth": 25.0, "image": 75.0}


@pytest.mark.once
def test_parts_of_the_features():
    model = create_model(
        decoders={
            "image": Dense(4, use_bias=False),
            "audio": Dense(5, use_bias=False),
        }
    )
    x, _ = data(8)
    model(x)
    model.mask.channel_weights["image"].assign([0.1, 0, 0, 0.1, 0.1, 0])
    parts = {
        part: model.features(x, part)
        for part in ("all", "complementary", "contradictory")
    }
    for name in x:
        np.testing.assert_allclose(
            array(parts["complementary"][name] + parts["contradictory"][name]),
            array(parts["all"][name]),
            rtol=1e-5,
        )
    assert (array(parts["complementary"]["image"])[:, [1, 2, 5]] == 0).all()
    # A linear decoder: the reconstructions of the parts add up too.
    total = array(model.reconstruct(x)["image"])
    kept = array(model.reconstruct(x, "complementary")["image"])
    rest = array(model.reconstruct(x, "contradictory")["image"])
    np.testing.assert_allclose(kept + rest, total, rtol=1e-4, atol=1e-5)


def test_predictions_depend_on_complementary_features_alone():
    model = create_model()
    x, _ = data(8)
    model(x)
    model.mask.channel_weights["audio"].assign([0.0] * 4)
    other = {"image": x["image"], "audio": x["audio"] + 100.0}
    np.testing.assert_allclose(array(model(other)), array(model(x)), rtol=1e-5)


@pytest.mark.once
def test_task_model(tmp_path):
    model = create_model()
    x, y = data(32)
    model.fit(x, y, verbose=0)
    task_model = model.task_model()
    np.testing.assert_allclose(
        task_model.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    names = {layer.name for layer in task_model.layers}
    assert not names & {d.name for d in model.decoders.values()}
    task_model.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )


def test_save_load_and_train_on(tmp_path):
    model = create_model()
    x, y = data(32)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )
    for name in x:
        np.testing.assert_allclose(
            array(loaded.reconstruct(x)[name]),
            array(model.reconstruct(x)[name]),
            rtol=1e-4,
            atol=1e-6,
        )
    loaded.fit(x, y, verbose=0)


@pytest.mark.once
def test_warm_start_and_freeze():
    x, y = data(32)
    source = create_model()
    source.fit(x, y, verbose=0)
    target = create_model(head=Dense(5, activation="softmax"))
    target(x)
    target.warm_start(source)
    for name in x:
        np.testing.assert_allclose(
            array(target.reconstruct(x)[name]),
            array(source.reconstruct(x)[name]),
            rtol=1e-5,
        )
    target.freeze(["encoders", "quantizers", "decoders", "mask"])
    target.compile("adam", loss="sparse_categorical_crossentropy")
    target.fit(x, y, verbose=0)
    kernels = {id(w) for w in target.head.weights}
    assert {id(w) for w in target.trainable_weights} == kernels
    for name in x:
        np.testing.assert_allclose(
            array(target.reconstruct(x)[name]),
            array(source.reconstruct(x)[name]),
            rtol=1e-5,
        )


@pytest.mark.eager(False)
def test_inside_the_regularized_model():
    inner = create_model(compiled=False)
    x, y = data(32)
    inner(x)
    model = RegularizedModel(inner)
    model.compile("adam", loss="sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert "information_image" in history
    # The losses of the inner model count: its codes and decoders learn.
    assert history["loss"][0] > 1.0
    assert np.isfinite(model.evaluate(x, y, verbose=0))


def test_mixed_precision():
    x, y = data(32)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        history = create_model().fit(x, y, verbose=0).history
    finally:
        keras.config.set_dtype_policy(policy)
    assert np.isfinite(history["loss"]).all()


def dense(num_inputs, num_outputs):
    """A dense layer that knows how many channels it takes."""
    return keras.Sequential([keras.Input((num_inputs,)), Dense(num_outputs)])


@pytest.mark.parametrize(
    "kwargs,message",
    [
        ({"encoders": {}}, "`encoders` must be a dict"),
        ({"decoders": {"image": Dense(4)}}, "`decoders` must be a dict with"),
        ({"decoders": Dense(2)}, "`decoders` must be a dict with"),
        ({"reconstruction_weight": {}}, "`reconstruction_weight` must be a"),
        ({"data_variance": {"image": 1.0}}, "`data_variance` must be a dict"),
        ({"fusion": "sum"}, "`fusion` must be one of .'concatenate'"),
        ({"data_variance": 1.0}, "`data_variance` must be a dict"),
        (
            {"data_variance": {"image": 0.0, "audio": 1.0}},
            "`data_variance` must be a finite number above 0",
        ),
        (
            {"reconstruction_weight": -1.0},
            "`reconstruction_weight` must be a finite number of at",
        ),
        ({"quantizers": "sgd"}, "`quantizers` must be 'ema', 'gradient'"),
        ({"quantizers": 64}, "`quantizers` must be 'ema', 'gradient'"),
        ({"mask": "soft"}, "`mode` must be one of"),
        ({"mask": None}, "`mask` must be a mode"),
        (
            {"mask": ComplementarityMask(data_format="channels_first")},
            "`quantizers` and `mask` must have the same `data_format`",
        ),
        ({"head": None}, "`head` must hold Keras layers"),
        ({"head": lambda x: x}, "`head` must hold Keras layers"),
        ({"encoders": {"a/b": Dense(4)}}, "names without '/' and '.'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        create_model(**kwargs)


def test_bad_inputs():
    model = create_model()
    x, _ = data(8)
    with pytest.raises(ValueError, match="modalities of `encoders`"):
        model({"image": x["image"]})
    with pytest.raises(ValueError, match="`features` must be one of"):
        model.features(x, "shared")
    with pytest.raises(ValueError, match="must be a list of names"):
        model.freeze("encoders")
    model = create_model(decoders={"image": Dense(5), "audio": Dense(5)})
    with pytest.raises(ValueError, match="decoder of modality 'image'"):
        model(x)
    model = create_model(decoders=None)
    with pytest.raises(ValueError, match="Call it on a batch"):
        model.task_model()
    with pytest.raises(ValueError, match="no decoders"):
        model.reconstruct(x)


@pytest.mark.once
def test_a_warm_start_that_fails_copies_nothing():
    x, y = data(8)
    source, target = create_model(), create_model(mask=ComplementarityMask())
    with pytest.raises(ValueError, match="both models must have been built"):
        target.warm_start(source)
    source(x)
    wider = {"image": Dense(6), "audio": Dense(6)}
    target = create_model(encoders=wider)
    target(x)
    before = target.get_weights()
    with pytest.raises(ValueError, match="must have encoders with the weights"):
        target.warm_start(source)
    for old, new in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_default_quantizers_take_the_format_of_the_mask():
    mask = ComplementarityMask(data_format="channels_first")
    model = create_model(mask=mask, quantizers="ema")
    formats = {layer.data_format for layer in model.quantizers.values()}
    assert formats == {"channels_first"}


def test_empty_modality():
    x, _ = data(8)
    model = create_model()
    with pytest.raises(ValueError, match=r"Received: None for \['audio'\]"):
        model({**x, "audio": None})
    with pytest.raises(ValueError, match="Modality 'audio' must not be empty"):
        model({**x, "audio": np.ones((8, 0))})


@pytest.mark.parametrize(
    "kwargs,message",
    [
        (
            {"decoders": {"image": dense(7, 4), "audio": Dense(5)}},
            r"The decoder of modality 'image' must take .* \(8, 6\)",
        ),
        ({"head": dense(7, 3)}, r"`head` must take .* \(8, 10\)"),
        (
            {
                "encoders": {
                    "image": keras.layers.Reshape((2, 2)),
                    "audio": Dense(4),
                }
            },
            "differ in their channels alone",
        ),
    ],
)
def test_channels_that_do_not_match(kwargs, message):
    x, _ = data(8)
    with pytest.raises(ValueError, match=message):
        create_model(**{"decoders": None, **kwargs})(x)


@pytest.mark.once
def test_a_modality_of_several_tensors(tmp_path):
    """Words and their mask go to one encoder, and are not reconstructed."""
    words = {
        "ids": keras.Input((3,), name="ids"),
        "mask": keras.Input((3, 1), name="mask"),
    }
    embedded = keras.layers.Embedding(9, 4)(words["ids"])
    masked = keras.layers.Multiply()([embedded, words["mask"]])
    pooled = keras.layers.GlobalAveragePooling1D()(masked)
    model = create_model(
        encoders={"image": Dense(6), "text": keras.Model(words, pooled)},
        decoders={"image": Dense(4), "text": None},
    )
    x, y = data(16)
    ids = np.random.default_rng(0).integers(9, size=(16, 3))
    text = {"ids": ids, "mask": np.ones((16, 3, 1), "float32")}
    x = {"image": x["image"], "text": text}
    history = model.fit(x, y, verbose=0).history
    assert "perplexity_text" in history
    assert list(model.reconstruct(x)) == ["image"]
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        array(model.task_model()(x)), expected, rtol=1e-4
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), expected, rtol=1e-5
    )
    with pytest.raises(
        ValueError, match="`decoders` must be None for modality"
    ):
        create_model(
            encoders=model.encoders,
            decoders={"image": Dense(4), "text": Dense(3)},
        )(x)


def test_the_error_of_a_head_is_told():
    class Typo(keras.layers.Layer):
        def call(self, features):
            return features["adio"]

    with pytest.raises(ValueError, match="KeyError.*adio"):
        create_model(head=Typo(), fusion="none")(data(8)[0])


def test_fusion_none_needs_a_head_that_takes_a_dict():
    x, _ = data(8)
    with pytest.raises(ValueError, match="`fusion='none'` needs a `head`"):
        create_model(fusion="none")(x)


def test_what_wrappers_ask_of_the_model():
    model = create_model()
    assert model.losses_from_add_loss
    assert model._mmreg_modalities == ("image", "audio")


class Inside(keras.Model):
    """A model of its own that says nothing of shapes."""

    def __init__(self, units, activation=None):
        super().__init__()
        self.inside = Dense(units, activation=activation)

    def call(self, inputs):
        if isinstance(inputs, dict):
            inputs = ops.concatenate(list(inputs.values()), axis=-1)
        return self.inside(inputs)


@pytest.mark.parametrize("fusion", ["concatenate", "none"])
def test_subclassed_encoders_decoders_and_heads(fusion):
    x, y = data(32)
    model = create_model(
        encoders={"image": Inside(6), "audio": Dense(4)},
        decoders={"image": Inside(4), "audio": Dense(5)},
        head=Inside(3, "softmax"),
        fusion=fusion,
    )
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


class Averaged(keras.layers.GlobalAveragePooling1D):
    """The mean of the words as probabilities."""

    def call(self, inputs, mask=None):
        return ops.softmax(super().call(inputs, mask=mask))


def test_padding_is_no_code_in_use():
    words = keras.layers.Embedding(9, 4, mask_zero=True)
    model = create_model(
        encoders={"text": words},
        decoders=None,
        head=Averaged(),
        quantizers=VectorQuantizer(8, seed=0),
    )
    text = np.zeros((16, 5), "int32")
    text[:, 0] = np.arange(16) % 8 + 1
    logs = model.evaluate(text, np.arange(16) % 3, return_dict=True, verbose=0)
    quantizer = model.quantizers["text"]
    _, codes = quantizer(words(text[:, :1]), return_indices=True)
    shares = np.bincount(array(codes).ravel(), minlength=8) / 16
    entropy = -sum(p * np.log(p) for p in shares if p)
    assert logs["perplexity_text"] == pytest.approx(np.exp(entropy), rel=1e-4)


def test_a_shared_quantizer_is_counted_once():
    x, y = data(32)
    shared = VectorQuantizer(8, seed=0)
    model = create_model(
        encoders={"image": Dense(6), "audio": Dense(6)},
        quantizers={"image": shared, "audio": shared},
        decoders=None,
    )
    logs = model.evaluate(x, y, return_dict=True, verbose=0)
    terms = ("task_loss", "codebook_loss", "mask_loss")
    assert sum(logs[name] for name in terms) == pytest.approx(logs["loss"])


def test_a_quantizer_of_ones_own_is_kept():
    class OwnQuantizer(VectorQuantizer):
        pass

    model = create_model(quantizers=OwnQuantizer(4))
    assert {type(q) for q in model.quantizers.values()} == {OwnQuantizer}


def test_warm_start_brings_adapted_statistics_along():
    x, y = data(32)
    x = {name: 100.0 * values + 7.0 for name, values in x.items()}

    def create():
        first = keras.layers.Normalization()
        encoder = keras.Sequential([first, Dense(6)])
        return first, create_model(
            encoders={"image": encoder, "audio": Dense(4)}
        )

    (first, source), (_, target) = create(), create()
    first.adapt(x["image"])
    source.fit(x, y, verbose=0)
    target(x)
    target.warm_start(source)
    for name, values in source.features(x).items():
        found = array(target.features(x)[name])
        np.testing.assert_allclose(found, array(values), rtol=1e-5)


class Told(keras.layers.Layer):
    """Keeps what it is told of training."""

    def __init__(self):
        super().__init__()
        self.training = []

    def call(self, inputs, training=None):
        self.training.append(training)
        return inputs


def test_all_parts_know_that_they_are_trained():
    told = {name: Told() for name in ("encoder", "decoder", "head")}
    norm = keras.layers.BatchNormalization()
    encoder = keras.Sequential([Dense(4), norm, told["encoder"]])
    model = create_model(
        encoders={"image": encoder, "audio": Dense(4)},
        decoders={
            "image": keras.Sequential([Dense(4), told["decoder"]]),
            "audio": Dense(5),
        },
        head=keras.Sequential([told["head"], Dense(3, activation="softmax")]),
    )
    x, y = data()
    model.fit(x, y, verbose=0)
    assert [each.training[-1] for each in told.values()] == [True] * 3
    assert np.abs(array(norm.moving_mean)).min() > 0.0
    for each in told.values():
        each.training.clear()
    model.evaluate(x, y, verbose=0)
    for part in ("encoder", "head"):
        assert set(told[part].training) == {False}, part


@pytest.mark.once
def test_the_task_model_takes_ids_as_its_encoders_do():
    ids = keras.Input((5,), dtype="int32", name="ids")
    text = keras.layers.Embedding(7, 4)(ids)
    text = keras.layers.GlobalAveragePooling1D()(text)
    model = CMVQVAE(
        encoders={"text": keras.Model(ids, text), "image": Dense(4)},
        head=Dense(3),
    )
    x = {"text": np.ones((4, 5), "int32"), "image": np.ones((4, 2), "float32")}
    expected = model.predict(x, verbose=0)
    task_model = model.task_model()
    dtypes = {symbol.name: symbol.dtype for symbol in task_model.inputs}
    assert dtypes == {"text": "int32", "image": "float32"}
    np.testing.assert_allclose(
        task_model.predict(x, verbose=0), expected, rtol=1e-6
    )
