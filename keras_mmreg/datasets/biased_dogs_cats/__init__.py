"""Biased Dogs & Cats, where the animal's color gives away the species."""

from keras_mmreg.datasets.biased_dogs_cats.loading import BiasedDogsCats
from keras_mmreg.datasets.biased_dogs_cats.loading import load_biased_dogs_cats

__all__ = ["BiasedDogsCats", "load_biased_dogs_cats"]
