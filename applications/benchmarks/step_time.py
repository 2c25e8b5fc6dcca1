"""Step time: what does the penalty cost, next to plain Keras `fit`?

Times short runs of `fit` with and without the penalty in turn, in one process.

    python applications/benchmarks/step_time.py --backend jax \
        --results results/step_time_jax.json
    python applications/benchmarks/step_time.py --table results/*.json
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import results
from report import markdown
from variants import FRACTIONS
from variants import Setting
from variants import Variant
from variants import all_variants

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


def peak_memory(setting: Setting, variant: Variant) -> float:
    """The peak memory of a process that trains this variant alone, in MiB."""
    import devices
    import measurement

    measurement.prepare(setting, variant, steps=2)()
    return devices.peak_memory()


def peak_memories(
    setting: Setting, variants: list[Variant]
) -> dict[Variant, dict]:
    """The peak memory of each variant, in a process of its own."""
    variants = [variant for variant in variants if variant.uses_memory]
    with ProcessPoolExecutor(
        max_workers=1, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        peaks = list(pool.map(peak_memory, [setting] * len(variants), variants))
    plain = peaks[variants.index(Variant())]
    return {
        variant: {
            "peak_memory_mib": peak,
            "peak_memory_over_plain_mib": peak - plain,
        }
        for variant, peak in zip(variants, peaks, strict=True)
    }


def benchmark(args: argparse.Namespace) -> list[dict]:
    variants = all_variants((1.0,) if args.quick else FRACTIONS)
    memory: dict[Setting, dict[Variant, dict]] = {}
    if args.memory:  # Before this process takes hold of a GPU.
        for setting in settings(args):
            memory[setting] = peak_memories(setting, variants)

    import measurement

    rows = []
    for setting in settings(args):
        print("timing:", setting.label, file=sys.stderr, flush=True)
        timed = measurement.step_times(
            setting,
            variants,
            args.rounds,
            args.steps or STEPS[setting.model],
        )
        peaks = memory.get(setting, {})
        rows += [
            {**row, **peaks.get(variant, {})}
            for row, variant in zip(timed, variants, strict=True)
        ]
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
        "--memory",
        action="store_true",
        help="also measure peak memory, in a process for each variant",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="2 rounds of 2 steps on batches of 8 at 32 pixels, fraction 1",
    )
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.steps = 2, 2
        args.batch_size, args.image_size = 8, 32
    return args


def main() -> None:
    results.run(parse_arguments(), benchmark, markdown)


if __name__ == "__main__":
    main()
