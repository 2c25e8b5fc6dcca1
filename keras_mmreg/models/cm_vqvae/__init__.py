"""CM-VQVAE: complementary and contradictory features of several modalities."""

from keras_mmreg.models.cm_vqvae.cm_vqvae import CMVQVAE
from keras_mmreg.models.cm_vqvae.methods import create_cm_vqvae
from keras_mmreg.models.cm_vqvae.presets import classification_head
from keras_mmreg.models.cm_vqvae.presets import image_decoder
from keras_mmreg.models.cm_vqvae.presets import image_encoder
from keras_mmreg.models.cm_vqvae.presets import segmentation_head
from keras_mmreg.models.cm_vqvae.presets import vector_decoder
from keras_mmreg.models.cm_vqvae.presets import vector_encoder
from keras_mmreg.models.cm_vqvae.probe_separability import probe_separability

__all__ = [
    "CMVQVAE",
    "classification_head",
    "create_cm_vqvae",
    "image_decoder",
    "image_encoder",
    "probe_separability",
    "segmentation_head",
    "vector_decoder",
    "vector_encoder",
]
