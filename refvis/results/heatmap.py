"""Heatmaps: what a method found at each value of the input."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from refvis.images.colours import Scale, blended, scale_for
from refvis.images.contact_sheet import strip
from refvis.layers import Array
from refvis.network import Network
from refvis.results.files import on_host, png, save_result
from refvis.results.record import Record
from refvis.results.text import measured, shape

OPACITY = 0.6
"""How much of a map's colours covers the picture below it."""


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """What a method found at each value of the input.

    `values` is N x H x W x C (C = 1 where the method knows no channels), dtype and array library of the input; of
    several units that are explained, each has a row, image by image. `signed` says whether the sign means for and
    against; channels are joined by their sum where it does, by their Euclidean norm where it does not. `picture` is the
    input as H x W x 3 uint8, or None. `measures` holds what was measured of the result itself, a value for each row;
    `history`, of methods that go step by step, one array per term of the objective, steps x rows. `covered` (H x W
    bool) says which pixels have a value, of a run that was interrupted; None: all of them.
    """

    values: Array
    signed: bool
    record: Record
    picture: Array | None = None
    measures: dict[str, Array] = field(default_factory=dict)
    history: dict[str, Array] = field(default_factory=dict)
    covered: Array | None = None

    @cached_property
    def map(self) -> Array:
        """The first row's values with the channels joined, H x W, a NumPy array."""
        return self._joined(self._host[:1])[0]

    @cached_property
    def maps(self) -> Array:
        """Every row's values with the channels joined, N x H x W, a NumPy array."""
        return self._joined(self._host)

    @property
    def partial(self) -> str:
        """What is done of a run that was interrupted, "57 of 196 boxes"; empty where all is."""
        return str(self.record.parameters.get("partial", ""))

    @property
    def scale(self) -> Scale:
        """The colour scale of the map."""
        return scale_for(self.map, self.signed)

    def colours(self) -> Array:
        """Return the map in colours, H x W x 3 uint8."""
        return self.scale.colour(self.map)

    def overlay(self, image: Any = None, opacity: float = OPACITY) -> Array:
        """Return the map in colours over a picture in gray, H x W x 3 uint8; what is not covered has no colours.

        `image` is H x W x 3, values 0 ... 255 (None: the input that was explained); it has the map's height and width.
        """
        below = self.picture if image is None else np.asarray(image)
        if below is None:
            raise ValueError("this heatmap knows no picture to lie over: give one, overlay(image)")
        if below.shape != (*self.map.shape, 3):
            raise ValueError(f"the image has shape {below.shape}, expected {(*self.map.shape, 3)}")
        return self._over(below, self.colours(), opacity)

    def strip(self) -> Array:
        """Return all maps side by side as one picture, H x W x 3 uint8, each in a colour scale of its own.

        They stand in order, each below its caption: the image, and the channel, counted from 0. Maps of one image lie
        over it.
        """
        units, under = self.record.units, self.picture
        one = len(units) == len(self.maps)
        colours = [scale_for(each, self.signed).colour(each) for each in self.maps]
        if one and under is not None:
            colours = [self._over(under, each, OPACITY) for each in colours]
        captions = units if one else [self._caption(row) for row in range(len(self.maps))]
        return strip(colours, [f"partial: {each}" if self.partial else each for each in captions])

    def _caption(self, row: int) -> str:
        units = self.record.units
        if len(units) < 2:
            return f"image {row}" if units else f"row {row}"
        image, unit = divmod(row, len(units))
        return f"image {image}, {units[unit]}"

    def save(self, path: str | Path) -> None:
        """Write the result, whole or not at all: .h5 (all of it, and the map) or .png (overlay, or colours).

        Raises ValueError for another suffix.
        """
        arrays = {"values": self._host, "map": self.map}
        if len(self.values) > 1:
            arrays["maps"] = self.maps
        if self.covered is not None:
            arrays["covered"] = self.covered
        arrays |= {f"measures/{name}": values for name, values in self.measures.items()}
        arrays |= {f"history/{name}": values for name, values in self.history.items()}
        save_result(path, arrays, self.record, self._shown)

    def __repr__(self) -> str:
        """Return one line: the method, the shape, and what was measured."""
        partial = [f"partial: {self.partial}"] if self.partial else []
        parts = [f"{self.record.method}, {shape(self.values)}", *partial, *measured(self.measures)]
        return f"Heatmap({'; '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """Show the heatmap in a notebook."""
        return png(self._shown(), enlarge=4 if len(self.values) == 1 else 1)

    def _shown(self) -> Array:
        if len(self.values) > 1:
            return self.strip()
        return self.overlay() if self.picture is not None else self.colours()

    @property
    def _host(self) -> Array:
        return on_host(self.values)

    def _over(self, picture: Array, colours: Array, opacity: float) -> Array:
        return blended(picture, colours, opacity if self.covered is None else opacity * self.covered[..., None])

    def _joined(self, values: Array) -> Array:
        return values.sum(axis=3) if self.signed else np.sqrt((values * values).sum(axis=3))


def below(net: Network, x: Array, values: Array) -> Array | None:
    """Return the first image of input `x` as the picture to lie below a heatmap; None if height or width differ."""
    return net.restore(x[:1]) if values.shape[1:3] == x.shape[1:3] else None
