"""Boxes over an image: their grid, their fills, and the effects of covering them."""
