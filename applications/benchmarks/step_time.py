"""Step time: what does the penalty cost, next to plain Keras `fit`?

Times short runs of `fit` with and without the penalty in turn, in one process.

    python -m applications.benchmarks.step_time --backend jax \
        --results results/step_time_jax.json
    python -m applications.benchmarks.step_time --table results/step_time_*.json

`--memory` measures the peak memory instead; a table can show both.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from applications.benchmarks import results
from applications.benchmarks.report import markdown
from applications.benchmarks.variants import FRACTIONS
from applications.benchmarks.variants import Setting
from applications.benchmarks.variants import Variant
from applications.benchmarks.variants import all_variants
from applications.benchmarks.variants import method_variants

BATCH_SIZES = {"small": 128, "resnet18": 32}
STEPS = {"small": 40, "resnet18": 4}


def settings(args: argparse.Namespace) -> list[Setting]:
    return [
        Setting(
            model,
            modalities,
            args.batch_size or BATCH_SIZES[model],
            args.image_size if model == "resnet18" else 28,
        )
        for model in args.models
        for modalities in args.modalities
    ]


def memory_row(setting: Setting, variant: Variant) -> dict:
    """The peak memory of a process that trains this variant alone."""
    from applications.benchmarks import devices
    from applications.benchmarks import measurement

    measurement.prepare(setting, variant, steps=2)()
    return {
        **measurement.identity(setting, variant),
        "peak_memory_mib": devices.peak_memory(),
    }


def memory_rows(setting: Setting, args: argparse.Namespace) -> list[dict]:
    """The peak memory of each variant, in a process of its own."""
    variants = [each for each in chosen_variants(args) if each.uses_memory]
    with ProcessPoolExecutor(
        max_workers=1, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        rows = list(pool.map(memory_row, [setting] * len(variants), variants))
    plain = rows[variants.index(Variant())]["peak_memory_mib"]
    for row in rows:
        row["peak_memory_over_plain_mib"] = row["peak_memory_mib"] - plain
    return rows


def time_rows(setting: Setting, args: argparse.Namespace) -> list[dict]:
    """The seconds of each variant, all taking turns in this process."""
    from applications.benchmarks import measurement

    return measurement.step_times(
        setting,
        chosen_variants(args),
        args.rounds,
        args.steps or STEPS[setting.model],
        args.clock,
    )


def chosen_variants(args: argparse.Namespace) -> list[Variant]:
    if args.methods:
        return method_variants()
    return all_variants((1.0,) if args.smoke else FRACTIONS)


def benchmark(args: argparse.Namespace) -> list[dict]:
    measure = memory_rows if args.memory else time_rows
    rows = []
    for setting in settings(args):
        print(setting.label, file=sys.stderr, flush=True)
        rows += measure(setting, args)
        results.write(args.results, rows)  # So that nothing is lost.
    return rows


def parse_arguments() -> argparse.Namespace:
    parser = results.parser(__doc__.splitlines()[0])
    parser.add_argument(
        "--models",
        nargs="+",
        choices=list(BATCH_SIZES),
        default=list(BATCH_SIZES),
    )
    parser.add_argument(
        "--modalities", type=int, nargs="+", choices=[2, 4], default=[2, 4]
    )
    parser.add_argument(
        "--steps", type=int, help=f"timed in a round; None means {STEPS}"
    )
    parser.add_argument(
        "--batch-size", type=int, help=f"None means {BATCH_SIZES}"
    )
    parser.add_argument(
        "--image-size", type=int, default=64, help="pixels, of resnet18"
    )
    parser.add_argument(
        "--methods",
        action="store_true",
        help="the methods of the first order alone",
    )
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu counts the process's own time, on a machine that is busy",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="measure peak memory instead, in a process for each variant",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="2 rounds of 2 steps on batches of 8, fraction 1",
    )
    args = parser.parse_args()
    if args.smoke:
        args.rounds, args.steps = 2, 2
        args.batch_size = 8
    return args


def main() -> None:
    results.run(parse_arguments(), benchmark, markdown)


if __name__ == "__main__":
    main()
