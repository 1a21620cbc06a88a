"""refvis: an auditable reference for visualising the learned features of convolutional networks."""

from refvis import layers
from refvis.layers import modes

__all__ = ["layers", "modes"]
