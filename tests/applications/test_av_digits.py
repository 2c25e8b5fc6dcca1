import dataclasses
import pathlib

import numpy as np
import pytest

from applications.av_digits import study
from applications.av_digits import tables
from applications.av_digits import training
from applications.av_digits.regimes import REGIMES
from applications.av_digits.regimes import regime_of
from applications.common import runs
from tests.datasets.av_digits import toys

FOLDER = pathlib.Path(study.__file__).parent
TINY = training.Settings(
    train_pairs=120,
    held_out_pairs=10,
    epochs=1,
    steps_per_epoch=2,
    batch_size=20,
    num_embeddings=8,
)


def test_smoke(capsys):
    study.main(["--smoke"])
    printed = capsys.readouterr().out
    assert "both modalities usable, 1 pairs:" in printed
    assert "| CM-VQVAE | transfer, mask learned anew |" in printed


def test_the_published_tables():
    readme = (FOLDER / "README.md").read_text()
    found = tables.markdown(study.read_parts(FOLDER / "results"))
    missing = set(found.splitlines()) - set(readme.splitlines())
    assert not missing


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("av_digits")
    return training.Sources(
        str(toys.save_mnist(folder / "mnist.npz")),
        str(toys.save_fsdd_arrays(folder / "fsdd.npz")),
    )


def test_a_run_starts_anew():
    settings = dataclasses.replace(TINY, method="config_iii")
    own = training.trainer(settings)
    fresh = training.build_model(settings)
    images = np.ones((20, 28, 28, 1), "float32")
    audio = np.ones((20, 32, 32, 1), "float32")
    for _ in range(2):
        own.start_from(fresh)
        for ours, new in zip(
            own.model.get_weights(), fresh.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, new)
        assert int(own.model.optimizer.iterations) == 0
        own.model.fit(
            {"image": images, "audio": audio}, np.zeros(20), verbose=0
        )
        assert int(own.model.optimizer.iterations) == 1


def test_selection_does_not_touch_the_test_speaker(sources):
    settings = dataclasses.replace(TINY, method="config_iii", select=True)
    results, history = training.train(settings, sources)
    assert "accuracy" not in results and "test" not in history
    assert 0.0 <= results["validation_accuracy_last"] <= 1.0


def test_a_single_modality(sources):
    settings = dataclasses.replace(TINY, method="audio")
    results, _ = training.train(settings, sources)
    assert set(results["complementary"]) == {"audio"}
    assert set(results["perplexity"]) == {"audio"}
    assert 0.0 <= results["accuracy"] <= 1.0


def test_study_runs_what_is_missing(monkeypatch, tmp_path):
    trained = []

    def train(settings, sources):
        trained.append(settings)
        accuracy = 0.5 - abs(settings.strength - 0.01)
        return {"validation_accuracy_last": accuracy}, {}

    monkeypatch.setattr(study, "train", train)
    options = ["--results", str(tmp_path), "--seeds", "0"]
    with pytest.raises(SystemExit, match="No strengths yet"):
        study.main([*options, "--parts", "accuracy"])
    study.main(options)
    assert {path.stem for path in tmp_path.iterdir()} == set(study.PARTS)
    later = [settings for settings in trained if not settings.select]
    assert {settings.strength for settings in later} == {0.01}
    by_part = study.read_parts(tmp_path)
    assert {part: len(found) for part, found in by_part.items()} == {
        "select": 72,
        "worth": 120,
        "accuracy": 3 * 6 * 9,
        "single": 12,
        "transfer": 30,
    }
    assert {regime_of(run) for run in by_part["accuracy"]} == set(REGIMES)

    trained.clear()
    study.main(options)
    assert not trained


def test_the_published_runs_are_those_of_the_study():
    published = study.read_parts(FOLDER / "results")
    strengths = study.selected(published["select"])
    assert strengths == {
        "healthy": 0.01,
        "useless_image": 0.03,
        "audio_shortcut": 0.001,
    }
    for part in ("worth", "accuracy", "single", "transfer"):
        wanted = study.experiments(part, range(5), strengths)
        found = runs.read_records(FOLDER / "results" / f"{part}.jsonl")
        assert len(found) == len(wanted)
        names = set.intersection(*(set(each["settings"]) for each in found))
        recorded = [each["settings"] for each in found]
        planned = [settings.record() for settings in wanted]
        assert chosen(recorded, names) == chosen(planned, names)


def chosen(all_settings, names):
    """Some of the settings of all runs, in no order."""
    return {
        tuple((name, settings[name]) for name in sorted(names))
        for settings in all_settings
    }
