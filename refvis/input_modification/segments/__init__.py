"""Segments of an image: superpixels, coalitions, and the linear models fitted to them."""
