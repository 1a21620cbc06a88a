"""What occlusion of feature maps found: an effect for each group of channels."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from refvis.files import write_whole
from refvis.layers import Array
from refvis.results import Record, write_h5


@dataclass(frozen=True, eq=False, repr=False)
class FeatureEffects:
    """The effect on each unit (units x G, dtype and library of the input) of setting each of G groups of channels.

    NaN where an interruption left it out. `signed` says whether a negative effect means that the unit rises.
    """

    values: Array
    channels: tuple[tuple[int, ...], ...]
    signed: bool
    record: Record

    @cached_property
    def order(self) -> Array:
        """Numbers of the groups by their effect on the first unit, largest first, a NumPy array; NaN comes last."""
        return np.argsort(-self._host[0], kind="stable")

    def ranked(self, count: int | None = None) -> list[tuple[tuple[int, ...], float]]:
        """Return (channels, effect on the first unit), largest effect first, at most `count` of them."""
        return [(self.channels[n], float(self._host[0, n])) for n in self.order[:count]]

    def save(self, path: str | Path) -> None:
        """Write values, channels (G x the most in a group, -1 beyond) and record as HDF5, whole or not at all."""
        import h5py

        if Path(path).suffix.lower() != ".h5":
            raise ValueError(f"cannot write {str(path)!r}: expected a name that ends in .h5")
        table = np.full((len(self.channels), max(map(len, self.channels))), -1)
        for row, group in zip(table, self.channels, strict=True):
            row[: len(group)] = group

        def write(part: Path) -> None:
            with h5py.File(part, "w") as file:
                write_h5(file, {"values": self._host, "channels": table}, self.record)

        write_whole(path, write)

    def __repr__(self) -> str:
        """Return one line: the layer and its three strongest groups."""
        best = ", ".join(f"{' '.join(map(str, group))}: {effect:.3g}" for group, effect in self.ranked(3))
        return f"FeatureEffects({self.record.parameters['layer']}, {len(self.channels)} groups; strongest {best})"

    @property
    def _host(self) -> Array:
        return self.values.get() if hasattr(self.values, "get") else self.values
