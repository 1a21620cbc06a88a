"""The taxonomy's third class: an input is made that gives a wanted code."""

from refvis.input_reconstruction.inversion import inversion

__all__ = ["inversion"]
