"""Dataset examples: the images, and their patches, that activate channels most."""

from refvis.dataset_examples.search import examples

__all__ = ["examples"]
