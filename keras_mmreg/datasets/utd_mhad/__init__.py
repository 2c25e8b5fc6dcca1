"""UTD-MHAD: 27 actions as depth video, skeleton and inertial signals."""

from keras_mmreg.datasets.utd_mhad.loading import UTDMHAD
from keras_mmreg.datasets.utd_mhad.loading import load_utd_mhad
from keras_mmreg.datasets.utd_mhad.recordings import ACTIONS as UTD_MHAD_ACTIONS

__all__ = ["UTDMHAD", "UTD_MHAD_ACTIONS", "load_utd_mhad"]
