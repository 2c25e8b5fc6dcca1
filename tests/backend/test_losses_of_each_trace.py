"""Keras knows losses by ids, which Python gives to new objects again."""

import keras
import numpy as np
import pytest

from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import CMVQVAE

ONES = np.ones((4, 2), "float32")


def test_a_loss_with_the_id_of_one_of_another_trace_is_not_dropped():
    first, second = VectorQuantizer(3), VectorQuantizer(3)
    first(ONES)
    second(ONES)
    with keras.StatelessScope(collect_losses=True) as scope:
        second(ONES)
        (loss,) = scope.losses
    with keras.StatelessScope(collect_losses=True) as scope:
        first.add_loss(loss)  # The same id without the chance.
        second(ONES)
        assert len(scope.losses) == 2
        assert [each is loss for each in first.losses] == [True]
        assert [each is loss for each in second.losses] == [False]


@pytest.mark.skipif(
    keras.config.backend() != "jax", reason="others have no such scopes"
)
def test_nothing_of_another_trace_is_known_when_one_begins():
    decoder = keras.layers.Dense(2, activity_regularizer="l2")
    known = []

    class Encoder(keras.layers.Dense):
        def call(self, inputs):
            known.extend(decoder._loss_ids)
            return super().call(inputs)

    model = CMVQVAE(
        encoders={"image": Encoder(2)},
        decoders={"image": decoder},
        head=keras.layers.Dense(2),
    )
    model.compile("sgd", "mse")
    model.fit({"image": ONES}, ONES, verbose=0)
    assert decoder._loss_ids
    model.evaluate({"image": ONES}, ONES, verbose=0)
    assert known == []
