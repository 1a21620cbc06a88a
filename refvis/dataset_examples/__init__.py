"""Dataset examples: the images, and the patches of them, that excite channels the most."""

from refvis.dataset_examples.search import examples

__all__ = ["examples"]
