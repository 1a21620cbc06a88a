"""The table of operators: layer type -> how to compute it; and the three functions that look a layer up in it.

`DEFINITIONS` has the functions that stand in each operator's own file; `OPERATORS`, which everything uses, has a
faster twin where there is one. Tests hold each twin to its definition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from inspect import signature
from typing import Any, TypeAlias

from refvis.layers import (
    batch_norm,
    bilinear_sampler,
    concat,
    conv,
    conv_tiles,
    conv_transpose,
    conv_transpose_tiles,
    crop,
    dropout,
    fully_connected,
    grids,
    loss,
    lrn,
    norm_offset,
    normalize_lp,
    pairwise_distance,
    pool,
    relu,
    roi_pool,
    scale,
    sigmoid,
    softmax,
    spatial_norm,
)
from refvis.layers import sum as sums
from refvis.layers.arrays import Array, array_module, require_float
from refvis.layers.errors import ShapeError
from refvis.layers.geometry import require_rank4
from refvis.layers.unknown import Unknown

Layer: TypeAlias = Any
"""An instance of one of the layer dataclasses; they share no base class."""

Rule: TypeAlias = Callable[..., tuple[Array, ...]]
"""``(layer, signal, output, *inputs) -> signal for each input``."""

Number: TypeAlias = Any
"""Pixels: an int, or a Fraction behind a window that moves by parts of a pixel."""

Window: TypeAlias = tuple[tuple[Number, Number], tuple[Number, Number], tuple[Number, Number]]
"""Pixels covered, stride, and pad before, each (y, x)."""

POINT: Window = (1, 1), (1, 1), (0, 0)
"""The window of a layer that sees position by position."""


@dataclass(frozen=True)
class Operator:
    """How one type of layer computes.

    `window` gives the sliding window of a layer, or None if no window describes what it sees; without one, it sees
    position by position. Of the inputs numbered in `shape_only`, only the shape is used. An `objective` takes
    labels as its last input, and is left out of a forward pass without labels. `whole_image` layers see everything.
    """

    forward: Callable[..., Array]
    gradient: Rule
    output_shape: Callable[..., tuple[int, ...]]
    parameter_gradients: Callable[..., dict[str, Array]] | None = None
    window: Callable[[Layer], Window | None] | None = None
    shape_only: tuple[int, ...] = ()
    whole_image: bool = False
    objective: bool = False


def _conv_window(layer: conv.Conv) -> Window:
    size, dilate, pad = layer.size, layer.dilate, layer.pad
    covered = (size[0] - 1) * dilate[0] + 1, (size[1] - 1) * dilate[1] + 1  # type: ignore[index]
    return covered, layer.stride, (pad[0], pad[2])  # type: ignore[return-value,index,misc]


def _pool_window(layer: pool.Pool) -> Window:
    return layer.size, layer.stride, (layer.pad[0], layer.pad[2])  # type: ignore[return-value,index,misc]


def _conv_transpose_window(layer: conv_transpose.ConvTranspose) -> Window:
    """Output i is written by the inputs from (i + crop - (size - 1)) / upsample to (i + crop) / upsample."""
    axes = range(2)
    size, step, crop = layer.size, layer.upsample, (layer.crop[0], layer.crop[2])  # type: ignore[index,misc]
    covered = tuple(1 + Fraction(size[a] - 1, step[a]) for a in axes)  # type: ignore[index]
    before = tuple(Fraction(size[a] - 1 - crop[a], step[a]) for a in axes)  # type: ignore[index]
    return covered, tuple(Fraction(1, step[a]) for a in axes), before  # type: ignore[return-value,index]


def _batch_norm_window(layer: batch_norm.BatchNorm) -> Window | None:
    """With the batch's own moments, every value depends on every other."""
    return None if layer.moments is None else POINT


def _concat_window(layer: concat.Concat) -> Window | None:
    """Images side by side have no common window."""
    return POINT if layer.axis in (0, 3) else None


def _crop_window(layer: crop.Crop) -> Window:
    top, left = layer.offset  # type: ignore[misc]
    return (1, 1), (1, 1), (-top, -left)


