"""refvis: an auditable reference for visualising the learned features of convolutional networks.

`layers` has the operators with their rules and the engine, `modes` the tables of rules, `load` reads MatConvNet models;
`occlusion`, `deconvolution` and `inversion` stand for the three classes of the taxonomy of Gruen et al. (2016).
"""

from refvis import featurevis, layers
from refvis.deconvolutional import (
    Ledger,
    cam,
    deconvolution,
    deeplift,
    excitation_backprop,
    grad_cam,
    gradient_times_input,
    guided_grad_cam,
    integrated_gradients,
    ledger,
    linear_approximation,
    smoothgrad,
    smoothgrad_squared,
    vargrad,
)
from refvis.input_modification import (
    EmpiricalField,
    FeatureEffects,
    discrepancy,
    empirical_receptive_field,
    extremal_perturbation,
    feature_occlusion,
    kernel_shap,
    lime,
    meaningful_perturbation,
    occlusion,
    rise,
)
from refvis.input_reconstruction import (
    activation_maximization,
    caricature,
    deepdream,
    inversion,
    natural_preimage,
)
from refvis.input_reconstruction.examples import examples
from refvis.input_reconstruction.generators import generator_inversion, generator_maximization
from refvis.input_reconstruction.hog import dsift, hog
from refvis.layers import Node, ShapeError, exact, merge_batchnorm, modes, winograd
from refvis.loading import bundled, load, save
from refvis.network import Network, chain
from refvis.results import Heatmap, Reconstruction
from refvis.version import __version__
from refvis.weights import ModelFormatError

__all__ = [
    "EmpiricalField",
    "FeatureEffects",
    "Heatmap",
    "Ledger",
    "ModelFormatError",
    "Network",
    "Node",
    "Reconstruction",
    "ShapeError",
    "__version__",
    "activation_maximization",
    "bundled",
    "cam",
    "caricature",
    "chain",
    "deconvolution",
    "deepdream",
    "deeplift",
    "discrepancy",
    "dsift",
    "empirical_receptive_field",
    "exact",
    "examples",
    "excitation_backprop",
    "extremal_perturbation",
    "feature_occlusion",
    "featurevis",
    "generator_inversion",
    "generator_maximization",
    "grad_cam",
    "gradient_times_input",
    "guided_grad_cam",
    "hog",
    "integrated_gradients",
    "inversion",
    "kernel_shap",
    "layers",
    "ledger",
    "lime",
    "linear_approximation",
    "load",
    "meaningful_perturbation",
    "merge_batchnorm",
    "modes",
    "natural_preimage",
    "occlusion",
    "rise",
    "save",
    "smoothgrad",
    "smoothgrad_squared",
    "vargrad",
    "winograd",
]
