"""CREMA-D: six acted emotions as faces and voices."""

from keras_mmreg.datasets.crema_d_av.clips import EMOTIONS as CREMA_D_EMOTIONS
from keras_mmreg.datasets.crema_d_av.loading import CREMADAV
from keras_mmreg.datasets.crema_d_av.loading import load_crema_d_av

__all__ = ["CREMADAV", "CREMA_D_EMOTIONS", "load_crema_d_av"]
