import numpy as np
import pytest

from keras_mmreg.metrics import CodebookPerplexity
from keras_mmreg.metrics import CodebookUsage

METRICS = [CodebookPerplexity, CodebookUsage]


def test_over_batches_and_groups():
    perplexity = CodebookPerplexity(4, num_groups=2)
    usage = CodebookUsage(4, num_groups=2)
    for metric in (perplexity, usage):
        metric.update_state(np.array([[[0, 3]], [[1, 3]]]))
        metric.update_state(np.array([[[2, 3]], [[3, 3]]]))
    np.testing.assert_allclose(float(perplexity.result()), (4 + 1) / 2, 1e-5)
    assert float(usage.result()) == (1.0 + 0.25) / 2


def test_weights():
    metric = CodebookUsage(4)
    metric.update_state(np.array([[0], [1], [2]]), np.array([1.0, 0.0, 0.0]))
    assert float(metric.result()) == 0.25
    metric.reset_state()  # A mask of the first axis alone.
    metric.update_state(np.array([[[0], [1]], [[2], [3]]]), np.ones(2))
    assert float(metric.result()) == 1.0


@pytest.mark.parametrize("metric_class", METRICS)
def test_reset_and_config(metric_class):
    metric = metric_class(4, num_groups=2, name="codes")
    metric.update_state(np.array([[0, 1]]))
    metric.reset_state()
    assert float(np.max(metric.counts.numpy())) == 0.0
    config = metric.get_config()
    assert metric_class.from_config(config).get_config() == config


@pytest.mark.parametrize("metric_class", METRICS)
def test_bad_arguments(metric_class):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        metric_class(0)
