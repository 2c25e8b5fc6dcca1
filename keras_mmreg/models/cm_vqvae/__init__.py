"""CM-VQVAE: complementary and contradictory features of several modalities."""

from keras_mmreg.models.cm_vqvae.cm_vqvae import CMVQVAE
from keras_mmreg.models.cm_vqvae.presets import classification_head
from keras_mmreg.models.cm_vqvae.presets import image_decoder
from keras_mmreg.models.cm_vqvae.presets import image_encoder
from keras_mmreg.models.cm_vqvae.presets import segmentation_head
from keras_mmreg.models.cm_vqvae.presets import task_solver
from keras_mmreg.models.cm_vqvae.presets import vector_decoder
from keras_mmreg.models.cm_vqvae.presets import vector_encoder

__all__ = [
    "CMVQVAE",
    "classification_head",
    "image_decoder",
    "image_encoder",
    "segmentation_head",
    "task_solver",
    "vector_decoder",
    "vector_encoder",
]
