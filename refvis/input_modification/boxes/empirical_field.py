"""What `empirical_receptive_field` returns: the mean discrepancy, and the field's size."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from refvis.input_reconstruction.examples.result import Examples
from refvis.layers import Array
from refvis.layers.base.windows import Number
from refvis.results import Heatmap, png


@dataclass(frozen=True, eq=False, repr=False)
class EmpiricalField:
    """What a channel looks at: `mean` is the mean discrepancy in the frame of the theoretical receptive field.

    `mean.values` is 1 x h x w x 1, float64, a NumPy array; `mean.map` h x w. `theoretical` is the field's size (y, x)
    in pixels, None if no window describes it (the frame is then the image). `count` (h x w) says how many images show
    each pixel: a field may stick out of the image, and a pixel that none shows has 0. `strongest` are the images behind
    it, `sheet()` shows what the field sees of them.
    """

    mean: Heatmap
    theoretical: tuple[Number, Number] | None
    threshold: float
    count: Array
    strongest: Examples

    @property
    def mask(self) -> Array:
        """Where the mean exceeds the threshold times its largest value, h x w bools."""
        return self.mean.map > self.threshold * self.mean.map.max()

    @property
    def size(self) -> float:
        """The side, in pixels, of a square of as many pixels as the mask has."""
        return sqrt(int(self.mask.sum()))

    def picture(self) -> Array:
        """Return the mean in colours, the mask's border in white, h x w x 3 uint8."""
        inner, padded = self.mask, np.pad(self.mask, 1)
        for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
            inner = inner & padded[rows : rows + inner.shape[0], columns : columns + inner.shape[1]]
        return np.where((self.mask & ~inner)[..., None], np.uint8(255), self.mean.colours())

    def save(self, path: str | Path) -> None:
        """Write the mean, whole or not at all: .h5 (values, map, record) or .png (colours)."""
        self.mean.save(path)

    def __repr__(self) -> str:
        """Return one line: the unit, both sizes, how many images are behind it."""
        made = self.mean.record.parameters
        known = "the image" if self.theoretical is None else " x ".join(map(str, self.theoretical))
        unit = f"{made['at']} channel {made['channel']}"
        return f"EmpiricalField({unit}: side {self.size:.1f} of {known} pixels, {int(self.count.max())} images)"

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return png(self.picture(), enlarge=4)
