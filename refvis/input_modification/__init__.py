"""The taxonomy's first class: the input is modified and the change of a unit is watched."""

from refvis.input_modification.feature_effects import FeatureEffects
from refvis.input_modification.feature_occlusion import feature_occlusion
from refvis.input_modification.occlusion import occlusion

__all__ = ["FeatureEffects", "feature_occlusion", "occlusion"]
