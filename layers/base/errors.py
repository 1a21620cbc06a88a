"""The error that layers raise when sizes do not fit."""


class ShapeError(ValueError):
    """Sizes that do not fit together. The message names the layer, what was found and what was expected.

    >>> import numpy as np
    >>> import refvis
    >>> try:
    ...     refvis.layers.forward(refvis.layers.Sum(), np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 3)))
    ... except refvis.layers.ShapeError as error:
    ...     print(error)
    the inputs have shapes (1, 1, 1, 2) and (1, 1, 1, 3), expected equal ones
    """
