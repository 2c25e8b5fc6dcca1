"""Runs the audio-visual digits study, one results file at a time.

    python applications/av_digits/study.py --mnist mnist.npz --fsdd fsdd.npz \
        --output applications/av_digits/results --parts select

The parts: `select` chooses the strengths, on validation speakers only; `worth`
is question A of the README, `accuracy` B and, with codebooks by group, C;
`single` is C with a single codebook, and `transfer` D. Files that exist are
skipped, so that the study can be interrupted.
"""

import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys

import numpy as np

TRAIN = "applications.av_digits.train"
REGIMES = {
    "healthy": "--image-noise 0.5",
    "useless_image": "--image-noise 2.0 --train-pairs 400",
    "audio_shortcut": "--image-noise 0.5 --train-speakers 1 --train-pairs 800",
}
# Configuration i is the plain concatenation.
METHODS = (
    "image audio concat dropout gated cm_vqvae_unregularized cm_vqvae "
    "config_ii config_iii"
)
SINGLE_CODEBOOK = "--num-groups 1 --num-embeddings 256"
QUANTIZERS = {"grouped": "", "single": SINGLE_CODEBOOK}
NOISES = (0.0, 0.5, 1.0, 1.5, 2.0)
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2)
FOLDS = range(6)
WITH_AND_WITHOUT = "--method cm_vqvae_unregularized cm_vqvae"
TRANSFER = {
    "scratch": f"--pretrain-speakers 0 {WITH_AND_WITHOUT}",
    "transfer": f"--pretrain-speakers 2 {WITH_AND_WITHOUT}",
    "reset": "--pretrain-speakers 2 --reset-mask --method cm_vqvae",
}
PARTS = ("select", "worth", "accuracy", "single", "transfer")


def selection() -> dict[str, str]:
    """Results file to options of `train.py`: strengths, on validation data."""
    return {
        f"{regime}-{strength:g}": f"{options} --select --method cm_vqvae "
        f"--strength {strength:g} --folds 0 1 2 3 4 5"
        for regime, options in REGIMES.items()
        for strength in STRENGTHS
    }


def selected(output: pathlib.Path) -> dict[str, float]:
    """For each regime the strength of the best mean validation accuracy.

    That of the last epoch, when the mask has settled.
    """
    accuracies: dict[str, dict] = {regime: {} for regime in REGIMES}
    for path in sorted((output / "select").glob("*.json")):
        runs = json.loads(path.read_text())
        accuracies[path.stem.split("-")[0]][runs[0]["strength"]] = np.mean(
            [run["validation_accuracy_last"] for run in runs]
        )
    if not all(accuracies.values()):
        raise SystemExit("No strengths yet: run `--parts select` first.")
    return {
        regime: max(by_strength, key=by_strength.get)
        for regime, by_strength in accuracies.items()
    }


def experiments(
    part: str, seeds: str, strengths: dict[str, float]
) -> dict[str, str]:
    """Results file to options of `train.py`."""
    regimes = {
        name: f"{options} --strength {strengths[name]:g}"
        for name, options in REGIMES.items()
    }
    healthy = regimes["healthy"]
    if part == "worth":
        methods = {"grouped": "image audio cm_vqvae", "single": "cm_vqvae"}
        return {
            f"{quantizer}-{noise:g}": f"{healthy} {options} --image-noise "
            f"{noise:g} --method {methods[quantizer]} --folds 0 1 2 3 4 5"
            for quantizer, options in QUANTIZERS.items()
            for noise in NOISES
        }
    if part == "accuracy":
        return {
            f"{regime}-{fold}": f"{options} --method {METHODS} "
            f"--seeds {seeds} --folds {fold}"
            + (" --probe" if regime == "healthy" else "")
            for fold in FOLDS
            for regime, options in regimes.items()
        }
    if part == "single":
        return {
            f"single-{fold}": f"{healthy} {SINGLE_CODEBOOK} --probe "
            f"{WITH_AND_WITHOUT} --seeds {seeds} --folds {fold}"
            for fold in FOLDS
        }
    return {
        f"{name}-{fold}": f"{healthy} --train-speakers 2 --train-pairs 200 "
        f"{options} --seeds {seeds} --folds {fold}"
        for fold in FOLDS
        for name, options in TRANSFER.items()
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--only", default="*", help="names of results files")
    parser.add_argument("--seeds", default="0 1 2 3 4")
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--fsdd", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    return parser.parse_args()


def run(options: str, path: pathlib.Path, data: list[str]) -> None:
    # Only what is complete gets its name.
    partial = path.with_suffix(".partial")
    command = [sys.executable, "-m", TRAIN, *options.split(), *data]
    print(path, flush=True)
    subprocess.run([*command, "--results", str(partial)], check=True)
    partial.rename(path)


def main() -> None:
    args = parse_arguments()
    data = ["--mnist", args.mnist, "--fsdd", args.fsdd]
    for part in args.parts:
        named = (
            selection()
            if part == "select"
            else experiments(part, args.seeds, selected(args.output))
        )
        for name, options in named.items():
            path = args.output / part / f"{name}.json"
            if fnmatch.fnmatch(name, args.only) and not path.exists():
                run(options, path, data)


if __name__ == "__main__":
    main()
