"""Pure functions on `keras.ops`: no state, no Keras objects."""

from keras_mmreg.ops.channel_masks import binary_mask
from keras_mmreg.ops.channel_masks import complementarity
from keras_mmreg.ops.channel_masks import complementary_shares
from keras_mmreg.ops.channel_masks import contradictory_shares
from keras_mmreg.ops.channel_masks import pairwise_complementarity
from keras_mmreg.ops.channel_masks import ternary_mask

__all__ = [
    "binary_mask",
    "complementarity",
    "complementary_shares",
    "contradictory_shares",
    "pairwise_complementarity",
    "ternary_mask",
]
