"""The taxonomy's third class: inputs that are optimised to have a target code, or to activate a unit."""

from refvis.dataset_examples.search import examples
from refvis.input_reconstruction.activation_maximization import activation_maximization
from refvis.input_reconstruction.deepdream import deepdream
from refvis.input_reconstruction.inversion import inversion
from refvis.input_reconstruction.natural import caricature, natural_preimage
from refvis.input_reconstruction.recipe import Recipe

__all__ = ["Recipe", "activation_maximization", "caricature", "deepdream", "examples", "inversion", "natural_preimage"]
