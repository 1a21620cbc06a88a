"""Result of feature occlusion: an effect for each group of channels."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.results import Record, write_h5
from refvis.results.files import h5
from refvis.weights.whole_files import write_bytes


@dataclass(frozen=True, eq=False, repr=False)
class FeatureEffects:
    """Effects of setting groups of channels to a value, the result of `feature_occlusion`.

    Fields:

        values     the effect of each of G groups on each unit, units x G, in the dtype and library of the input; NaN
                   for groups that an interruption left out
        channels   the channels of each group
        signed     True if a negative effect means that the unit rises
        record     how the effects were computed

    Example:

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(scene(7).image)
    >>> effects = refvis.feature_occlusion(net, x, "relu5")
    >>> effects.values.shape == (1, len(effects.channels))
    True
    """

    values: Array
    channels: tuple[tuple[int, ...], ...]
    signed: bool
    record: Record

    @cached_property
    def order(self) -> Array:
        """Numbers of the groups by their effect on the first unit, largest first, a NumPy array; NaN comes last."""
        return np.argsort(-to_host(self.values)[0], kind="stable")

    def ranked(self, count: int | None = None) -> list[tuple[tuple[int, ...], float]]:
        """Return (channels, effect on the first unit), largest effect first, at most `count` of them (default: all)."""
        effects = to_host(self.values)[0]
        return [(self.channels[n], float(effects[n])) for n in self.order[:count]]

    def save(self, path: str | Path) -> None:
        """Write values, channels (G x the size of the largest group, padded with -1) and record as HDF5.

        Raises ValueError unless the name ends in .h5.
        """
        if Path(path).suffix.lower() != ".h5":
            raise ValueError(f"cannot write {str(path)!r}: expected a name that ends in .h5")
        table = np.full((len(self.channels), max(map(len, self.channels))), -1)
        for row, group in zip(table, self.channels, strict=True):
            row[: len(group)] = group

        arrays = {"values": to_host(self.values), "channels": table}
        write_bytes(path, h5(lambda file: write_h5(file, arrays, self.record)))

    def __repr__(self) -> str:
        """Return one line: the layer and its three strongest groups."""
        best = ", ".join(f"{' '.join(map(str, group))}: {effect:.3g}" for group, effect in self.ranked(3))
        return f"FeatureEffects({self.record.parameters['layer']}, {len(self.channels)} groups; strongest {best})"
