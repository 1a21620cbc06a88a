"""refvis: an auditable reference for visualising the learned features of convolutional networks.

`layers` has the operators with their rules and the engine, `modes` the tables of rules, `load` reads MatConvNet models;
`occlusion`, `deconvolution` and `inversion` stand for the three classes of the taxonomy of Gruen et al. (2016).

Networks are imported with the package. The methods, which would take as long again, are imported when they are first
used; type checkers see them all.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from refvis import layers
from refvis.later import PLACES
from refvis.layers import Node, ShapeError, exact, merge_batchnorm, modes, winograd
from refvis.loading import bundled, load, save
from refvis.network import Network, chain
from refvis.version import __version__
from refvis.weights import ModelFormatError

if TYPE_CHECKING:
    from refvis import deconvolutional as deconvolutional
    from refvis import drawing as drawing
    from refvis import featurevis
    from refvis import images as images
    from refvis import input_modification as input_modification
    from refvis import input_reconstruction as input_reconstruction
    from refvis import report as report
    from refvis import results as results
    from refvis import scenes as scenes
    from refvis import show as show
    from refvis import targets as targets
    from refvis import units as units
    from refvis.deconvolutional.cam import cam
    from refvis.deconvolutional.deconvolution import deconvolution
    from refvis.deconvolutional.deeplift import deeplift
    from refvis.deconvolutional.excitation import excitation_backprop
    from refvis.deconvolutional.grad_cam import grad_cam, guided_grad_cam
    from refvis.deconvolutional.gradient_times_input import gradient_times_input
    from refvis.deconvolutional.integrated_gradients import integrated_gradients
    from refvis.deconvolutional.ledger import Ledger, ledger
    from refvis.deconvolutional.linear_approximation import linear_approximation
    from refvis.deconvolutional.smoothgrad import smoothgrad, smoothgrad_squared, vargrad
    from refvis.input_modification.discrepancy import discrepancy
    from refvis.input_modification.extremal import extremal_perturbation
    from refvis.input_modification.feature_effects import FeatureEffects
    from refvis.input_modification.feature_occlusion import feature_occlusion
    from refvis.input_modification.kernel_shap import kernel_shap
    from refvis.input_modification.lime import lime
    from refvis.input_modification.meaningful import meaningful_perturbation
    from refvis.input_modification.occlusion import occlusion
    from refvis.input_modification.receptive import empirical_receptive_field
    from refvis.input_modification.receptive_result import EmpiricalField
    from refvis.input_modification.rise import rise
    from refvis.input_reconstruction.activation_maximization import activation_maximization
    from refvis.input_reconstruction.deepdream import deepdream
    from refvis.input_reconstruction.examples import examples
    from refvis.input_reconstruction.generators import generator_inversion, generator_maximization
    from refvis.input_reconstruction.hog import dsift, hog
    from refvis.input_reconstruction.inversion import inversion
    from refvis.input_reconstruction.natural import caricature, natural_preimage
    from refvis.results import Heatmap, Reconstruction
else:

    def __getattr__(name: str) -> object:
        """Import a public name that is not there yet."""
        if name not in PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(PLACES[name])
        if name not in globals():  # a module of the package is there as soon as it is imported
            globals()[name] = getattr(module, name)
        return globals()[name]

    def __dir__() -> list[str]:
        """Return the names that are there, and those that would be imported."""
        return sorted({*globals(), *PLACES})


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
