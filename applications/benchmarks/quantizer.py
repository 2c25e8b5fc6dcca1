"""Quantizer: what does `VectorQuantizer` cost, next to a matrix product?

Times a training step of the layer, the product of vectors and codes that it
cannot do without, and a plain implementation by one-hot vectors in turn, in one
process.

    python -m applications.benchmarks.quantizer --backend jax \
        --results results/quantizer_jax.json
    python -m applications.benchmarks.quantizer --table results/quantizer_*.json
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from applications.benchmarks import results

VARIANTS = {
    "product": "matrix product, forward",
    "ema": '`VectorQuantizer`, `update="ema"`',
    "gradient": '`VectorQuantizer`, `update="gradient"`',
    "one_hot": "one-hot implementation",
}
SETTINGS = ((512, 131072), (8192, 131072), (8192, 16384))
"""Codes and vectors; the last for machines with little memory."""
GIB = 2**30

Setting = tuple[int, int]


def variants(setting: Setting, largest_one_hot: float) -> list[str]:
    """Those that are run: a one-hot matrix may be too large for the memory."""
    num_embeddings, num_vectors = setting
    if 4 * num_embeddings * num_vectors <= largest_one_hot * GIB:
        return list(VARIANTS)
    return [name for name in VARIANTS if name != "one_hot"]


def added_memory(setting: Setting, variant: str) -> float:
    """What a step adds to the peak memory of its process, in MiB."""
    from applications.benchmarks import devices
    from applications.benchmarks import quantizer_steps

    run = quantizer_steps.prepare(variant, *setting)
    before = devices.peak_memory()
    run()
    return devices.peak_memory() - before


def added_memories(setting: Setting, names: list[str]) -> list[float]:
    """The memory of each variant, in a process of its own."""
    with ProcessPoolExecutor(
        max_workers=1, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        return list(pool.map(added_memory, [setting] * len(names), names))


def benchmark(args: argparse.Namespace) -> list[dict]:
    chosen = {
        setting: variants(setting, args.largest_one_hot)
        for setting in args.settings
    }
    # Before this process takes hold of a GPU.
    memory = {
        setting: added_memories(setting, names)
        for setting, names in chosen.items()
    }
    from applications.benchmarks import measurement
    from applications.benchmarks import quantizer_steps

    rows = []
    for setting, names in chosen.items():
        print("timing:", label(setting), file=sys.stderr, flush=True)
        runs = [quantizer_steps.prepare(name, *setting) for name in names]
        seconds = measurement.interleaved(runs, args.rounds)
        for name, times, mib in zip(
            names, seconds, memory[setting], strict=True
        ):
            rows.append(
                {
                    **measurement.environment(),
                    "num_embeddings": setting[0],
                    "num_vectors": setting[1],
                    "code_dim": quantizer_steps.CODE_DIM,
                    "variant": name,
                    "rounds": args.rounds,
                    **measurement.summary(times, seconds[0]),
                    "added_memory_mib": mib,
                }
            )
        results.write(args.results, rows)  # So that nothing is lost.
    return rows


def label(setting: Setting) -> str:
    return f"{setting[0]} codes, {setting[1]} vectors"


def markdown(rows: list[dict]) -> str:
    """A table for each backend and device, variants by settings."""
    sections = []
    for where, own in results.by_machine(rows).items():
        cells = {
            (row["variant"], (row["num_embeddings"], row["num_vectors"])): row
            for row in own
        }
        sections += [f"### {where}", _table(cells)]
    return "\n\n".join(sections)


def _table(rows: dict[tuple[str, Setting], dict]) -> str:
    settings = dict.fromkeys(setting for _, setting in rows)
    lines = [
        ["", *map(label, settings)],
        ["---"] + ["---:"] * len(settings),
    ]
    for variant, name in VARIANTS.items():
        cells = [_cell(rows.get((variant, each))) for each in settings]
        lines.append([name, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: dict | None) -> str:
    if row is None:
        return "not run"
    memory = f"{row['added_memory_mib']:.0f} MiB"
    if row["variant"] == "product":
        return f"{1000 * row['seconds']:.0f} ms, {memory}"
    low, high = row["ratio_quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f} to {high:.2f}), {memory}"


def parse_arguments() -> argparse.Namespace:
    parser = results.parser(__doc__.splitlines()[0])
    parser.add_argument(
        "--largest-one-hot",
        type=float,
        default=1.0,
        metavar="GIB",
        help="leave the one-hot implementation out above this; it needs "
        "several times as much",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="2 rounds with 16 codes and 1,000 vectors",
    )
    args = parser.parse_args()
    args.settings = SETTINGS
    if args.smoke:
        args.rounds, args.settings = 2, ((16, 1000),)
    return args


def main() -> None:
    results.run(parse_arguments(), benchmark, markdown)


if __name__ == "__main__":
    main()
