import importlib
import json
import sys

import keras
import numpy as np
import pytest

from keras_mmreg.__main__ import main
from tests.report.toys import color_reader
from tests.report.toys import colored


@pytest.fixture
def files(tmp_path):
    x, y = colored(60)
    model, data = tmp_path / "model.keras", tmp_path / "data.npz"
    color_reader().save(model)
    np.savez(data, y=y, groups=np.arange(60) % 30, **x)
    return tmp_path, model, data


def test_a_report_of_a_saved_model(files, capsys):
    folder, model, data = files
    page, text = folder / "report.html", folder / "report.json"
    status = main(
        ["report", str(model), str(data), "--html", str(page)]
        + ["--json", str(text), "--missing", "zero", "mean", "--quiet"]
    )
    assert status == 0
    out = capsys.readouterr().out
    assert "rests on\n  `color`" in out or "rests on `color`" in out
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    values = json.loads(text.read_text("utf-8"))
    assert values["intact"]["value"] == 1.0 and values["num_groups"] == 30
    assert list(values["missing"]) == ["zero", "mean"]


def test_inputs_in_a_list_and_nested(tmp_path):
    ids = keras.Input((3,), name="ids")
    mask = keras.Input((3,), name="mask")
    outputs = keras.layers.Multiply()([ids, mask])
    y = np.arange(30) % 3
    arrays = {"ids": np.eye(3)[y], "mask": np.ones((30, 3))}
    keras.Model([ids, mask], outputs).save(tmp_path / "list.keras")
    np.savez(tmp_path / "list.npz", y=y, **arrays)
    nested = keras.Model({"text": {"ids": ids, "mask": mask}}, outputs)
    nested.save(tmp_path / "nested.keras")
    arrays = {f"text/{name}": array for name, array in arrays.items()}
    np.savez(tmp_path / "nested.npz", y=y, **arrays)
    layers = [keras.Input((3,)), keras.layers.ReLU()]
    keras.Sequential(layers).save(tmp_path / "sequential.keras")
    np.savez(tmp_path / "sequential.npz", y=y, x=np.eye(3)[y])
    for name, modalities in (
        ("sequential", ["input"]),
        ("list", ["ids", "mask"]),
        ("nested", ["text"]),
    ):
        path = tmp_path / f"{name}.json"
        files = [str(tmp_path / f"{name}.{end}") for end in ("keras", "npz")]
        assert main(["report", *files, "--json", str(path), "--quiet"]) == 0
        assert json.loads(path.read_text())["modalities"] == modalities


def test_what_is_missing_is_told(files, capsys):
    folder, model, data = files
    with pytest.raises(SystemExit):
        main(["report", str(model), str(folder / "none.npz")])
    assert "no such file" in capsys.readouterr().err
    for arrays in ({"color": np.ones((2, 3))}, {"y": np.ones(2)}):
        np.savez(data, **arrays)
        with pytest.raises(SystemExit) as error:
            main(["report", str(model), str(data)])
        assert error.value.code == 1
        assert "error: `data` must have" in capsys.readouterr().err


@keras.saving.register_keras_serializable("tests")
class Forgotten(keras.layers.Layer):
    def call(self, inputs):
        return inputs


def test_what_cannot_be_loaded(files, capsys):
    folder, model, data = files
    color = keras.Input((3,), name="color")
    own = keras.Model({"color": color}, Forgotten()(color))
    own.save(folder / "own.keras")
    keras.saving.get_custom_objects().pop("tests>Forgotten")
    np.save(folder / "single.npy", np.ones(3))
    for name in ("text.keras", "text.txt", "text.npz"):
        (folder / name).write_text("text")
    for wrong, message in (
        ((folder / "own.keras", data), "cannot be loaded as a Keras model"),
        ((folder / "text.keras", data), "cannot be loaded as a Keras model"),
        ((folder / "text.txt", data), "cannot be loaded as a Keras model"),
        ((model, folder / "single.npy"), "which is no `.npz` archive"),
        ((model, folder / "text.npz"), "must be what `numpy.savez` wrote"),
    ):
        with pytest.raises(SystemExit) as error:
            main(["report", *map(str, wrong)])
        assert error.value.code == 1
        message_shown = capsys.readouterr().err
        assert message_shown.startswith("error: ") and message in message_shown


def test_layers_of_ones_own(files, capsys, monkeypatch):
    folder, _, data = files
    (folder / "own_layers.py").write_text(
        "import keras\n\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Doubled(keras.layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        return 2 * inputs\n"
    )
    (folder / "broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(str(folder))
    module = importlib.import_module("own_layers")
    reader = color_reader()
    outputs = module.Doubled()(reader.output)
    model = keras.Model(reader.input, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    model.save(folder / "own.keras")
    keras.saving.get_custom_objects().pop("own>Doubled")
    monkeypatch.delitem(sys.modules, "own_layers")
    command = ["report", str(folder / "own.keras"), str(data), "--quiet"]
    with pytest.raises(SystemExit, match="1"):
        main(command)
    told = capsys.readouterr().err
    assert "class 'Doubled'" in told and "--import" in told
    assert len(told) < 300, told
    assert main([*command, "--import", "own_layers"]) == 0
    assert "rests on" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="1"):
        main([*command, "--import", "own_layerz"])
    assert "no module 'own_layerz'" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        main([*command, "--import", "broken"])


def test_one_of_several_outputs(files, capsys):
    folder, model, data = files
    x, y = colored(60)
    inner = color_reader()
    zeros = keras.layers.Dense(1, kernel_initializer="zeros", name="zeros")
    outputs = [inner.output, zeros(inner.input["shape"])]
    listed = keras.Model(inner.input, outputs)
    listed.save(model)
    by_name = dict(zip(listed.output_names, (y, np.ones(60)), strict=True))
    labels = {f"y/{name}": values for name, values in by_name.items()}
    np.savez(data, **labels, **x)
    arguments = ["report", str(model), str(data), "--quiet"]
    with pytest.raises(SystemExit):
        main(arguments)
    assert "`output` must name one" in capsys.readouterr().err
    for output in ("0", listed.output_names[0]):
        assert main([*arguments, "--output", output]) == 0
        assert "accuracy" in capsys.readouterr().out


def test_taps_and_models_of_one_modality(files, capsys):
    folder, model, data = files
    color = keras.Input((3,), name="color")
    alone = keras.Model({"color": color}, keras.layers.ReLU()(color))
    alone.save(folder / "color.keras")
    layers = keras.saving.load_model(model).layers
    (layer,) = (each.name for each in layers if "rescaling" in each.name)
    arguments = ["report", str(model), str(data), "--quiet"]
    own = ["--unimodal", f"color={folder / 'color.keras'}"]
    assert main([*arguments, *own, "--taps", f"color={layer}"]) == 0
    assert "a model of it only" in capsys.readouterr().out
    probes = ["--include", "baselines", "--taps", "auto"]
    assert main([*arguments, *probes]) == 0
    assert "probe" in capsys.readouterr().out
    for bad in (["--unimodal", "color=none.keras"], ["--taps", "color"]):
        with pytest.raises(SystemExit):
            main([*arguments, *bad])
    assert "not of the form NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_folder_to_write_to_is_looked_for_first(
    files, capsys, monkeypatch, option
):
    folder, model, data = files
    monkeypatch.setattr("keras_mmreg.__main__._report", None)
    for path in (folder / "none" / "page", folder):
        with pytest.raises(SystemExit) as error:
            main(["report", str(model), str(data), option, str(path)])
        assert error.value.code == 2
        assert "no file can be written there" in capsys.readouterr().err
