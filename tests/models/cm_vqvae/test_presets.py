import keras
import numpy as np
import pytest

from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import cm_vqvae


def test_sizes_of_the_public_implementation():
    encoder = cm_vqvae.image_encoder((32, 32, 3))
    # 4*4*3*64+64, 4*4*64*128+128, 3*3*128*128+128, two blocks of
    # 3*3*128*32 + 32*128, 128*64+64.
    expected = 3136 + 131200 + 147584 + 2 * (36864 + 4096) + 8256
    assert encoder.count_params() == expected


def count_without_normalization(model):
    return sum(
        layer.count_params()
        for layer in model.layers
        if not isinstance(layer, keras.layers.BatchNormalization)
    )


def test_networks_of_the_authors():
    """Faces of 128 x 128, spectrograms of 256 x 256, six classes."""
    options = {"batch_normalization": True}
    face = cm_vqvae.image_encoder((128, 128, 3), **options)
    audio = cm_vqvae.image_encoder((256, 256, 1), max_pooling=True, **options)
    assert face.output_shape == audio.output_shape == (None, 32, 32, 64)
    assert count_without_normalization(audio) == 370_048
    decoder = cm_vqvae.image_decoder((32, 32, 64), num_upsamplings=3, **options)
    assert decoder.output_shape == (None, 256, 256, 1)
    assert count_without_normalization(decoder) == 320_225
    solver = cm_vqvae.task_solver((32, 32, 128), 6)
    mask = ComplementarityMask()
    mask.build({"face": face.output_shape, "audio": audio.output_shape})
    count = count_without_normalization(solver) + mask.count_params()
    assert count == 577_478
    # Four numbers a channel: before each activation.
    normalized = 4 * (32 + 2 * (32 + 8) + 32 + 256)
    assert solver.count_params() - 577_478 + 128 == normalized


@pytest.mark.once
def test_channels_are_last_whatever_keras_is_set_to():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        encoder = cm_vqvae.image_encoder((8, 8, 3), 4, hidden_channels=8)
        decoder = cm_vqvae.image_decoder((2, 2, 4), 3, hidden_channels=8)
        head = cm_vqvae.classification_head((2, 2, 4), 5, hidden_channels=8)
    finally:
        keras.config.set_image_data_format(before)
    assert encoder.output_shape == (None, 2, 2, 4)
    assert decoder.output_shape == (None, 8, 8, 3)
    assert head.output_shape == (None, 5)


@pytest.mark.once
def test_image_and_spectrogram():
    small = {"hidden_channels": 8, "num_residual_blocks": 0}
    encoders = {
        "image": cm_vqvae.image_encoder((8, 8, 3), 4, **small),
        "spectrogram": cm_vqvae.image_encoder((8, 8, 1), 4, **small),
    }
    decoders = {
        "image": cm_vqvae.image_decoder((2, 2, 4), 3, **small),
        "spectrogram": cm_vqvae.image_decoder((2, 2, 4), 1, **small),
    }
    head = cm_vqvae.segmentation_head((2, 2, 8), 5, **small)
    model = cm_vqvae.CMVQVAE(
        encoders, head, decoders, quantizers=VectorQuantizer(8)
    )
    # Not the sparse loss: on torch its gradient fails for any Keras model
    # with outputs of four dimensions.
    model.compile("adam", loss="categorical_crossentropy")
    random = np.random.default_rng(0)
    x = {
        "image": random.normal(size=(4, 8, 8, 3)).astype("float32"),
        "spectrogram": random.normal(size=(4, 8, 8, 1)).astype("float32"),
    }
    history = model.fit(x, np.eye(5)[np.zeros((4, 8, 8), int)], verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    reconstructions = model.reconstruct(x, "contradictory")
    for name in x:
        assert tuple(reconstructions[name].shape) == x[name].shape


@pytest.mark.once
def test_vectors():
    encoder = cm_vqvae.vector_encoder((4, 5), channels=6)
    decoder = cm_vqvae.vector_decoder((6,), (4, 5))
    model = keras.Sequential([encoder, decoder])
    assert model.predict(np.ones((2, 4, 5)), verbose=0).shape == (2, 4, 5)


def test_classification_head():
    head = cm_vqvae.classification_head((2, 2, 8), 5, hidden_channels=4)
    assert head.predict(np.ones((3, 2, 2, 8)), verbose=0).shape == (3, 5)


@pytest.mark.parametrize("num_upsamplings", [0, 1.5])
def test_a_decoder_upsamples(num_upsamplings):
    with pytest.raises(ValueError, match="`num_upsamplings` must be"):
        cm_vqvae.image_decoder((2, 2, 4), num_upsamplings=num_upsamplings)


def test_size_that_strides_do_not_divide():
    with pytest.raises(ValueError, match="multiples of 4"):
        cm_vqvae.image_encoder((30, 28, 1))
    with pytest.raises(ValueError, match="multiples of 8"):
        cm_vqvae.image_encoder((28, 28, 1), max_pooling=True)
