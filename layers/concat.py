"""Concatenation of any number of inputs along one axis; each input gets its part of the signal back.

Axes count in N x H x W x C, so that 3 is the channels; MatConvNet's `dim` counts from 1 in H x W x C x N, its 3 are the
channels too. The other axes must agree. Reference: MatConvNet `vl_nnconcat`; Caffe `Concat` (axis 1), PyTorch `cat`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.geometry import integers, require_rank4


@dataclass(frozen=True, eq=False)
class Concat:
    """Concatenation of the inputs along `axis` of N x H x W x C (3: channels)."""

    axis: int = 3

    def __post_init__(self) -> None:
        """Check the axis."""
        object.__setattr__(self, "axis", integers(self.axis, "Concat axis", (1,), 0)[0])
        if self.axis > 3:
            raise ShapeError(f"Concat axis is {self.axis}, expected 0, 1, 2 or 3 (N x H x W x C)")


def output_shape(layer: Concat, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the output, or raise ShapeError where the inputs differ along another axis."""
    before, after = shapes[0][: layer.axis], shapes[0][layer.axis + 1 :]
    for shape in shapes[1:]:
        require_rank4(shape)
        if (shape[: layer.axis], shape[layer.axis + 1 :]) != (before, after):
            raise ShapeError(
                f"the inputs have shapes {shapes[0]} and {shape}, expected to differ in axis {layer.axis} only"
            )
    return *before, sum(shape[layer.axis] for shape in shapes), *after


def forward(layer: Concat, *inputs: Array) -> Array:
    """Return y: the inputs one after the other (dtype of the first)."""
    return array_module(*inputs).concatenate([x.astype(inputs[0].dtype, copy=False) for x in inputs], axis=layer.axis)


def gradient(layer: Concat, signal: Array, output: Array | None, *inputs: Array) -> tuple[Array, ...]:
    """Return for each input the part of the signal that stands where the input stood in y."""
    parts, start = [], 0
    for x in inputs:
        stop = start + x.shape[layer.axis]
        parts.append(signal[(slice(None),) * layer.axis + (slice(start, stop),)])
        start = stop
    return tuple(parts)
