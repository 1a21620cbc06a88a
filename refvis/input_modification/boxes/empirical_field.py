"""Empirical receptive field: the mean discrepancy map of a channel, and the field's size."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from refvis.dataset_examples.result import Examples
from refvis.layers import Array
from refvis.layers.base.geometry import Number
from refvis.results import Heatmap, png


@dataclass(frozen=True, eq=False, repr=False)
class EmpiricalField:
    """The pixels that a channel responds to, the result of `empirical_receptive_field`.

    Fields:

        mean          the mean discrepancy in the frame of the theoretical field; `mean.values` is 1 x h x w x 1,
                      float64, a NumPy array, and `mean.map` is h x w
        theoretical   the theoretical field's size (y, x) in pixels; None if no window describes the field (the frame
                      is then the image)
        threshold     share of the mean's largest value above which a pixel belongs to the field
        count         how many images show each pixel of the frame, h x w; a field may extend beyond an image, and the
                      mean is 0 where no image shows the pixel
        strongest     the images behind the mean; `strongest.sheet()` shows the parts that lie in the field

    Example:

    >>> import numpy as np
    >>> import refvis
    >>> net = refvis.chain({"conv": refvis.layers.Conv(np.array([1.0, -2.0, 0.0]).reshape(1, 1, 3, 1))})
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 1), np.uint8)
    >>> refvis.empirical_receptive_field(net, images, "conv", 0, top=3, size=1, stride=1)
    EmpiricalField(x1 channel 0: side 1.4 of 1 x 3 pixels, 3 images)
    """

    mean: Heatmap
    theoretical: tuple[Number, Number] | None
    threshold: float
    count: Array
    strongest: Examples

    @property
    def mask(self) -> Array:
        """The pixels where the mean exceeds the threshold times its largest value, h x w bool."""
        return self.mean.map > self.threshold * self.mean.map.max()

    @property
    def size(self) -> float:
        """The side, in pixels, of a square with as many pixels as the mask."""
        return sqrt(int(self.mask.sum()))

    def picture(self) -> Array:
        """Return the mean in colours with the mask's border in white, h x w x 3 uint8."""
        inner, padded = self.mask, np.pad(self.mask, 1)
        for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
            inner = inner & padded[rows : rows + inner.shape[0], columns : columns + inner.shape[1]]
        return np.where((self.mask & ~inner)[..., None], np.uint8(255), self.mean.colours())

    def save(self, path: str | Path) -> None:
        """Write the mean atomically as .h5 (values, map, record) or .png (colours); ValueError for another suffix."""
        self.mean.save(path)

    def __repr__(self) -> str:
        """Return one line: the unit, the empirical and the theoretical size, and the number of images."""
        parameters = self.mean.record.parameters
        theoretical = "the image" if self.theoretical is None else " x ".join(map(str, self.theoretical))
        unit = f"{parameters['at']} channel {parameters['channel']}"
        return f"EmpiricalField({unit}: side {self.size:.1f} of {theoretical} pixels, {int(self.count.max())} images)"

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return png(self.picture(), enlarge=4)
