"""Fast twins of definitions. Importing this package enters them in the registry of `base.exactness`.

The package may be deleted: everything then runs by definition, slower.
"""

from refvis.layers.fast import conv, conv_transpose, elementwise, fully_connected, lrn, pool, relu, spatial_norm

__all__ = ["conv", "conv_transpose", "elementwise", "fully_connected", "lrn", "pool", "relu", "spatial_norm"]
