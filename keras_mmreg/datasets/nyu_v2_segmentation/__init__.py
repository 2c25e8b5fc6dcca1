"""NYU Depth v2: indoor scenes in color and depth, segmented."""

from keras_mmreg.datasets.nyu_v2_segmentation.loading import NYUv2Segmentation
from keras_mmreg.datasets.nyu_v2_segmentation.loading import (
    load_nyu_v2_segmentation,
)
from keras_mmreg.datasets.nyu_v2_segmentation.scenes import (
    CLASSES as NYU_V2_CLASSES,
)

__all__ = ["NYU_V2_CLASSES", "NYUv2Segmentation", "load_nyu_v2_segmentation"]
