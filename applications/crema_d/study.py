"""CREMA-D: does a voice help a face to tell an emotion, or does it harm?

Tables 2, 4 and 5 of Tejero-de-Pablos 2024.

    python -m applications.crema_d.study --search --path CREMA-D
    python -m applications.crema_d.study --seeds 0 1 2 3 4 --path CREMA-D
"""

import argparse
import dataclasses
import pathlib
from typing import Any

import numpy as np

import keras_mmreg as mmreg
from applications.common.complementary import emotions
from applications.common.complementary import made_up
from applications.common.complementary import study
from applications.common.complementary.training import Task
from applications.common.problems import Examples
from applications.common.problems import Splits


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--path", type=pathlib.Path, help="a clone of CREMA-D with its videos"
    )
    parser.add_argument(
        "--split",
        choices=["authors", "actors"],
        default="authors",
        help="the paper's, or one of different actors",
    )


def load(args: argparse.Namespace) -> Task:
    """CREMA-D and the authors' nets."""
    if args.path is None:
        raise SystemExit("Pass the folder of CREMA-D's clone as `--path`.")
    data = mmreg.datasets.load_crema_d_av(args.path, args.split, frame_seed=0)
    return task(data)


def task(data: Any) -> Task:
    """The task of a named tuple of splits; Table 5's labels with it."""
    splits = Splits(
        *(
            emotions.scaled(Examples(part.x, part.y, part.actor))
            for part in data
        )
    )
    train = data.train
    return emotions.authors_task(
        splits,
        attributes={"image": ("race", train.race), "audio": ("sex", train.sex)},
        epochs=50,
    )


def tiny_task() -> Task:
    """Noise, of which the probes tell nothing."""
    tiny = made_up.task(emotions.MODALITIES)
    labels = np.arange(len(tiny.splits.train.y)) % 2
    return dataclasses.replace(
        tiny, attributes={"image": ("race", labels), "audio": ("sex", labels)}
    )


def main(arguments: list[str] | None = None) -> None:
    study.main(
        arguments,
        "crema_d",
        __doc__.splitlines()[0],
        emotions.MODALITIES,
        load,
        tiny_task,
        add_options,
    )


if __name__ == "__main__":
    main()
