"""Backpropagation from what is explained: rules by name, seeds, and the backward pass of one or of several units."""
