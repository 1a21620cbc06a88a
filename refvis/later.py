"""The public names that are imported when they are first used, and the modules that have them."""

_NAMES = {
    "refvis.deconvolutional": (
        "Ledger cam deconvolution deeplift excitation_backprop grad_cam gradient_times_input guided_grad_cam "
        "integrated_gradients ledger linear_approximation smoothgrad smoothgrad_squared vargrad"
    ),
    "refvis.input_modification": (
        "EmpiricalField FeatureEffects discrepancy empirical_receptive_field extremal_perturbation feature_occlusion "
        "kernel_shap lime meaningful_perturbation occlusion rise"
    ),
    "refvis.input_reconstruction": "activation_maximization caricature deepdream inversion natural_preimage",
    "refvis.input_reconstruction.examples": "examples",
    "refvis.input_reconstruction.generators": "generator_inversion generator_maximization",
    "refvis.input_reconstruction.hog": "dsift hog",
    "refvis.results": "Heatmap Reconstruction",
}
_MODULES = (
    *("deconvolutional", "drawing", "featurevis", "images", "input_modification", "input_reconstruction"),
    *("report", "results", "scenes", "show", "targets", "units"),
)

PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}
PLACES |= {name: f"refvis.{name}" for name in _MODULES}
"""Name -> the module that has it, or that it is."""
