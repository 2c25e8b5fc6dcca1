import importlib.util

import keras
import numpy as np
import pytest

from keras_mmreg.report.data import open_source


def batches(count, size=4, width=2):
    for start in range(0, count, size):
        rows = np.arange(start, min(start + size, count))
        x = {"a": np.repeat(rows[:, np.newaxis], width, axis=1)}
        yield x, rows


class Sequence(keras.utils.PyDataset):
    def __init__(self, count, endless=False):
        super().__init__()
        self.count, self.endless = count, endless

    @property
    def num_batches(self):
        return None if self.endless else -(-self.count // 4)

    def __getitem__(self, index):
        return list(batches(self.count))[index]


def tf_data(count):
    import tensorflow as tf

    data = {"a": np.repeat(np.arange(count)[:, np.newaxis], 2, axis=1)}
    pairs = (data, np.arange(count))
    return tf.data.Dataset.from_tensor_slices(pairs).batch(4)


def torch_loader(count):
    import torch

    rows = torch.arange(count)
    data = torch.utils.data.TensorDataset(rows[:, None].repeat(1, 2), rows)
    return torch.utils.data.DataLoader(data, batch_size=4)


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


STREAMS = [
    batches,
    Sequence,
    pytest.param(tf_data, marks=needs("tensorflow")),
    pytest.param(torch_loader, marks=needs("torch")),
]


def labels(source):
    return [window.y.tolist() for window in source.windows]


def test_arrays_are_one_window():
    source = open_source((np.ones((10, 2)), np.arange(10)), batch_size=3)
    assert labels(source) == [list(range(10))]
    assert source[2:] == (3, None, 10)
    few = open_source((np.ones((10, 2)), np.arange(10)), 3, steps=2)
    assert labels(few) == [list(range(6))]


@pytest.mark.parametrize("stream", STREAMS)
def test_streams_come_in_windows_of_whole_batches(stream):
    source = open_source(stream(22), window=9)
    assert source[2:] == (4, 9, None)
    # The rest, of half a window or less, joins the window before it.
    windows = labels(source)
    assert windows == [list(range(8)), list(range(8, 16)), list(range(16, 22))]
    few = open_source(stream(22), steps=2)
    assert labels(few) == [list(range(8))]


def test_a_small_rest_joins_the_window_before():
    assert [
        len(each) for each in labels(open_source(batches(18), window=8))
    ] == [
        8,
        10,
    ]


def test_batches_of_another_shape_begin_a_window():
    def padded():
        yield from batches(8, width=2)
        yield from batches(4, width=3)

    windows = [window.x["a"].shape for window in open_source(padded()).windows]
    assert windows == [(8, 2), (4, 3)]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"a": np.ones(3)},
        [np.ones(3)],
        np.ones(3),
        (np.ones(3),),
        "data",
        3,
        ({"a": np.ones(3)} for _ in range(2)),
    ],
)
def test_data_without_labels(data):
    with pytest.raises(ValueError, match=r"`data` must be a tuple `\(x, y\)`"):
        open_source(data)


@pytest.mark.parametrize(
    "data, message",
    [
        ((np.ones(3), np.ones(4)), "as many examples each"),
        ((np.ones(3), None), "as many examples each"),
        ((np.ones((0, 2)), np.ones(0)), "must have examples"),
        (iter([]), "must have examples"),
        (({"a": [[1.0], [2.0]]}, np.ones(2)), "with `numpy.asarray`"),
        ((np.ones((2, 2)), [0, 1]), "with `numpy.asarray`"),
        ((np.array(["a", "b"]), ["a", "b"]), "with `numpy.asarray`"),
        (Sequence(8, endless=True), "`steps` must say"),
    ],
)
def test_data_that_cannot_be_read(data, message):
    with pytest.raises(ValueError, match=message):
        open_source(data)


@needs("tensorflow")
def test_an_endless_dataset_needs_steps():
    with pytest.raises(ValueError, match="`steps` must say"):
        open_source(tf_data(8).repeat())


def test_no_more_batches_than_steps_are_taken():
    taken = []

    def batches():
        for number in range(9):
            taken.append(number)
            yield np.ones((4, 2)), np.ones(4)

    windows = list(open_source(batches(), steps=3).windows)
    assert [len(window.y) for window in windows] == [12]
    assert taken == [0, 1, 2]
