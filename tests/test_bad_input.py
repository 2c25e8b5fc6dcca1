"""What is out of range is told by name before the first step."""

import keras
import numpy as np
import pytest

import keras_mmreg as mmreg
from keras_mmreg.callbacks import HeldOut
from keras_mmreg.callbacks import InformationLogger
from keras_mmreg.callbacks import ReportLogger
from keras_mmreg.callbacks import ShuffledModalityLogger
from keras_mmreg.layers import ComplementarityMask
from keras_mmreg.layers import MissingModality
from keras_mmreg.layers import VectorQuantizer
from keras_mmreg.models import RegularizedModel
from keras_mmreg.regularizers import ALIASES
from keras_mmreg.regularizers import FisherInformation
from keras_mmreg.regularizers import ModalityDropout
from keras_mmreg.regularizers import ModalityShuffle
from keras_mmreg.schedules import LinearRamp
from tests import toys

NAN, INFINITY = float("nan"), float("inf")
METHODS = pytest.mark.parametrize(
    "cls", [*ALIASES.values(), ModalityShuffle], ids=lambda cls: cls.__name__
)


def of_step_alone(step):
    return 1.0


def of_two_with_other_names(a, b):
    return 1.0


def of_any(**kwargs):
    return 1.0


@METHODS
@pytest.mark.parametrize(
    "argument, values",
    [
        ("strength", [True, NAN, INFINITY, -1.0, "high", [1.0]]),
        ("fraction", [True, NAN, 0.0, "half"]),
        (
            "schedule",
            [3, "linear", LinearRamp, of_step_alone, of_two_with_other_names],
        ),
        ("seed", [True, -1, 1.5, "a"]),
    ],
)
def test_arguments_of_every_method(cls, argument, values):
    given = {"suspects": ["audio"]} if cls is ModalityShuffle else {}
    for value in values:
        with pytest.raises(ValueError, match=f"`{argument}`"):
            cls(**given, **{argument: value})
    if "schedule" not in cls.without:
        given["schedule"] = of_any
    assert cls(**given, seed=3).seed == 3


@METHODS
def test_arguments_that_a_method_does_not_have(cls):
    given = {"suspects": ["audio"]} if cls is ModalityShuffle else {}
    for argument, value in (
        ("strength", 0.5),
        ("fraction", 0.5),
        ("schedule", LinearRamp(1, 2)),
    ):
        if argument not in cls.without:
            cls(**given, **{argument: value})
            continue
        with pytest.raises(ValueError, match=f"has no `{argument}`"):
            cls(**given, **{argument: value})


@pytest.mark.parametrize(
    "cls, argument, values",
    [
        (
            ComplementarityMask,
            "initial_value",
            [NAN, INFINITY, True, None, "ones", [0.1]],
        ),
        (
            ComplementarityMask,
            "clip",
            [(0, INFINITY), ("a", "b"), (False, True), (1,), 3],
        ),
        (
            ComplementarityMask,
            "schedule",
            [3, LinearRamp, of_step_alone, LinearRamp(1, 2)],
        ),
        (ComplementarityMask, "threshold", [True, NAN]),
        (ComplementarityMask, "seed", [-1, "a"]),
        (VectorQuantizer, "num_embeddings", [True, 0, 2.0, "many"]),
        (VectorQuantizer, "codebook_initializer", ["nope", 3, None]),
        (VectorQuantizer, "seed", [-1, "a"]),
        (MissingModality, "initializer", ["nope", 3, None]),
        (LinearRamp, "start", [1.5, True, NAN, -1, "late"]),
        (LinearRamp, "duration", [1.5, True, NAN, -1]),
        (ModalityShuffle, "suspects", [3, {"audio": 1}, [3], [], None]),
        (RegularizedModel, "modalities", [3, [3], ["audio", "audio"], ["x"]]),
        (RegularizedModel, "functional", [3, None, "nope"]),
        (RegularizedModel, "seed", [True, -1, 1.5, "a"]),
        (RegularizedModel, "taps", [True, "ear", {"x": "ear"}, {"audio": 3}]),
        (RegularizedModel, "regularizer", [{"a": 1}, FisherInformation, None]),
        (
            RegularizedModel,
            "value",
            [ModalityDropout(value={"smell": "mean"})],
        ),
        (RegularizedModel, "suspects", [ModalityShuffle("smell")]),
    ],
)
def test_arguments_of_layers_and_models(cls, argument, values):
    given = {
        VectorQuantizer: {"num_embeddings": 4},
        RegularizedModel: {"inner": toys.linear()},
    }.get(cls, {})
    name = "regularizer" if argument in ("value", "suspects") else argument
    name = argument if cls is ModalityShuffle else name
    for value in values:
        with pytest.raises(ValueError, match=f"`{argument}`"):
            cls(**{**given, name: value})


