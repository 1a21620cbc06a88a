"""A case: a layer, its inputs and a signal at its output, and how their values are filled."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np

from refvis.layers import Array
from refvis.layers.operators import Layer
from refvis.verify.choosing import Chooser

FILLS = ("integers", "distinct", "positive", "one")
"""Ways to fill an array: small integers with zeros and ties; integers that all differ; positive integers; ones."""

Values = Mapping[str, Array]
"""Arrays by name: results of a part, or the arrays of a case."""


@dataclass(frozen=True, eq=False)
class Case:
    """A layer with inputs that fit it, and a signal of its output's shape.

        layer    one of the layer dataclasses; its arrays are float64
        inputs   N x H x W x C each, float64
        signal   the signal at the output, in its shape, float64; None: not drawn yet

    All values are small multiples of powers of two, so that float32 and float16 hold them exactly.
    """

    layer: Layer
    inputs: tuple[Array, ...]
    signal: Array | None = None

    @property
    def arrays(self) -> dict[str, Array]:
        """All arrays by name: "x" or "x0", "x1", ..., "signal", and "layer.filters" and the like."""
        names = ["x"] if len(self.inputs) == 1 else [f"x{i}" for i in range(len(self.inputs))]
        found = dict(zip(names, self.inputs, strict=True))
        if self.signal is not None:
            found["signal"] = self.signal
        return found | {f"layer.{name}": array for name, array in arrays_of(self.layer).items()}

    def with_arrays(self, changed: Mapping[str, Array]) -> "Case":
        """Return the case with some of its arrays changed."""
        arrays = self.arrays | dict(changed)
        inputs = tuple(array for name, array in arrays.items() if name.startswith("x"))
        own = {name.removeprefix("layer."): array for name, array in changed.items() if name.startswith("layer.")}
        return Case(replace(self.layer, **own) if own else self.layer, inputs, arrays.get("signal"))


def arrays_of(layer: Layer) -> dict[str, Array]:
    """Return a layer's fields that are arrays with axes, by name."""
    if not is_dataclass(layer):
        return {}
    values = {one.name: getattr(layer, one.name) for one in fields(layer)}
    return {name: value for name, value in values.items() if getattr(value, "ndim", 0)}


def filled(choose: Chooser, shape: tuple[int, ...], fill: str | None = None, scale: float = 1.0) -> Array:
    """Return a float64 array of that shape; `fill` is one of FILLS, drawn if it is None."""
    kind = choose.choice(FILLS) if fill is None else fill
    random = np.random.default_rng(choose.integer(0, 999))
    size = int(np.prod(shape))
    if kind == "one":
        values: Array = np.ones(size)
    elif kind == "distinct":
        values = random.permutation(size) - float(size // 2)
    elif kind == "positive":
        values = random.integers(1, 5, size).astype("float64")
    else:
        values = random.integers(-3, 4, size).astype("float64")
    return values.reshape(shape) * scale