def _scale_window(layer: scale.Scale) -> Window | None:
    """A factor that is an input may be one for all positions: then no window describes what is seen."""
    return None if layer.scale is None else POINT


def _normalize_lp_window(layer: normalize_lp.NormalizeLp) -> Window | None:
    """A sum over a whole axis sees all of it."""
    return None if {1, 2} & set(normalize_lp.axes(layer)) else POINT


def _spatial_norm_window(layer: spatial_norm.SpatialNorm) -> Window:
    return _pool_window(spatial_norm.mean(layer))


def _distance_window(layer: pairwise_distance.PairwiseDistance) -> Window | None:
    return None if layer.aggregate else POINT


DEFINITIONS: dict[type, Operator] = {
    conv.Conv: Operator(conv.forward, conv.gradient, conv.output_shape, conv.parameter_gradients, _conv_window),
    conv_transpose.ConvTranspose: Operator(
        conv_transpose.forward,
        conv_transpose.gradient,
        conv_transpose.output_shape,
        conv_transpose.parameter_gradients,
        _conv_transpose_window,
    ),
    fully_connected.FullyConnected: Operator(
        fully_connected.forward,
        fully_connected.gradient,
        fully_connected.output_shape,
        fully_connected.parameter_gradients,
        whole_image=True,
    ),
    pool.Pool: Operator(pool.forward, pool.gradient, pool.output_shape, window=_pool_window),
    relu.ReLU: Operator(relu.forward, relu.gradient, relu.output_shape),
    sigmoid.Sigmoid: Operator(sigmoid.forward, sigmoid.gradient, sigmoid.output_shape),
    softmax.Softmax: Operator(softmax.forward, softmax.gradient, softmax.output_shape),
    lrn.LRN: Operator(lrn.forward, lrn.gradient, lrn.output_shape),
    batch_norm.BatchNorm: Operator(
        batch_norm.forward,
        batch_norm.gradient,
        batch_norm.output_shape,
        batch_norm.parameter_gradients,
        _batch_norm_window,
    ),
    normalize_lp.NormalizeLp: Operator(
        normalize_lp.forward, normalize_lp.gradient, normalize_lp.output_shape, window=_normalize_lp_window
    ),
    spatial_norm.SpatialNorm: Operator(
        spatial_norm.forward, spatial_norm.gradient, spatial_norm.output_shape, window=_spatial_norm_window
    ),
    norm_offset.NormOffset: Operator(norm_offset.forward, norm_offset.gradient, norm_offset.output_shape),
    roi_pool.ROIPool: Operator(roi_pool.forward, roi_pool.gradient, roi_pool.output_shape, whole_image=True),
    bilinear_sampler.BilinearSampler: Operator(
        bilinear_sampler.forward, bilinear_sampler.gradient, bilinear_sampler.output_shape, whole_image=True
    ),
    grids.AffineGrid: Operator(grids.affine_forward, grids.affine_gradient, grids.affine_shape, whole_image=True),
    grids.UniformScalingGrid: Operator(
        grids.scaling_forward, grids.scaling_gradient, grids.scaling_shape, whole_image=True
    ),
    dropout.Dropout: Operator(dropout.forward, dropout.gradient, dropout.output_shape),
    sums.Sum: Operator(sums.forward, sums.gradient, sums.output_shape),
    concat.Concat: Operator(concat.forward, concat.gradient, concat.output_shape, window=_concat_window),
    scale.Scale: Operator(scale.forward, scale.gradient, scale.output_shape, scale.parameter_gradients, _scale_window),
    crop.Crop: Operator(crop.forward, crop.gradient, crop.output_shape, window=_crop_window, shape_only=(1,)),
    pairwise_distance.PairwiseDistance: Operator(
        pairwise_distance.forward,
        pairwise_distance.gradient,
        pairwise_distance.output_shape,
        window=_distance_window,
        objective=True,
    ),
    loss.Loss: Operator(loss.forward, loss.gradient, loss.output_shape, whole_image=True, objective=True),
    loss.SoftmaxLoss: Operator(
        loss.softmax_loss_forward,
        loss.softmax_loss_gradient,
        loss.output_shape,
        whole_image=True,
        objective=True,
    ),
}