class TestData:
    @pytest.fixture
    def model(self):
        model = toys.linear()
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.run_eagerly = True
        return model

    @pytest.fixture
    def x(self, model):
        return toys.data(model, 8)[0]

    y = np.arange(8) % 3
    empty = (
        {"audio": np.ones((0, 4)), "image": np.ones((0, 3))},
        np.ones(0),
    )

    def test_nothing_to_measure(self, model):
        for data in (None, (), [], self.empty, self.empty[0]):
            with pytest.raises(ValueError, match="`data` must"):
                mmreg.modality_information(model, data)
        for data in (None, (), self.empty, self.empty[0]):
            for user in (HeldOut, ShuffledModalityLogger):
                with pytest.raises(ValueError, match="`data` must"):
                    user(data)
            with pytest.raises(ValueError, match="`data` must"):
                mmreg.modality_report(model, data)
        logger = InformationLogger(self.empty[0])
        logger.set_model(model)
        with pytest.raises(ValueError, match="`data` must"):
            logger.on_train_begin()

    # On TensorFlow, Keras warns before it raises.
    @pytest.mark.filterwarnings("ignore:The structure of `inputs`")
    def test_inputs_of_other_names(self, model, x):
        # Keras itself takes such a dict for a list.
        other = {"sound": x["audio"], "video": x["image"]}
        with pytest.raises(ValueError, match=r"Missing: \['audio', 'image'\]"):
            mmreg.modality_report(model, (other, self.y))
        logger = ShuffledModalityLogger((other, self.y))
        logger.set_model(model)
        with pytest.raises(ValueError, match="Missing: "):
            logger.on_train_begin()
        for few in (other, {"audio": x["audio"]}):
            with pytest.raises(ValueError, match="audio.*image"):
                mmreg.modality_information(model, few)
            wrapped = RegularizedModel(model)
            wrapped.compile("sgd", "sparse_categorical_crossentropy")
            with pytest.raises(ValueError, match="audio.*image"):
                wrapped.fit(few, self.y, verbose=0)

    def test_of_different_length(self, model, x):
        uneven = {**x, "audio": x["audio"][:4]}
        with pytest.raises(ValueError, match="as many examples"):
            mmreg.modality_information(model, uneven)
        with pytest.raises(ValueError, match="as many examples"):
            mmreg.modality_report(model, (x, self.y[:4]))
        with pytest.raises(ValueError, match="as many examples"):
            HeldOut((uneven, self.y))
        with pytest.raises(ValueError, match="`groups` must"):
            HeldOut.split(x, self.y, groups=self.y[:4])

    def test_numbers_that_choose_nothing(self, model, x):
        for name in ("batch_size", "steps"):
            with pytest.raises(ValueError, match=f"`{name}` must"):
                mmreg.modality_information(model, x, **{name: 0})
        for fraction in (0.0, 1.0, 2.0, True, "half"):
            with pytest.raises(ValueError, match="`fraction` must"):
                HeldOut.split(x, self.y, fraction=fraction)

    def test_unknown_names(self, model, x):
        stddev = {"audio": 0.1, "image": 0.1, "smell": 0.1}
        for options, argument in (
            ({"information": "fischer"}, "`information`"),
            ({"modalities": ["smell"]}, "`modalities`"),
            ({"taps": {"smell": "ear"}}, "`taps`"),
            ({"stddev": stddev}, r"`stddev`.*\['smell'\]"),
        ):
            with pytest.raises(ValueError, match=argument):
                mmreg.modality_information(model, x, **options)
        # One that has a scale, but is not measured.
        assert mmreg.modality_information(
            model, x, stddev={"audio": 0.1, "image": 0.1}, modalities=["audio"]
        )
        for user in (InformationLogger, ReportLogger):
            with pytest.raises(ValueError, match="takes no argument 'nope'"):
                user((x, self.y), nope=1)


def test_a_plain_layer_takes_no_dict():
    model = mmreg.models.CMVQVAE(
        encoders={"audio": keras.layers.Dense(4)},
        head=keras.layers.Dense(3),
        fusion="none",
    )
    with pytest.raises(ValueError, match="`head` that takes a dict"):
        model(np.ones((2, 4)))
