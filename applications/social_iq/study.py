"""Social-IQ 2.0: is a question read at all where the answer tells enough?

Table 1b of Gat et al. 2020 on the text of the second release.

    python -m applications.social_iq.study --search --social-iq siq2_text.npz
    python -m applications.social_iq.study --seeds 0 1 2 \
        --social-iq siq2_text.npz
"""

import argparse

from applications.common.bias import study
from applications.social_iq import data

METHODS = (
    "single",
    "plain",
    "weight_decay",
    "entropy",
    "variance",
    "fisher",
    "poincare",
    "noise",
    "mix",
    "lmh",
    "lmh_fisher",
    "lmh_poincare",
)
"""The rows of Table 1b, and of Table 2."""


def add_options(parser: argparse.ArgumentParser) -> None:
    study.data_option(parser, "--social-iq", "what `load_social_iq` reads")


def main(arguments: list[str] | None = None) -> None:
    study.main(
        arguments,
        "social_iq",
        __doc__.splitlines()[0],
        data.TASKS,
        METHODS,
        data.made_up,
        add_options,
    )


if __name__ == "__main__":
    main()
