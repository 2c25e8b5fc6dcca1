"""VQA with shifted priors: does a penalty help where LMH explains a bias away?

Table 2 of Gat et al. 2020 on small data: DAQUAR (split `cp_soft`) and easy-VQA.

    python -m applications.vqa.study --search --daquar daquar.npz --frames \
        nyu_v2.npz
    python -m applications.vqa.study --seeds 0 1 2 --daquar daquar.npz \
        --frames nyu_v2.npz
"""

import argparse

from applications.common.bias import study
from applications.vqa import data

METHODS = (
    "single",
    "plain",
    "lmh",
    "lmh_fisher",
    "lmh_poincare",
    "lmh_noise",
    "lmh_mix",
)
"""The rows of Table 2, and noise and mix."""


def add_options(parser: argparse.ArgumentParser) -> None:
    study.data_option(
        parser,
        "--daquar",
        "what `load_daquar` reads, with all 12,468 questions",
    )
    study.data_option(
        parser,
        "--frames",
        "an .npz of `rgb` (1449, height, width, 3) and `label` (1449, height, "
        "width), NYUv2's frames and 40 classes",
    )
    study.data_option(
        parser, "--easy-vqa", "a folder; default: that of installed `easy-vqa`"
    )


def main(arguments: list[str] | None = None) -> None:
    study.main(
        arguments,
        "vqa",
        __doc__.splitlines()[0],
        data.TASKS,
        METHODS,
        data.made_up,
        add_options,
    )


if __name__ == "__main__":
    main()
