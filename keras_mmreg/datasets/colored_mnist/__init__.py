"""Colored MNIST: a color that gives away the label, and a shape."""

from keras_mmreg.datasets.colored_mnist.colorization import PALETTES
from keras_mmreg.datasets.colored_mnist.colorization import colorize
from keras_mmreg.datasets.colored_mnist.colorization import gray
from keras_mmreg.datasets.colored_mnist.colorization import permute_colors
from keras_mmreg.datasets.colored_mnist.loading import ColoredMNIST
from keras_mmreg.datasets.colored_mnist.loading import load_colored_mnist

__all__ = [
    "PALETTES",
    "ColoredMNIST",
    "colorize",
    "gray",
    "load_colored_mnist",
    "permute_colors",
]
