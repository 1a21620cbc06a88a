"""Colour scales for maps, in colour maps of matplotlib; symmetric about zero for signed values."""

from dataclasses import dataclass

import numpy as np

from refvis.layers import Array

SIGNED, UNSIGNED = "RdBu_r", "inferno"
"""Colour maps: red for, blue against and white for zero; dark to bright for values without a sign."""

QUANTILE = 0.995
"""Share of a map's values that lie within its colour scale."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a gray value (ITU-R BT.601)."""


@dataclass(frozen=True)
class ColourScale:
    """A colour scale from `low` to `high` in the matplotlib colour map `name`."""

    low: float
    high: float
    name: str

    def colour(self, values: Array) -> Array:
        """Return `values` (any shape) as RGB, uint8, in a new last axis; values beyond the scale take its end's."""
        from matplotlib import colormaps

        span = self.high - self.low
        share = (values - self.low) / span if span > 0 else np.full(values.shape, 0.5 if self.name == SIGNED else 0.0)
        return (colormaps[self.name](np.clip(share, 0, 1))[..., :3] * 255).round().astype(np.uint8)


def colour_scale(values: Array, signed: bool) -> ColourScale:
    """Return the scale 0 to m for `values`, or -m to m if they are `signed`; m is a quantile of the absolute values.

    A few values far above all others would leave the rest without colour, so they take the colour of the end.
    """
    sizes = np.abs(values)
    largest = float(np.quantile(sizes, QUANTILE)) if sizes.size else 0.0
    largest = largest or float(sizes.max(initial=0))
    return ColourScale(-largest, largest, SIGNED) if signed else ColourScale(0.0, largest, UNSIGNED)


def blend(picture: Array, colours: Array, opacity: float | Array) -> Array:
    """Return `colours` over the picture in gray (both H x W x 3 uint8) at `opacity` (0 ... 1, or H x W x 1 of such)."""
    gray = picture.astype("float32") @ np.array(LUMA, "float32")
    mixed = opacity * colours + (1 - opacity) * gray[..., None]
    return mixed.round().astype(np.uint8)
