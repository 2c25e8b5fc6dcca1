import keras
import pytest
from keras import ops

from keras_mmreg import backend
from tests.toys import array


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
    distributed.destroy_process_group()
