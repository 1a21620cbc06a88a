"""Heatmaps: the result of a method at each value of the input."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from refvis.images.colours import ColourScale, blend, colour_scale
from refvis.images.contact_sheet import contact_sheet
from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.network import Network
from refvis.results.files import png, save_result
from refvis.results.record import Record, measures_text, shape_text

OPACITY = 0.6
"""Weight of a map's colours over the picture below them."""


@dataclass(frozen=True, eq=False, repr=False)
class Heatmap:
    """The result of a method at each value of the input.

    When several units of one image are explained, each has a row of its own; rows are ordered image by image. One map
    per row (`map`, `maps`) joins the channels: by their sum where values are signed, else by their Euclidean norm.

    Fields:

        values    N x H x W x C, C = 1 for methods that do not tell channels apart; dtype and library of the input
        signed    whether the sign says for (+) or against (-); unsigned values only say how much
        record    the method, its parameters, the model and the versions
        picture   the explained image, H x W x 3 uint8, or None
        measures  name -> measured values, one per row
        history   name of a term of the objective -> values, steps x rows; for iterative methods
        covered   H x W bool: the pixels that have a value, if the run was interrupted; None: all of them

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> heatmap = refvis.deconvolution(net, net.preprocess(scene(7).image), mode="guided")
    >>> heatmap.values.shape, heatmap.map.shape, heatmap.overlay().dtype
    ((1, 64, 64, 3), (64, 64), dtype('uint8'))
    >>> heatmap.record.method, heatmap.signed
    ('deconvolution', False)
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
        return self._join_channels(to_host(self.values[:1]))[0]

    @cached_property
    def maps(self) -> Array:
        """Every row's values with the channels joined, N x H x W, a NumPy array."""
        return self._join_channels(to_host(self.values))

    @property
    def partial(self) -> str:
        """The part that an interrupted run completed, "57 of 196 boxes"; empty if the run is complete."""
        return str(self.record.parameters.get("partial", ""))

    @property
    def scale(self) -> ColourScale:
        """The colour scale of the map."""
        return colour_scale(self.map, self.signed)

    def colours(self) -> Array:
        """Return the map in colours, H x W x 3 uint8."""
        return self.scale.colour(self.map)

    def overlay(self, image: Any = None, opacity: float = OPACITY) -> Array:
        """Return the map in colours over a picture in gray, H x W x 3 uint8; pixels without a value stay gray.

        `image` is H x W x 3 with values 0 ... 255 (default: the explained image) and has the map's height and width.
        `opacity` is the weight of the colours, 0 ... 1. Raises ValueError if there is no picture or it does not fit.
        """
        picture = self.picture if image is None else np.asarray(image)
        if picture is None:
            raise ValueError("this heatmap has no picture to lie over: give one, overlay(image)")
        if picture.shape != (*self.map.shape, 3):
            raise ValueError(f"the image has shape {picture.shape}, expected {(*self.map.shape, 3)}")
        return self._blend(picture, self.colours(), opacity)

    def contact_sheet(self) -> Array:
        """Return all maps side by side as one picture, H x W x 3 uint8, each in a colour scale of its own.

        Maps stand in order below their captions, which name the image and the channel, counted from 0. Maps of one
        image lie over it.
        """
        units = self.record.units
        one_image = len(units) == len(self.maps) and self.record.images == 1
        pictures = [colour_scale(each, self.signed).colour(each) for each in self.maps]
        if one_image and self.picture is not None:
            pictures = [self._blend(self.picture, each, OPACITY) for each in pictures]
        captions = units if one_image else [self._caption(row) for row in range(len(self.maps))]
        return contact_sheet(pictures, [f"partial: {each}" if self.partial else each for each in captions])

    def save(self, path: str | Path) -> None:
        """Write the result atomically: .h5 (all arrays, the map and the record) or .png (overlay, or colours).

        Raises ValueError for another suffix, and FileNotFoundError if the folder does not exist.
        """
        arrays = {"values": to_host(self.values), "map": self.map}
        if len(self.values) > 1:
            arrays["maps"] = self.maps
        if self.covered is not None:
            arrays["covered"] = self.covered
        arrays |= {f"measures/{name}": values for name, values in self.measures.items()}
        arrays |= {f"history/{name}": values for name, values in self.history.items()}
        save_result(path, arrays, self.record, self._as_picture)

    def __repr__(self) -> str:
        """Return one line: the method, the shape, and the measures."""
        partial = [f"partial: {self.partial}"] if self.partial else []
        parts = [f"{self.record.method}, {shape_text(self.values)}", *partial, *measures_text(self.measures)]
        return f"Heatmap({'; '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """Show the heatmap in a notebook."""
        return png(self._as_picture(), enlarge=4 if len(self.values) == 1 else 1)

    def _as_picture(self) -> Array:
        if len(self.values) > 1:
            return self.contact_sheet()
        return self.overlay() if self.picture is not None else self.colours()

    def _blend(self, picture: Array, colours: Array, opacity: float) -> Array:
        return blend(picture, colours, opacity if self.covered is None else opacity * self.covered[..., None])

    def _join_channels(self, values: Array) -> Array:
        return values.sum(axis=3) if self.signed else np.sqrt((values * values).sum(axis=3))

    def _caption(self, row: int) -> str:
        units = self.record.units
        if len(units) < 2:
            return f"image {row}" if units else f"row {row}"
        image, unit = divmod(row, len(units) // self.record.images)
        return f"image {image}, {units[row if self.record.images > 1 else unit]}"


def background(net: Network, x: Array, values: Array) -> Array | None:
    """Return the first image of input `x` as the picture below a heatmap; None if height or width differ.

    >>> import refvis
    >>> from refvis.results import background
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(3).image)
    >>> background(net, x, x).shape, background(net, x, x[:, :8])
    ((64, 64, 3), None)
    """
    return net.restore(x[:1]) if values.shape[1:3] == x.shape[1:3] else None
