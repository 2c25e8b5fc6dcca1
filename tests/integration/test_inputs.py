"""Every kind of data that `fit` takes, the same numbers, in little memory."""

import weakref

import keras
import pytest

import keras_mmreg as mmreg
from tests import toys

BATCH_SIZE, NUM_BATCHES = 4, 24

pytestmark = [
    pytest.mark.skipif(
        keras.config.backend() != "jax",
        reason="Keras reads all data alike; each backend's own kind has a "
        "test with the models",
    ),
    # Of data whose length Keras does not know.
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
]


@pytest.fixture(scope="module")
def model():
    inner = toys.linear()
    model = mmreg.models.RegularizedModel(inner, "fisher")
    # The loss of every epoch is that of the first.
    model.compile(
        keras.optimizers.SGD(0.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.fixture(scope="module")
def examples(model):
    return toys.data(model.inner, BATCH_SIZE * NUM_BATCHES)


def part(examples, index):
    x, y = examples
    rows = slice(BATCH_SIZE * index, BATCH_SIZE * (index + 1))
    return {name: values[rows] for name, values in x.items()}, y[rows]


class Batches(keras.utils.PyDataset):
    def __init__(self, examples):
        super().__init__()
        self.examples = examples

    def __len__(self):
        return NUM_BATCHES

    def __getitem__(self, index):
        return part(self.examples, index)


def generator(examples):
    for index in range(NUM_BATCHES):
        yield part(examples, index)


def tf_data(examples):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(examples).batch(BATCH_SIZE)


def data_loader(examples):
    torch = pytest.importorskip("torch")
    x, y = examples
    pairs = [({k: v[i] for k, v in x.items()}, y[i]) for i in range(len(y))]
    return torch.utils.data.DataLoader(pairs, batch_size=BATCH_SIZE)


def grain_map(examples):
    grain = pytest.importorskip("grain")
    x, y = examples
    source = grain.MapDataset.source(range(len(y)))
    return source.map(lambda i: ({k: v[i] for k, v in x.items()}, y[i])).batch(
        BATCH_SIZE
    )


def grain_stream(examples):
    return grain_map(examples).to_iter_dataset()


@pytest.mark.parametrize(
    "create",
    [Batches, generator, tf_data, data_loader, grain_map, grain_stream],
)
def test_all_data_give_the_same_numbers(create, model, examples):
    def task_loss(*data, **kwargs):
        logs = model.fit(
            *data,
            steps_per_epoch=NUM_BATCHES,
            shuffle=False,
            verbose=0,
            **kwargs,
        ).history
        return logs["loss"][0] - logs["penalty"][0]

    expected = task_loss(*examples, batch_size=BATCH_SIZE)
    assert task_loss(create(examples)) == pytest.approx(expected, rel=1e-5)
    report = mmreg.modality_report(model, create(examples))
    accuracy = model.evaluate(*examples, verbose=0, return_dict=True)
    assert report.num_examples == len(examples[1])
    assert report.intact.value == pytest.approx(accuracy["accuracy"])
    information = mmreg.modality_information(
        model.inner, create(examples), num_samples=2
    )
    assert min(information.values()) > 0


def test_data_larger_than_memory_stream(model, examples):
    """Batches are dropped as they have been read."""
    alive: set = set()
    most = 0

    def batches():
        nonlocal most
        for index in range(NUM_BATCHES):
            x, y = part(examples, index)
            x = {name: values.copy() for name, values in x.items()}
            key = id(x["audio"])
            alive.add(key)
            weakref.finalize(x["audio"], alive.discard, key)
            most = max(most, len(alive))
            yield x, y

    model.fit(batches(), shuffle=False, verbose=0)
    assert most < NUM_BATCHES / 2
    most = 0
    mmreg.modality_information(model.inner, batches())
    assert most < NUM_BATCHES / 2
    most = 0
    report = mmreg.modality_report(model, batches(), window=2 * BATCH_SIZE)
    assert report.num_examples == BATCH_SIZE * NUM_BATCHES
    # The window at hand, the next one, and the one they may be joined to.
    assert most < NUM_BATCHES
