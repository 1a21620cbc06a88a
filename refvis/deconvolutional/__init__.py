"""The taxonomy's second class: a signal goes from a unit back to the input."""

from refvis.deconvolutional.deconvolution import deconvolution

__all__ = ["deconvolution"]
