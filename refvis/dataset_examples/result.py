"""What `examples` returns: the strongest patches of each channel, with where they are from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from refvis.dataset_examples.sheet import Row, sheet
from refvis.files import write_atomically, write_bytes
from refvis.layers import Array
from refvis.results import Record, png, write_h5


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """The strongest patches of K channels, t of each, the strongest first. All arrays are NumPy arrays.

    `scores` (K x t) are the activations at `positions` (K x t x 2; y, x) of the images number `images` (K x t), which
    are called `names`. `boxes` (K x t x 4; top, left, bottom, right, the ends not included) are the receptive fields in
    pixels of the network's input; they may stick out of it. `patches` (K x t x h x w x 3 uint8) is what they show,
    `signals` (the same) what walks back from there, gray for zero, the value `scales` (K x t) for white. `titles` say
    which channels they are. `seen` counts the images that were looked at, `skipped` (name -> why) has those of a folder
    that could not be read, `masks` counts those that were left out as masks of others, and `ended` says why it ended:
    "all images" or "interrupted".
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
        """Whether the search was interrupted: these are the strongest of the images `seen` until then."""
        return self.ended == "interrupted"

    def sheet(self) -> Array:
        """Return all as one picture, H x W x 3 uint8: for each channel its patches, and beside them the signals."""
        return sheet([Row(*row) for row in zip(self.titles, self.scores, self.patches, self.signals, strict=True)])

    def save(self, path: str | Path) -> None:
        """Write the result, whole or not at all: the sheet as .png, or all arrays and the record as .h5.

        Raises ValueError for another suffix.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".png":
            write_bytes(path, png(self.sheet()))
        elif suffix == ".h5":
            write_atomically(path, self._write_h5)
        else:
            raise ValueError(f"cannot write {str(path)!r}: expected a name that ends in .png or .h5")

    def __repr__(self) -> str:
        """Return one line: the layer, how many channels and patches, how many images were seen."""
        count, top = self.scores.shape
        where = self.record.parameters["at"]
        return f"Examples({where}: {count} channels, {top} patches each, of {self.seen} images; {self.ended})"

    def _repr_png_(self) -> bytes:
        """Show the sheet in a notebook."""
        return png(self.sheet())

    def _write_h5(self, part: Path) -> None:
        import h5py

        arrays = {
            name: getattr(self, name)
            for name in ("scores", "images", "positions", "boxes", "patches", "signals", "scales")
        }
        arrays |= {"channels": np.array(self.channels), "names": np.char.encode(np.array(self.names), "utf-8")}
        with h5py.File(part, "w") as file:
            write_h5(file, arrays, self.record)
            counts = {"seen": self.seen, "skipped": len(self.skipped), "masks": self.masks}
            file.attrs.update(counts | {"ended": self.ended})
