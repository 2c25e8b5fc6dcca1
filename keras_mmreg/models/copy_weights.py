"""Copies the weights of one layer to another."""

import tempfile
from typing import Any

import keras

from keras_mmreg.backend.keras_internals import all_layers


def copy_weights(source: keras.layers.Layer, target: Any) -> None:
    """Copies a layer's weights to another layer of the same architecture.

    Preprocessing layers keep further state, which is copied, too: values
    computed from their weights (`Normalization`), and vocabularies.
    """
    target.set_weights(source.get_weights())
    preparing = [
        [x for x in all_layers(each) if hasattr(x, "finalize_state")]
        for each in (source, target)
    ]
    for original, copy in zip(*preparing, strict=True):
        if hasattr(copy, "get_vocabulary"):
            # Without a vocabulary, `adapt` has yet to find one.
            if original.get_vocabulary(include_special_tokens=False):
                with tempfile.TemporaryDirectory() as folder:
                    original.save_assets(folder)
                    copy.load_assets(folder)
        elif copy.weights:
            copy.finalize_state()
