"""The taxonomy's first class: the input is modified and the change of a unit is watched."""

from refvis.input_modification.discrepancy import discrepancy
from refvis.input_modification.feature_effects import FeatureEffects
from refvis.input_modification.feature_occlusion import feature_occlusion
from refvis.input_modification.occlusion import occlusion
from refvis.input_modification.receptive import empirical_receptive_field
from refvis.input_modification.receptive_result import EmpiricalField

__all__ = [
    "EmpiricalField",
    "FeatureEffects",
    "discrepancy",
    "empirical_receptive_field",
    "feature_occlusion",
    "occlusion",
]
