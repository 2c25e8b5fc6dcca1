"""Digits: an easy image (MNIST) and a hard one (SVHN) of the same number.

Appendix 1 of Tejero-de-Pablos 2024.

    python -m applications.digits.study --search --svhn housenumbers
    python -m applications.digits.study --seeds 0 1 2 --svhn housenumbers
"""

import argparse
from typing import Any

import numpy as np

import keras_mmreg as mmreg
from applications.common.complementary import made_up
from applications.common.complementary import study
from applications.common.complementary.training import Task
from applications.common.problems import Examples
from applications.common.problems import Splits
from keras_mmreg.models import cm_vqvae

SHAPES = {"mnist": (32, 32, 1), "svhn": (32, 32, 3)}
NUM_CLASSES, FEATURES = 10, (8, 8, 32)
SMALL = {"hidden_channels": 64, "num_residual_blocks": 1}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mnist", default="download", help="see `load_digits`")
    parser.add_argument("--svhn", default="download", help="see `load_digits`")


def load(args: argparse.Namespace) -> Task:
    """50,000 pairs to train on."""
    return task(mmreg.datasets.load_digits(args.mnist, args.svhn))


def task(data: Any) -> Task:
    """The task of a named tuple of splits."""
    height, width, channels = FEATURES
    return Task(
        Splits(*(padded(part.x, part.y) for part in data)),
        encoders={
            name: lambda shape=shape: cm_vqvae.image_encoder(
                shape, channels, **SMALL
            )
            for name, shape in SHAPES.items()
        },
        decoders={
            name: lambda shape=shape: cm_vqvae.image_decoder(
                FEATURES, shape[-1], **SMALL
            )
            for name, shape in SHAPES.items()
        },
        head=lambda number: cm_vqvae.task_solver(
            (height, width, number * channels), NUM_CLASSES
        ),
        epochs=30,
    )


def padded(x: dict[str, np.ndarray], y: np.ndarray) -> Examples:
    """MNIST with a border, so that both have as many positions."""
    border = ((0, 0), (2, 2), (2, 2), (0, 0))
    return Examples(
        {**x, "mnist": np.pad(x["mnist"], border)},
        y,
        np.arange(len(y), dtype="int32"),
    )


def main(arguments: list[str] | None = None) -> None:
    study.main(
        arguments,
        "digits",
        __doc__.splitlines()[0],
        tuple(SHAPES),
        load,
        lambda: made_up.task(tuple(SHAPES)),
        add_options,
    )


if __name__ == "__main__":
    main()
