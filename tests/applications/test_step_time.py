import dataclasses
import sys

import keras
import pytest

from applications.benchmarks import architectures
from applications.benchmarks import report
from applications.benchmarks import step_time
from applications.benchmarks import variants
from applications.common.records import read_records
from applications.common.records import rounded


def row(variant, setting, milliseconds, **more):
    return {
        "backend": "jax",
        "device": "CPU, 8 cores",
        "versions": "keras 3",
        **dataclasses.asdict(setting),
        **dataclasses.asdict(variant),
        "seconds_per_step": milliseconds / 1000,
        "ratio": milliseconds / 10,
        "ratio_quartiles": [milliseconds / 10 - 0.1, milliseconds / 10 + 0.1],
        **more,
    }


def test_times_plain_and_penalized_steps(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_BACKEND", keras.config.backend())
    chosen = [
        variants.Variant(),
        variants.SUBCLASSED,
        variants.Variant(measure="evaluate"),
    ]
    monkeypatch.setattr(step_time, "all_variants", lambda fractions: chosen)
    results = tmp_path / "results" / "step_time.jsonl"
    arguments = ["--backend", keras.config.backend(), "--smoke"]
    arguments += ["--models", "small", "--modalities", "2"]
    arguments += ["--results", str(results)]
    monkeypatch.setattr(sys, "argv", ["step_time.py", *arguments])

    rows = step_time.benchmark(step_time.parse_arguments())

    assert read_records(results) == list(map(rounded, rows))
    assert [row["measure"] for row in rows] == ["fit", "fit", "evaluate"]
    assert all(row["seconds_per_step"] > 0 for row in rows)
    assert all(row["backend"] == keras.config.backend() for row in rows)
    plain, subclassed, evaluate = rows
    assert plain["ratio"] == evaluate["ratio"] == 1.0
    assert subclassed["ratio"] == pytest.approx(
        subclassed["seconds_per_step"] / plain["seconds_per_step"]
    )
    assert subclassed["perturbation"] == "coordinate"


@pytest.mark.parametrize("model", ["small", "resnet18"])
@pytest.mark.parametrize("modalities", [2, 4])
def test_every_modality_has_an_encoder(model, modalities):
    encoders = architectures.encoders(model, modalities, image_size=32)
    assert variants.EXTRA_MODALITY in encoders
    assert len(encoders) == modalities


def test_the_classifier_joins_all_encoders():
    encoders = architectures.encoders("small", 4, image_size=28)
    classifier = architectures.classifier(encoders)
    assert set(classifier.input) == set(encoders)
    assert classifier.output.shape == (None, architectures.NUM_CLASSES)


def test_table_derives_what_reuse_and_another_modality_cost():
    setting = variants.Setting("small", 2, 128, 28)
    milliseconds = {
        variants.Variant(): 10,
        variants.WHOLE: 30,
        variants.SUBCLASSED: 40,
        variants.LEFT_OUT: 16,
        variants.ENCODER: 7,
    }
    rows = [
        row(variant, setting, value) for variant, value in milliseconds.items()
    ]

    lines = report.markdown(rows).splitlines()

    assert lines[0] == "### jax on CPU, 8 cores (keras 3)"
    assert "| `fit`, plain | 10.0 ms |" in lines
    assert "| `fit`, coordinate, 1 | 3.00 (2.90 to 3.10) |" in lines
    assert lines.count("| saved by reusing clean encodings | 25% |") == 1
    assert any(line.endswith("its own encoder | 2.00 |") for line in lines)


def test_memory_has_a_table_of_its_own():
    memory = {"peak_memory_mib": 300.0, "peak_memory_over_plain_mib": 50.0}
    weighed = row(
        variants.WHOLE, variants.Setting("small", 2, 128, 28), 0, **memory
    )
    del weighed["seconds_per_step"]
    lines = report.markdown([weighed]).splitlines()
    assert lines[0] == "### jax on CPU, 8 cores (keras 3)"
    assert lines[-1] == "| `fit`, coordinate, 1 | 300 MiB (+50) |"
    assert not any("Milliseconds" in line for line in lines)


def test_the_plain_step_comes_first_and_is_its_own_reference():
    everything = variants.all_variants()
    assert everything[0] == everything[0].reference == variants.Variant()
    assert {variant.reference for variant in everything} <= set(everything)
    assert len(set(everything)) == len(everything)


def test_methods_have_a_table_of_their_own():
    methods = variants.method_variants()
    assert methods[0] == variants.Variant()
    setting = variants.Setting("small", 2, 128, 28)
    rows = [row(variant, setting, 12) for variant in methods]
    lines = report.markdown(rows).splitlines()
    label = "`fit`, mix, 1/8, at the encoders' outputs"
    assert f"| {label} | 1.20 (1.10 to 1.30) |" in lines
