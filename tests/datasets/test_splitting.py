import numpy as np
import pytest

from keras_mmreg.datasets.splitting import hold_out_groups

GROUPS = np.repeat(np.arange(20), np.arange(1, 21))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_groups_stay_together(share, seed):
    held_out = hold_out_groups(GROUPS, share, seed)
    assert not set(GROUPS[held_out]) & set(GROUPS[~held_out])
    assert abs(held_out.mean() - share) <= 10 / len(GROUPS)


def test_order_does_not_matter():
    order = np.random.default_rng(0).permutation(len(GROUPS))
    np.testing.assert_array_equal(
        hold_out_groups(GROUPS[order], 0.3), hold_out_groups(GROUPS, 0.3)[order]
    )


@pytest.mark.parametrize(("share", "number"), [(0.0, 0), (0.01, 1), (0.99, 2)])
def test_few_groups(share, number):
    groups = np.repeat([1, 2, 3], 10)
    assert hold_out_groups(groups, share).sum() == 10 * number
    assert not hold_out_groups(groups[:10], share).any()


def test_seed():
    first, second = (hold_out_groups(GROUPS, 0.3, seed) for seed in (0, 1))
    assert np.any(first != second)


@pytest.mark.parametrize("share", [-0.1, 1.0, np.nan])
def test_wrong_share(share):
    with pytest.raises(ValueError, match="`validation_split` must be a share"):
        hold_out_groups(GROUPS, share)