OPERATORS: dict[type, Operator] = DEFINITIONS | {
    conv.Conv: Operator(
        conv_tiles.forward, conv_tiles.gradient, conv.output_shape, conv_tiles.parameter_gradients, _conv_window
    ),
    conv_transpose.ConvTranspose: Operator(
        conv_transpose_tiles.forward,
        conv_transpose_tiles.gradient,
        conv_transpose.output_shape,
        conv_transpose_tiles.parameter_gradients,
        _conv_transpose_window,
    ),
}


def operator(layer: Layer) -> Operator:
    """Return the operator of that layer's type, or raise ValueError if the type is not in the table."""
    found = OPERATORS.get(type(layer))
    if found is None:
        raise ValueError(
            f"no implementation for {title(layer)}: refvis.layers has one for {_names()}; add one with "
            "refvis.layers.register, or cut the network before it with net.upto(...)"
        )
    return found


def title(layer: Layer) -> str:
    """Return what to call the layer's type in a message or table."""
    return f"unknown {layer.type!r}" if isinstance(layer, Unknown) else type(layer).__name__


def _names() -> str:
    return ", ".join(sorted(kind.__name__ for kind in OPERATORS))


def output_shape(layer: Layer, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the layer's output for inputs of those shapes (N x H x W x C), or raise ShapeError."""
    found = operator(layer)
    require_rank4(shapes[0])
    return found.output_shape(layer, *shapes)


def forward(layer: Layer, *inputs: Array) -> Array:
    """Return the layer's output (N x H x W x C) in the dtype and array library of the first input.

    `inputs` are N x H x W x C, float32 or float64. Raises ShapeError where sizes do not fit, ValueError for a layer
    without implementation, TypeError for a wrong dtype or NumPy and CuPy mixed.
    """
    _check(layer, inputs)
    return operator(layer).forward(layer, *inputs)


def backward(
    layer: Layer, signal: Array, output: Array | None, *inputs: Array, rule: Rule | None = None
) -> tuple[Array, ...]:
    """Return the signal for each input, given the `signal` at the output, by `rule` (None: the exact gradient).

    `output` is what `forward` returned for these `inputs` (None: it is computed). Errors as in `forward`.
    """
    signal, output = _signal(layer, signal, output, inputs)
    return (rule or operator(layer).gradient)(layer, signal, output, *inputs)


def parameter_gradients(layer: Layer, signal: Array, output: Array | None, *inputs: Array) -> dict[str, Array]:
    """Return {field name: gradient} for the layer's parameters, in their shapes; {} for a layer without parameters."""
    found = operator(layer).parameter_gradients
    if found is None:
        return {}
    signal, output = _signal(layer, signal, output, inputs)
    return found(layer, signal, output, *inputs)


@cache
def _input_count(forward: Callable[..., Array]) -> int | None:
    """Return how many inputs a forward function takes beside its layer; None: any number."""
    parameters = signature(forward).parameters.values()
    return None if any(one.kind is one.VAR_POSITIONAL for one in parameters) else len(parameters) - 1


def _check(layer: Layer, inputs: tuple[Array, ...]) -> tuple[int, ...]:
    expected = _input_count(operator(layer).forward)
    if expected not in (None, len(inputs)):
        raise ShapeError(f"{title(layer)} takes {expected} input(s), found {len(inputs)}")
    array_module(*inputs)
    require_float(inputs[0], "the input")
    return output_shape(layer, *(x.shape for x in inputs))


def _signal(layer: Layer, signal: Array, output: Array | None, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
    """Return the signal in the inputs' dtype, and the output; raise ShapeError unless the signal has its shape."""
    expected = _check(layer, inputs)
    array_module(signal, output, *inputs)
    if signal.shape != expected:
        raise ShapeError(f"the signal has shape {signal.shape}, expected the output's {expected}")
    if output is None:
        output = operator(layer).forward(layer, *inputs)
    return signal.astype(inputs[0].dtype, copy=False), output
