import keras
import numpy as np
import pytest
from keras import ops

from keras_mmreg import backend
from keras_mmreg.interventions import permutations
from keras_mmreg.interventions import shuffle
from keras_mmreg.ops import numerics
from keras_mmreg.ops.perturbation import noise_stddev
from tests.toys import array
from tests.toys import tensor


def test_one_device_is_all_there_is():
    x = ops.convert_to_tensor([1.0, 2.0])
    assert array(backend.sum_over_replicas(x)).tolist() == [1.0, 2.0]
    assert array(backend.sum_over_previous_replicas(x)).tolist() == [0.0, 0.0]


@pytest.mark.skipif(
    keras.config.backend() != "torch", reason="for torch processes"
)
def test_torch_processes(tmp_path):
    from torch import multiprocessing

    multiprocessing.spawn(_check_in_process, (tmp_path / "store",), nprocs=2)


def _check_in_process(rank, path):
    from torch import distributed

    distributed.init_process_group(
        "gloo", init_method=f"file://{path}", rank=rank, world_size=2
    )
    x = ops.convert_to_tensor(rank + 1.0)
    assert float(backend.sum_over_replicas(x)) == 3.0
    assert float(backend.sum_over_previous_replicas(x)) == rank
    assert float(x) == rank + 1.0
    _check_means(rank)
    _check_permutation(rank)
    distributed.destroy_process_group()


def _check_means(rank):
    """A mean over [1, 2, 3] and [] has the value 2, and a third as gradient."""
    x = tensor([1.0, 2.0, 3.0][: 3 * (1 - rank)]).requires_grad_()
    mean = numerics.mean_over_batch(x)
    assert float(mean) == 2.0
    mean.backward()
    # The average of the gradients of both processes counts.
    assert array(x.grad / 2).tolist() == pytest.approx([1 / 3] * len(x))
    deviation = noise_stddev(
        tensor([[rank], [rank + 2.0]]), "batch", over_replicas=True
    )
    assert float(deviation[0, 0]) == pytest.approx(np.std([0, 2, 1, 3]))


def _check_permutation(rank):
    """Each process permutes the examples that it holds."""
    x = tensor(10 * rank + np.arange(5))
    seed = keras.random.SeedGenerator(0)
    orders = permutations(["a"], 5, seed)
    shuffled = array(shuffle({"a": x}, {"a": "a"}, orders)["a"])
    assert sorted(shuffled) == array(x).tolist()
    assert shuffled.tolist() != array(x).tolist()
