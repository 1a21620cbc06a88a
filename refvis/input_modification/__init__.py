"""Input modification, the first class of the taxonomy: change the input and measure the change of a unit."""

from refvis.input_modification.boxes.empirical_field import EmpiricalField
from refvis.input_modification.boxes.feature_effects import FeatureEffects
from refvis.input_modification.discrepancy import discrepancy
from refvis.input_modification.extremal import extremal_perturbation
from refvis.input_modification.feature_occlusion import feature_occlusion
from refvis.input_modification.kernel_shap import kernel_shap
from refvis.input_modification.lime import lime
from refvis.input_modification.meaningful import meaningful_perturbation
from refvis.input_modification.occlusion import occlusion
from refvis.input_modification.receptive import empirical_receptive_field
from refvis.input_modification.rise import rise

__all__ = [
    "EmpiricalField",
    "FeatureEffects",
    "discrepancy",
    "empirical_receptive_field",
    "extremal_perturbation",
    "feature_occlusion",
    "kernel_shap",
    "lime",
    "meaningful_perturbation",
    "occlusion",
    "rise",
]
