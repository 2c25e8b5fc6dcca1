import sys

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from applications.benchmarks import quantizer
from applications.benchmarks import quantizer_steps
from applications.common.records import read_records


def test_times_every_variant(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_BACKEND", keras.config.backend())
    monkeypatch.setattr(
        quantizer, "added_memories", lambda _, names: [1.0] * len(names)
    )
    results = tmp_path / "results" / "quantizer.jsonl"
    arguments = ["--backend", keras.config.backend(), "--smoke"]
    arguments += ["--results", str(results)]
    monkeypatch.setattr(sys, "argv", ["quantizer.py", *arguments])

    quantizer.main()

    rows = read_records(results)
    assert [row["variant"] for row in rows] == list(quantizer.VARIANTS)
    assert all(row["seconds"] > 0 for row in rows)
    assert rows[0]["ratio"] == 1.0
    assert rows[1]["ratio"] == pytest.approx(
        rows[1]["seconds"] / rows[0]["seconds"]
    )
    assert "16 codes, 1000 vectors" in capsys.readouterr().out


def test_the_one_hot_layer_does_the_same():
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    vectors = keras.ops.convert_to_tensor(vectors)
    plain = quantizer_steps.OneHotQuantizer(8)
    plain.build((50, 4))
    codes = keras.ops.convert_to_numpy(plain.sums).copy()
    layer = mmreg.layers.VectorQuantizer(
        8,
        epsilon=1e-12,
        restart_threshold=0.0,
        codebook_initializer=lambda shape, dtype: codes.reshape(shape),
    )
    for _ in range(2):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(layer(vectors, training=True)),
            keras.ops.convert_to_numpy(plain(vectors, training=True)),
            rtol=1e-4,
            atol=1e-6,
        )
        assert float(layer.losses[0]) == pytest.approx(
            float(plain.losses[0]), rel=1e-4
        )


def test_a_large_one_hot_is_left_out():
    assert "one_hot" in quantizer.variants((512, 131072), 1.0)
    assert "one_hot" not in quantizer.variants((8192, 131072), 1.0)


def test_table():
    row = {
        "backend": "jax",
        "device": "CPU, 8 cores",
        "versions": "keras 3",
        "num_embeddings": 512,
        "num_vectors": 1000,
        "added_memory_mib": 33.0,
    }
    product = {"variant": "product", "seconds": 0.1}
    ema = {"variant": "ema", "ratio": 1.5, "ratio_quartiles": [1.4, 1.6]}
    lines = quantizer.markdown([{**row, **product}, {**row, **ema}])
    lines = lines.splitlines()
    assert lines[0] == "### jax on CPU, 8 cores (keras 3)"
    assert "| matrix product, forward | 100 ms, 33 MiB |" in lines
    assert lines[5].endswith("| 1.50 (1.40 to 1.60), 33 MiB |")
    assert lines[7] == "| one-hot implementation | not run |"
