"""The taxonomy's third class: an input is made that gives a wanted code, or that excites a unit."""

from refvis.dataset_examples.search import examples
from refvis.input_reconstruction.activation_maximization import activation_maximization
from refvis.input_reconstruction.deepdream import deepdream
from refvis.input_reconstruction.inversion import inversion
from refvis.input_reconstruction.natural import caricature, natural_preimage
from refvis.input_reconstruction.recipe import Recipe

__all__ = ["Recipe", "activation_maximization", "caricature", "deepdream", "inversion", "natural_preimage"]
