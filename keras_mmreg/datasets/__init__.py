"""Multimodal datasets, in many of which one modality dominates.

The NumPy functions need only Keras. If TensorFlow Datasets is installed,
importing this package registers its builders: `tfds.load("colored_mnist")`,
`tfds.load("av_digits")`, and so on. `AVDigitsBuilder` and the other names in
`_BUILDERS` are imported when they are first accessed.
"""

import contextlib
import importlib
from typing import Any

from keras_mmreg.datasets.av_digits import FSDD
from keras_mmreg.datasets.av_digits import SPEAKERS
from keras_mmreg.datasets.av_digits import AVDigits
from keras_mmreg.datasets.av_digits import load_av_digits
from keras_mmreg.datasets.av_digits import log_mel_spectrograms
from keras_mmreg.datasets.av_digits import read_fsdd
from keras_mmreg.datasets.biased_dogs_cats import BiasedDogsCats
from keras_mmreg.datasets.biased_dogs_cats import load_biased_dogs_cats
from keras_mmreg.datasets.colored_mnist import PALETTES
from keras_mmreg.datasets.colored_mnist import ColoredMNIST
from keras_mmreg.datasets.colored_mnist import colorize
from keras_mmreg.datasets.colored_mnist import gray
from keras_mmreg.datasets.colored_mnist import load_colored_mnist
from keras_mmreg.datasets.colored_mnist import permute_colors
from keras_mmreg.datasets.crema_d_av import CREMA_D_EMOTIONS
from keras_mmreg.datasets.crema_d_av import CREMADAV
from keras_mmreg.datasets.crema_d_av import load_crema_d_av
from keras_mmreg.datasets.daquar import DAQUAR
from keras_mmreg.datasets.daquar import load_daquar
from keras_mmreg.datasets.digits import Digits
from keras_mmreg.datasets.digits import load_digits
from keras_mmreg.datasets.nyu_v2_segmentation import NYU_V2_CLASSES
from keras_mmreg.datasets.nyu_v2_segmentation import NYUv2Segmentation
from keras_mmreg.datasets.nyu_v2_segmentation import load_nyu_v2_segmentation
from keras_mmreg.datasets.penn_action import PENN_ACTIONS
from keras_mmreg.datasets.penn_action import PennAction
from keras_mmreg.datasets.penn_action import load_penn_action
from keras_mmreg.datasets.rml import RML
from keras_mmreg.datasets.rml import RML_EMOTIONS
from keras_mmreg.datasets.rml import load_rml
from keras_mmreg.datasets.social_iq import SocialIQ
from keras_mmreg.datasets.social_iq import load_social_iq
from keras_mmreg.datasets.social_iq import load_social_iq_features
from keras_mmreg.datasets.utd_mhad import UTD_MHAD_ACTIONS
from keras_mmreg.datasets.utd_mhad import UTDMHAD
from keras_mmreg.datasets.utd_mhad import load_utd_mhad
from keras_mmreg.datasets.vqa_cp import VQACP
from keras_mmreg.datasets.vqa_cp import load_vqa_cp
from keras_mmreg.datasets.vqa_cp import vqa_scores

__all__ = [
    "CREMADAV",
    "CREMA_D_EMOTIONS",
    "FSDD",
    "NYU_V2_CLASSES",
    "PALETTES",
    "PENN_ACTIONS",
    "RML",
    "RML_EMOTIONS",
    "SPEAKERS",
    "UTDMHAD",
    "UTD_MHAD_ACTIONS",
    "DAQUAR",
    "VQACP",
    "AVDigits",
    "BiasedDogsCats",
    "ColoredMNIST",
    "NYUv2Segmentation",
    "PennAction",
    "Digits",
    "SocialIQ",
    "colorize",
    "gray",
    "load_av_digits",
    "load_biased_dogs_cats",
    "load_crema_d_av",
    "load_colored_mnist",
    "load_nyu_v2_segmentation",
    "load_penn_action",
    "load_rml",
    "load_utd_mhad",
    "load_daquar",
    "load_digits",
    "load_social_iq",
    "load_social_iq_features",
    "load_vqa_cp",
    "log_mel_spectrograms",
    "permute_colors",
    "read_fsdd",
    "vqa_scores",
]

_BUILDERS = {
    "AVDigitsBuilder": ("av_digits", "Builder"),
    "AVDigitsConfig": ("av_digits", "AVDigitsConfig"),
    "BiasedDogsCatsBuilder": ("biased_dogs_cats", "Builder"),
    "ColoredMNISTBuilder": ("colored_mnist", "Builder"),
    "ColoredMNISTConfig": ("colored_mnist", "ColoredMNISTConfig"),
    "CREMADAVBuilder": ("crema_d_av", "Builder"),
    "NYUv2SegmentationBuilder": ("nyu_v2_segmentation", "Builder"),
    "PennActionBuilder": ("penn_action", "Builder"),
    "RMLBuilder": ("rml", "Builder"),
    "UTDMHADBuilder": ("utd_mhad", "Builder"),
    "DAQUARBuilder": ("daquar", "Builder"),
    "DAQUARConfig": ("daquar", "DAQUARConfig"),
    "DigitsBuilder": ("digits", "Builder"),
    "DigitsConfig": ("digits", "DigitsConfig"),
    "SocialIQBuilder": ("social_iq", "Builder"),
    "SocialIQConfig": ("social_iq", "SocialIQConfig"),
    "VQACPBuilder": ("vqa_cp", "Builder"),
    "VQACPConfig": ("vqa_cp", "VQACPConfig"),
}


def _builder_module(dataset: str) -> Any:
    return importlib.import_module(
        f"{__name__}.{dataset}.{dataset}_dataset_builder"
    )


# Silent, because most users need no builder; `__getattr__` tells users who
# access one what to install.
with contextlib.suppress(ImportError):
    for _dataset in dict.fromkeys(name for name, _ in _BUILDERS.values()):
        _builder_module(_dataset)


def __getattr__(name: str) -> Any:
    """Imports the names that need TensorFlow Datasets."""
    if name in _BUILDERS:
        dataset, attribute = _BUILDERS[name]
        return getattr(_builder_module(dataset), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns all names, including those that need TensorFlow Datasets."""
    return sorted({*globals(), *_BUILDERS})
