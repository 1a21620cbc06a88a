"""The backward pass that all deconvolutional methods share: seeds, baselines, noise, bounds, and maps of layers."""
