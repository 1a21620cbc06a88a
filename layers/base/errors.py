"""The error that layers raise when sizes do not fit."""


class ShapeError(ValueError):
    """Sizes that do not fit together. The message says what, where, what was found and what was expected."""
