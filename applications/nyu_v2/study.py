"""NYUv2: does a mask help to segment rooms by color and depth?

Trains the rows of Table 2 of Tejero-de-Pablos 2024 on 795 images of 60 x 80
pixels and reports the mean intersection over union on 654 others.

    python -m applications.nyu_v2.study --path FILE --search
    python -m applications.nyu_v2.study --path FILE --pictures

`--search` chooses the strength of the mask with KerasTuner, on the last fifth
of the training images; the test images are not looked at.
"""

import argparse
import dataclasses
import pathlib

import numpy as np

from applications.common import command
from applications.common import runs
from applications.common.search import search
from applications.common.settings import plain
from applications.nyu_v2 import figures
from applications.nyu_v2 import tables
from applications.nyu_v2.training import METHODS
from applications.nyu_v2.training import NUM_CLASSES
from applications.nyu_v2.training import SHAPES
from applications.nyu_v2.training import Scenes
from applications.nyu_v2.training import Settings
from applications.nyu_v2.training import fit
from applications.nyu_v2.training import load
from applications.nyu_v2.training import train
from applications.nyu_v2.training import trainer

STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2)
PARTS = ("search", "test")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command.parser(__doc__.splitlines()[0], "results/nyu_v2")
    default = Settings()
    parser.add_argument(
        "--path",
        help="of the images, or 'download', see `load_nyu_v2_segmentation`",
    )
    parser.add_argument(
        "--search", action="store_true", help="look for the strength"
    )
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="draw what a model of the first seed sees, into `--output`",
    )
    parser.add_argument("--method", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument(
        "--hidden-channels", type=int, default=default.hidden_channels
    )
    return parser.parse_args(arguments)


def shared_settings(args: argparse.Namespace) -> Settings:
    """What all runs of a command have in common."""
    return Settings(epochs=args.epochs, hidden_channels=args.hidden_channels)


def search_strength(
    shared: Settings, store: runs.RunStore, data: tuple[Scenes, Scenes]
) -> None:
    """Tries all strengths on held-out images."""

    def measure(strength: float) -> float:
        settings = dataclasses.replace(shared, strength=strength, select=True)
        store.run(settings.record(), lambda: train(settings, data))
        return searched(shared, store)[strength]

    search(measure, STRENGTHS)


def searched(shared: Settings, store: runs.RunStore) -> dict[float, float]:
    """The held-out score of each strength, by the same other settings."""
    found = {}
    for record in store.records:
        strength = record["settings"]["strength"]
        wanted = dataclasses.replace(shared, strength=strength, select=True)
        if plain(record["settings"]) == plain(wanted.record()):
            found[strength] = record["results"]["miou"]
    return found


def chosen(shared: Settings, store: runs.RunStore) -> float:
    """The strength of the best mIoU on held-out images."""
    found = searched(shared, store)
    if not found:
        raise SystemExit("No strength yet: run `--search` first.")
    return max(found, key=lambda strength: found[strength])


def test_all(
    args: argparse.Namespace,
    shared: Settings,
    store: runs.RunStore,
    data: tuple[Scenes, Scenes],
) -> None:
    """Every method with every seed."""
    for seed in args.seeds:
        for method in args.method:
            settings = dataclasses.replace(shared, method=method, seed=seed)
            store.run(
                settings.record(), lambda each=settings: train(each, data)
            )


def read_parts(folder: pathlib.Path) -> dict[str, list[dict]]:
    """The runs of the search and of the test; none where there is no file."""
    paths = {part: folder / f"{part}.jsonl" for part in PARTS}
    return {
        part: runs.read_runs(path) if path.exists() else []
        for part, path in paths.items()
    }


def made_up(size: int = 10) -> tuple[Scenes, Scenes]:
    """Noise, with a label that is color's half of the time."""
    rng = np.random.default_rng(0)
    x = {
        name: rng.uniform(size=(size, *shape)).astype("float32")
        for name, shape in SHAPES.items()
    }
    y = rng.integers(NUM_CLASSES + 1, size=(size, 60, 80)).astype("int32")
    return Scenes(x, y), Scenes(x, y)


def smoke(args: argparse.Namespace) -> None:
    """An epoch of a search and of a test on noise; tables and figures."""
    data = made_up()
    shared = Settings(
        epochs=1,
        batch_size=5,
        channels=8,
        hidden_channels=4,
        num_groups=2,
        num_embeddings=4,
    )
    args.method, args.seeds = ["cm_vqvae"], [0]
    with command.temporary_folder() as folder:
        stores = {p: runs.RunStore(folder / f"{p}.jsonl") for p in PARTS}
        one = dataclasses.replace(shared, select=True)
        stores["search"].run(one.record(), lambda: train(one, data))
        best = dataclasses.replace(
            shared, strength=chosen(shared, stores["search"])
        )
        test_all(args, best, stores["test"], data)
        parts = read_parts(folder)
        print(tables.markdown(parts))
        figures.save(parts, folder / "figures")
        own = trainer(best)
        figures.save_pictures(own.model, data[1], folder / "figures")


def main(arguments: list[str] | None = None) -> None:
    args = parse_arguments(arguments)
    if args.smoke:
        smoke(args)
        return
    for folder in args.table or ():
        print(tables.markdown(read_parts(folder)))
    for folder in args.figures or ():
        figures.save(read_parts(folder), args.output)
    if args.table or args.figures:
        return
    if args.path is None:
        raise SystemExit("Pass where the images are as `--path`.")
    data = load(args.path)
    stores = {p: runs.RunStore(args.results / f"{p}.jsonl") for p in PARTS}
    shared = shared_settings(args)
    if args.search:
        search_strength(shared, stores["search"], data)
        return
    best = dataclasses.replace(
        shared, strength=chosen(shared, stores["search"])
    )
    if args.pictures:
        own, _ = fit(dataclasses.replace(best, seed=args.seeds[0]), data[0])
        # Neighbors are of one room: every eightieth image.
        scenes = data[1].take(slice(None, None, 80))
        figures.save_pictures(own.model, scenes, args.output)
    else:
        test_all(args, best, stores["test"], data)


if __name__ == "__main__":
    main()
