"""What has been trained leaves Keras, straight after `fit`, with equal outputs.

Each format is tested on the backends from which Keras exports it.
"""

import functools

import keras
import numpy as np
import pytest

from keras_mmreg.models import RegularizedModel
from tests import toys
from tests.integration import replicas

BACKEND = keras.config.backend()
SIZES = (16, 5)  # The batch is dynamic.

pytestmark = pytest.mark.filterwarnings("ignore")  # Of the exporters.


def regularized():
    model = RegularizedModel(replicas.functional(), "noise", taps="auto")
    model.compile("adam", toys.LOGITS_LOSS)
    return model


def trained(create):
    x, y = replicas.data(16)
    model = create()
    model.fit(x, y, verbose=0)
    return model


# Exporting leaves a model as it is, and training takes longer.
trained_once = functools.cache(trained)


@pytest.fixture(params=["inner", "wrapper", "task_model", "cm_vqvae"])
def model(request):
    if request.param in ("inner", "wrapper"):
        wrapper = trained_once(regularized)
        return wrapper.inner if request.param == "inner" else wrapper
    whole = trained_once(replicas.cm_vqvae)
    return whole.task_model() if request.param == "task_model" else whole


def check(model, run):
    x, _ = replicas.data(16)
    for size in SIZES:
        batch = {name: values[:size] for name, values in x.items()}
        np.testing.assert_allclose(
            run(batch), model.predict(batch, verbose=0), rtol=1e-4, atol=1e-6
        )


@pytest.mark.skipif(BACKEND == "torch", reason="Keras needs torch_xla there")
def test_saved_model(model, tmp_path):
    tf = pytest.importorskip("tensorflow")
    model.export(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    check(
        model,
        lambda batch: loaded.serve(
            {name: tf.constant(values) for name, values in batch.items()}
        ),
    )


@pytest.mark.skipif(BACKEND == "jax", reason="Keras needs jax2onnx there")
def test_onnx(model, tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx" if BACKEND == "tensorflow" else "onnxscript")
    path = str(tmp_path / "model.onnx")
    model.export(path, "onnx", verbose=False)
    assert "Loop" not in {node.op_type for node in onnx.load(path).graph.node}
    session = runtime.InferenceSession(path)
    names = {value.name for value in session.get_inputs()}
    assert names == set(replicas.data(1)[0])
    check(model, lambda batch: session.run(None, batch)[0])


@pytest.mark.once("torch")
@pytest.mark.skipif(BACKEND == "jax", reason="OpenVINO has no rule for XLA")
def test_openvino(model, tmp_path):
    openvino = pytest.importorskip("openvino")
    path = str(tmp_path / "model.xml")
    model.export(path, format="openvino", verbose=False)
    compiled = openvino.compile_model(
        path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    check(model, lambda batch: compiled(batch)[0])


@pytest.mark.skipif(
    BACKEND != "tensorflow",
    reason="Keras exports LiteRT from TensorFlow, or by litert-torch",
)
def test_litert(model, tmp_path):
    import tensorflow as tf

    path = str(tmp_path / "model.tflite")
    model.export(path, format="litert", verbose=False)

    def run(batch):
        runner = tf.lite.Interpreter(path).get_signature_runner()
        (outputs,) = runner(**batch).values()
        return outputs

    check(model, run)


@pytest.mark.skipif(BACKEND != "torch", reason="a format of torch")
def test_torch(model, tmp_path):
    import torch

    path = str(tmp_path / "model.pt2")
    x, _ = replicas.data(1)
    batch = torch.export.Dim("batch", min=1, max=1024)
    shapes = {name: {0: batch} for name in x}
    model.export(path, format="torch", dynamic_shapes=shapes, verbose=False)
    loaded = torch.export.load(path).module()

    def run(batch):
        tensors = {name: torch.tensor(v) for name, v in batch.items()}
        return loaded(tensors).detach().numpy()

    check(model, run)


@pytest.mark.once
@pytest.mark.parametrize("which", ["inner", "task_model"])
def test_int8(which):
    if which == "inner":
        model = trained(regularized).inner
    else:
        model = trained(replicas.cm_vqvae).task_model()
    x, _ = replicas.data(16)
    before = model.predict(x, verbose=0)
    model.quantize("int8")
    after = model.predict(x, verbose=0)
    assert 0.0 < np.abs(after - before).max() < 0.05


@pytest.mark.once
def test_lora(tmp_path):
    """Adapters of a trained model are trained under a method, and saved."""
    inner = trained(regularized).inner
    ear = inner.get_layer("ear")
    ear.enable_lora(2)
    kernel = toys.array(ear._kernel)
    model = RegularizedModel(inner, "noise", taps="auto")
    model.compile("adam", toys.LOGITS_LOSS)
    x, y = replicas.data(16)
    before = inner.predict(x, verbose=0)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(toys.array(ear._kernel), kernel)
    assert toys.array(ear.lora_kernel_b).any()
    after = inner.predict(x, verbose=0)
    assert np.abs(after - before).max() > 0
    inner.save(tmp_path / "inner.keras")
    loaded = keras.saving.load_model(tmp_path / "inner.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), after, atol=1e-5)
