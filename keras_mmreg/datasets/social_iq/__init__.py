"""Social-IQ: questions about videos of people, with answers."""

from keras_mmreg.datasets.social_iq.features import load_social_iq_features
from keras_mmreg.datasets.social_iq.loading import SocialIQ
from keras_mmreg.datasets.social_iq.loading import load_social_iq

__all__ = ["SocialIQ", "load_social_iq", "load_social_iq_features"]
