"""From numbers to colours: maps of matplotlib, symmetric about zero where numbers have a sign."""

from dataclasses import dataclass

import numpy as np

from refvis.layers import Array

SIGNED, UNSIGNED = "RdBu_r", "inferno"
"""Colour maps: red for, blue against, white for zero; and dark to bright for maps without a sign."""
SHOWN = 0.995
"""Share of a map's values that lie within its colour scale."""


@dataclass(frozen=True)
class Scale:
    """A colour scale from `low` to `high` in the matplotlib colour map `name`."""

    low: float
    high: float
    name: str

    def colour(self, values: Array) -> Array:
        """Return `values` (any shape) as RGB, uint8, in a new last axis; what lies outside the scale takes its end."""
        from matplotlib import colormaps

        span = self.high - self.low
        share = (values - self.low) / span if span > 0 else np.full(values.shape, 0.5 if self.name == SIGNED else 0.0)
        return (colormaps[self.name](np.clip(share, 0, 1))[..., :3] * 255).round().astype(np.uint8)


def scale_for(values: Array, signed: bool) -> Scale:
    """Return the scale 0 to m for `values`, -m to m where they are `signed`; m is a size that SHOWN of them stay below.

    A few values far above all others would leave the rest without colour; they take the colour of the end.
    """
    sizes = np.abs(values)
    largest = float(np.quantile(sizes, SHOWN)) if sizes.size else 0.0
    largest = largest or float(sizes.max(initial=0))
    return Scale(-largest, largest, SIGNED) if signed else Scale(0.0, largest, UNSIGNED)


def blended(picture: Array, colours: Array, opacity: float | Array) -> Array:
    """Return `colours` over the picture in gray (both H x W x 3 uint8) at `opacity` (0 ... 1, or H x W x 1 of such)."""
    gray = picture.astype("float32") @ np.array([0.299, 0.587, 0.114], "float32")
    mixed = opacity * colours + (1 - opacity) * gray[..., None]
    return mixed.round().astype(np.uint8)
