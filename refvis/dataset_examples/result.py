"""Result of `examples`: the strongest patches of each channel, with their images and positions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from refvis.dataset_examples.sheet import Row, sheet
from refvis.layers import Array
from refvis.results import Record, png, write_h5
from refvis.results.files import check_suffix, h5
from refvis.weights.whole_files import write_bytes


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """The strongest patches of K channels, t of each, in descending order. All arrays are NumPy arrays.

    Fields:

        channels   the channels' numbers
        titles     the channels' names
        scores     activations, K x t
        images     numbers of the images, K x t
        names      names of the images
        positions  positions of the activations, K x t x 2 (y, x)
        boxes      receptive fields in pixels of the input, K x t x 4 (top, left, bottom, right, ends excluded); they
                   may extend beyond it
        patches    the images in these boxes, K x t x h x w x 3 uint8
        signals    the backpropagated signals in these boxes, K x t x h x w x 3 uint8, gray at zero
        scales     the signal's value at white, K x t
        record     how the result was made
        seen       number of images read
        skipped    name -> reason, for unreadable files of a folder
        ended      "all images" or "interrupted"
        masks      number of files left out as masks of others

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> refvis.examples(net, [scene(seed).image for seed in range(8)], at="x20", channel=[3, 5], top=2)
    Examples(x20: 2 channels, 2 patches each, of 8 images; all images)
    """

    channels: tuple[int, ...]
    titles: tuple[str, ...]
    scores: Array
    images: Array
    names: tuple[tuple[str, ...], ...]
    positions: Array
    boxes: Array
    patches: Array
    signals: Array
    scales: Array
    record: Record
    seen: int
    skipped: dict[str, str] = field(default_factory=dict)
    ended: str = "all images"
    masks: int = 0

    @property
    def partial(self) -> bool:
        """Whether the search was interrupted; the result then covers the images read until then."""
        return self.ended == "interrupted"

    def sheet(self) -> Array:
        """Return a contact sheet, H x W x 3 uint8: for each channel its patches, and beside them the signals."""
        return sheet([Row(*row) for row in zip(self.titles, self.scores, self.patches, self.signals, strict=True)])

    def save(self, path: str | Path) -> None:
        """Write the result, whole or not at all: the sheet as .png, or all arrays and the record as .h5.

        Raises ValueError for another suffix.
        """
        write_bytes(path, h5(self._fill_h5) if check_suffix(path) == ".h5" else png(self.sheet()))

    def __repr__(self) -> str:
        """Return one line: the layer, and the numbers of channels, patches and images."""
        count, top = self.scores.shape
        where = self.record.parameters["at"]
        return f"Examples({where}: {count} channels, {top} patches each, of {self.seen} images; {self.ended})"

    def _repr_png_(self) -> bytes:
        """Show the sheet in a notebook."""
        return png(self.sheet())

    def _fill_h5(self, file: Any) -> None:
        arrays = {
            name: getattr(self, name)
            for name in ("scores", "images", "positions", "boxes", "patches", "signals", "scales")
        }
        arrays |= {"channels": np.array(self.channels), "names": np.char.encode(np.array(self.names), "utf-8")}
        write_h5(file, arrays, self.record)
        counts = {"seen": self.seen, "skipped": len(self.skipped), "masks": self.masks}
        file.attrs.update(counts | {"ended": self.ended})
