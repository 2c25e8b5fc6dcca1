"""Weights that one layer takes over from another."""

import tempfile
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import all_layers


def copy_weights(source: keras.layers.Layer, target: Any) -> None:
    """Gives a layer the weights of another of the same architecture.

    And what preparing layers keep beside: what they have computed from their
    weights (`Normalization`), and vocabularies.
    """
    target.set_weights(source.get_weights())
    preparing = [
        [x for x in all_layers(each) if hasattr(x, "finalize_state")]
        for each in (source, target)
    ]
    for original, copy in zip(*preparing, strict=True):
        if hasattr(copy, "get_vocabulary"):
            # Without any, it is for `adapt` to find.
            if original.get_vocabulary(include_special_tokens=False):
                with tempfile.TemporaryDirectory() as folder:
                    original.save_assets(folder)
                    copy.load_assets(folder)
        elif copy.weights:
            copy.finalize_state()
