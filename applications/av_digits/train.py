"""Audio-visual digits: what is each modality worth, and does a mask tell?

Trains classifiers of written and spoken digits on some speakers and tests them
on another one (Tejero-de-Pablos 2024, Tables 2, 4, 5 and 6).

    python -m applications.av_digits.train --method concat cm_vqvae \
        --mnist mnist.npz --fsdd fsdd.npz --image-noise 0.5 \
        --folds 0 1 2 3 4 5 --seeds 0 1 2 3 4 --results results.json

`--select` reports validation speakers only and leaves the test speaker alone:
that is how strengths were chosen. `--probe` adds how well a linear classifier
tells the speaker, and the digit, from either part of the features.
`--pretrain-speakers 2` first trains on the last two of the training speakers,
then, with a new head, on the first `--train-speakers`.
"""

import argparse
import json
import math
import pathlib
import time

import keras
import numpy as np
from keras import layers

import keras_mmreg as mmreg
from applications.common.cm_vqvae_methods import create_cm_vqvae
from applications.common.probe_separability import probe_separability

SHAPES = {"image": (28, 28, 1), "audio": (32, 32, 1)}
METHODS = (
    "image",
    "audio",
    "concat",
    "dropout",
    "gated",
    "cm_vqvae_unregularized",
    "cm_vqvae",
    "config_i",
    "config_ii",
    "config_iii",
)
POSITIONS, CHANNELS = 4, 32


def encoder(shape: tuple) -> keras.Model:
    """To four vectors of 32 channels."""
    inputs = keras.Input(shape)
    x = layers.Conv2D(16, 4, strides=4, activation="relu")(inputs)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(POSITIONS * CHANNELS)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Reshape((POSITIONS, CHANNELS))(x))


def decoder(shape: tuple) -> keras.Model:
    inputs = keras.Input((POSITIONS, CHANNELS))
    x = layers.Dense(64, activation="relu")(layers.Flatten()(inputs))
    x = layers.Dense(math.prod(shape))(x)
    return keras.Model(inputs, layers.Reshape(shape)(x))


