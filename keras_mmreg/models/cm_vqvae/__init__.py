"""CM-VQVAE: complementary and contradictory features of several modalities."""

from keras_mmreg.models.cm_vqvae.cm_vqvae import CMVQVAE

__all__ = ["CMVQVAE"]
