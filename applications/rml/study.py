"""RML: what can be transferred from CREMA-D to other people?

Table 6 of Tejero-de-Pablos 2024, and Table 2's rows.

    python -m applications.rml.study --search --path RML
    python -m applications.rml.study --seeds 0 1 2 --path RML
    python -m applications.rml.study --seeds 0 1 2 --path RML --transfer \
        --crema-d CREMA-D --method cm_vqvae_unregularized cm_vqvae
"""

import argparse
import dataclasses
import pathlib
from typing import Any

import keras_mmreg as mmreg
from applications.common.complementary import emotions
from applications.common.complementary import made_up
from applications.common.complementary import study
from applications.common.complementary.training import Task
from applications.common.problems import Examples
from applications.common.problems import Splits


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--path", type=pathlib.Path, help="the folder of s1 to s8"
    )
    parser.add_argument(
        "--split", choices=["clips", "subjects"], default="clips"
    )
    parser.add_argument(
        "--crema-d",
        type=pathlib.Path,
        help="a clone of CREMA-D, for `--transfer`",
    )


def load(args: argparse.Namespace) -> Task:
    """RML and the authors' nets; CREMA-D as the source of a transfer."""
    if args.path is None:
        raise SystemExit("Pass the folder of RML as `--path`.")
    own = task(mmreg.datasets.load_rml(args.path, args.split, frame_seed=0))
    if args.crema_d is None:
        return own
    source = mmreg.datasets.load_crema_d_av(
        args.crema_d, "authors", frame_seed=0
    )
    return dataclasses.replace(own, source=task(source))


def task(data: Any) -> Task:
    """The task of a named tuple of splits."""
    people = "subject" if hasattr(data.train, "subject") else "actor"
    return emotions.authors_task(
        Splits(
            *(
                emotions.scaled(Examples(part.x, part.y, getattr(part, people)))
                for part in data
            )
        ),
        epochs=10 if people == "subject" else 50,
    )


def tiny_task() -> Task:
    """Noise, transferred to itself."""
    tiny = made_up.task(emotions.MODALITIES)
    return dataclasses.replace(tiny, source=tiny)


def main(arguments: list[str] | None = None) -> None:
    study.main(
        arguments,
        "rml",
        __doc__.splitlines()[0],
        emotions.MODALITIES,
        load,
        tiny_task,
        add_options,
    )


if __name__ == "__main__":
    main()
