"""VQA-CP v2: questions about images, with priors that change."""

from keras_mmreg.datasets.vqa_cp.loading import VQACP
from keras_mmreg.datasets.vqa_cp.loading import load_vqa_cp
from keras_mmreg.datasets.vqa_cp.scores import vqa_scores

__all__ = ["VQACP", "load_vqa_cp", "vqa_scores"]