def head() -> keras.Model:
    return keras.Sequential(
        [
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def modalities(method: str) -> list[str]:
    return [method] if method in SHAPES else list(SHAPES)


def build_model(args: argparse.Namespace, method: str) -> keras.Model:
    """The model of a method, its weights new."""
    names = modalities(method)
    model = create_cm_vqvae(
        "cm_vqvae" if method in SHAPES else method,
        encoders={name: encoder(SHAPES[name]) for name in names},
        decoders={name: decoder(SHAPES[name]) for name in names},
        head=head(),
        num_embeddings=args.num_embeddings,
        quantizer_options={"num_groups": args.num_groups},
        mask_options={"strength": args.strength, "clip": args.clip},
    )
    model.build({name: (None, *SHAPES[name]) for name in names})
    return model


def copy(value) -> np.ndarray:
    """A variable's value that later steps of training cannot overwrite."""
    return np.array(keras.ops.convert_to_numpy(value))


class Trainer:
    """Trains one method again and again without compiling it again."""

    def __init__(self, args: argparse.Namespace, method: str) -> None:
        self.args, self.method = args, method
        self.model = build_model(args, method)
        self.model.compile(
            keras.optimizers.Adam(args.learning_rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)
        self.optimizer_state = [copy(value) for value in optimizer.variables]

    def start_from(self, model: keras.Model) -> None:
        """Takes the weights of `model`, and a new optimizer's state."""
        for variable, value in zip(
            self.model.variables, model.variables, strict=True
        ):
            variable.assign(copy(value))
        for variable, value in zip(
            self.model.optimizer.variables, self.optimizer_state, strict=True
        ):
            variable.assign(copy(value))

    def inputs(self, examples) -> dict:
        return {name: examples.x[name] for name in modalities(self.method)}

    def fit(self, data, held_out: dict) -> tuple[dict, list[float]]:
        """Trains; returns the history and the seconds of each epoch."""
        datasets = {
            name: (self.inputs(examples), examples.y)
            for name, examples in held_out.items()
        }
        stopwatch = Stopwatch()
        # Keras ends an epoch when the data end: few pairs are repeated.
        steps, batch_size = self.args.steps_per_epoch, self.args.batch_size
        num_pairs = len(data.train.y)
        index = np.resize(
            np.arange(num_pairs), max(num_pairs, steps * batch_size)
        )
        history = self.model.fit(
            {name: x[index] for name, x in self.inputs(data.train).items()},
            data.train.y[index],
            batch_size=batch_size,
            steps_per_epoch=steps,
            epochs=self.args.epochs,
            callbacks=[
                stopwatch,
                Accuracies(datasets),
                mmreg.callbacks.ComplementarityLogger(),
            ],
            verbose=self.args.verbose,
        )
        return history.history, stopwatch.seconds


class Accuracies(keras.callbacks.Callback):
    """Logs the accuracy on several data sets after every epoch."""

    def __init__(self, datasets: dict) -> None:
        super().__init__()
        self.datasets = datasets

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        for name, (x, y) in self.datasets.items():
            logits = self.model.predict(x, batch_size=1000, verbose=0)
            logs[name] = float(np.mean(np.argmax(logits, axis=-1) == y))


class Stopwatch(keras.callbacks.Callback):
    """Seconds in the training steps of each epoch."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds.append(self.end - self.start)


def load(args: argparse.Namespace, fold: int, seed: int, **options):
    return mmreg.datasets.load_av_digits(
        args.mnist,
        args.fsdd,
        fold=fold,
        held_out_pairs=args.held_out_pairs,
        image_noise=args.image_noise,
        seed=seed,
        **options,
    )


def load_source(args: argparse.Namespace, fold: int, seed: int):
    """Training data of the last speakers, for transfer to the first ones."""
    speakers = np.roll(mmreg.datasets.SPEAKERS, -fold).tolist()
    return load(
        args,
        fold,
        seed,
        train_speakers=speakers[-args.pretrain_speakers :],
        train_pairs=args.pretrain_pairs,
    )


def train(trainer: Trainer, data, source, fold: int, seed: int) -> dict:
    """One run, as an object of the results file."""
    args = trainer.args
    keras.utils.set_random_seed(seed)
    trainer.start_from(build_model(args, trainer.method))
    if source is not None:
        trainer.fit(source, {})
        fresh = build_model(args, trainer.method)
        kept = ("encoders", "quantizers", "decoders")
        fresh.warm_start(
            trainer.model, kept if args.reset_mask else (*kept, "mask")
        )
        trainer.start_from(fresh)
    held_out = {"validation": data.validation}
    if not args.select:
        held_out["test"] = data.test
    history, seconds = trainer.fit(data, held_out)
    result = {
        "method": trainer.method,
        "seed": seed,
        "fold": fold,
        **summary(history),
        "complementary": by_modality(history, "complementary"),
        "zeta": history["zeta"][-1],
        "perplexity": by_modality(history, "perplexity"),
        "usage": by_modality(history, "codebook_usage"),
        "epochs": args.epochs,
        # The first epoch compiles.
        "seconds_per_epoch": float(np.median(seconds[1:] or [np.nan])),
        **settings(args),
        "history": {
            name: [round(float(value), 4) for value in values]
            for name, values in history.items()
        },
    }
    if args.probe and trainer.method.startswith("cm_vqvae"):
        result["separability"] = separability(trainer, data.train)
    print({k: v for k, v in result.items() if k != "history"}, flush=True)
    return result


def summary(history: dict) -> dict:
    """Accuracies at the epoch of the best validation accuracy, and at last."""
    best = int(np.argmax(history["validation"]))
    accuracies = {
        "validation_accuracy": history["validation"][best],
        "validation_accuracy_last": history["validation"][-1],
        "best_epoch": best + 1,
    }
    if "test" in history:
        accuracies["accuracy"] = history["test"][best]
        accuracies["accuracy_last"] = history["test"][-1]
    return accuracies


def by_modality(history: dict, name: str) -> dict:
    """The last value of a log for each modality that has it."""
    return {
        modality: history[f"{name}_{modality}"][-1]
        for modality in SHAPES
        if f"{name}_{modality}" in history
    }


def settings(args: argparse.Namespace) -> dict:
    names = (
        "image_noise",
        "train_speakers",
        "train_pairs",
        "pretrain_speakers",
        "reset_mask",
        "steps_per_epoch",
        "batch_size",
        "learning_rate",
        "strength",
        "num_groups",
        "num_embeddings",
    )
    backend = {"backend": keras.config.backend()}
    return {name: getattr(args, name) for name in names} | backend


def separability(trainer: Trainer, examples, size: int = 1000) -> dict:
    """How well a linear probe tells the speaker and the digit."""
    inputs = {name: x[:size] for name, x in trainer.inputs(examples).items()}
    attributes = {"speaker": examples.speaker, "digit": examples.y}
    return {
        name: probe_separability(
            trainer.model,
            inputs,
            values[:size],
            groups=examples.recording[:size],
            pooling="flatten",
            num_folds=3,
            batch_size=size,
        )
        for name, values in attributes.items()
    }


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--method", nargs="+", choices=METHODS, default=["cm_vqvae"]
    )
    parser.add_argument(
        "--image-noise",
        type=float,
        default=0.5,
        help="standard deviation of the noise on images in [0, 1]",
    )
    parser.add_argument("--train-speakers", type=int, default=4)
    parser.add_argument("--train-pairs", type=int, default=10_000)
    parser.add_argument("--held-out-pairs", type=int, default=1000)
    parser.add_argument(
        "--pretrain-speakers",
        type=int,
        default=0,
        help="first train on this many other speakers",
    )
    parser.add_argument("--pretrain-pairs", type=int, default=10_000)
    parser.add_argument(
        "--reset-mask",
        action="store_true",
        help="after pretraining, learn the mask anew",
    )
    parser.add_argument(
        "--folds",
        type=int,
        nargs="+",
        default=[0],
        help="from 0 to 5, the speaker to test on",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps-per-epoch", type=int, default=125)
    parser.add_argument("--batch-size", type=int, default=40)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--strength", type=float, default=3e-3)
    parser.add_argument(
        "--clip",
        type=float,
        nargs=2,
        default=(0.0, 0.2),
        help="the mask's weights are kept between these",
    )
    parser.add_argument(
        "--num-groups",
        type=int,
        default=8,
        help="codebooks of each modality, for as many groups of channels",
    )
    parser.add_argument(
        "--num-embeddings", type=int, default=64, help="codes of a codebook"
    )
    parser.add_argument(
        "--mnist",
        help="path of an mnist.npz, or 'download'; "
        "default: the 6,000 digits shipped with the package",
    )
    parser.add_argument(
        "--fsdd", default="download", help="path of a copy, see read_fsdd"
    )
    parser.add_argument(
        "--select", action="store_true", help="use validation speakers only"
    )
    parser.add_argument(
        "--probe",
        action="store_true",
        help="add 'separability' to cm_vqvae and cm_vqvae_unregularized",
    )
    parser.add_argument("--verbose", type=int, default=0, choices=[0, 1, 2])
    parser.add_argument("--results", type=pathlib.Path, help="a JSON file")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    trainers = [Trainer(args, method) for method in args.method]
    results = []
    for fold in args.folds:
        for seed in args.seeds:
            data = load(
                args,
                fold,
                seed,
                train_speakers=args.train_speakers,
                train_pairs=args.train_pairs,
            )
            source = None
            if args.pretrain_speakers:
                source = load_source(args, fold, seed)
            results += [
                train(trainer, data, source, fold, seed) for trainer in trainers
            ]
            if args.results:  # Again and again, so that nothing is lost.
                args.results.parent.mkdir(parents=True, exist_ok=True)
                args.results.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
