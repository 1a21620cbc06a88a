"""Segments of an image: superpixels, and the linear models that are fitted to which of them are there."""
