"""The table of operators: layer type -> how to compute it.

The functions are the definitions, which stand in each operator's own file. `refvis.layers.calls` runs the fast twin of
a function where there is one (`refvis.layers.base.exactness`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from refvis.layers import (
    batch_norm,
    bilinear_sampler,
    concat,
    conv,
    conv_transpose,
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
from refvis.layers.base import windows
from refvis.layers.base.arrays import Array
from refvis.layers.base.windows import Window
from refvis.layers.unknown import Unknown

Layer: TypeAlias = Any
"""An instance of one of the layer dataclasses; they share no base class."""

Rule: TypeAlias = Callable[..., tuple[Array, ...]]
"""``(layer, signal, output, *inputs) -> signal for each input``."""


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


OPERATORS: dict[type, Operator] = {
    conv.Conv: Operator(conv.forward, conv.gradient, conv.output_shape, conv.parameter_gradients, windows.conv_window),
    conv_transpose.ConvTranspose: Operator(
        conv_transpose.forward,
        conv_transpose.gradient,
        conv_transpose.output_shape,
        conv_transpose.parameter_gradients,
        windows.conv_transpose_window,
    ),
    fully_connected.FullyConnected: Operator(
        fully_connected.forward,
        fully_connected.gradient,
        fully_connected.output_shape,
        fully_connected.parameter_gradients,
        whole_image=True,
    ),
    pool.Pool: Operator(pool.forward, pool.gradient, pool.output_shape, window=windows.pool_window),
    relu.ReLU: Operator(relu.forward, relu.gradient, relu.output_shape),
    sigmoid.Sigmoid: Operator(sigmoid.forward, sigmoid.gradient, sigmoid.output_shape),
    softmax.Softmax: Operator(softmax.forward, softmax.gradient, softmax.output_shape),
    lrn.LRN: Operator(lrn.forward, lrn.gradient, lrn.output_shape),
    batch_norm.BatchNorm: Operator(
        batch_norm.forward,
        batch_norm.gradient,
        batch_norm.output_shape,
        batch_norm.parameter_gradients,
        windows.batch_norm_window,
    ),
    normalize_lp.NormalizeLp: Operator(
        normalize_lp.forward, normalize_lp.gradient, normalize_lp.output_shape, window=windows.normalize_lp_window
    ),
    spatial_norm.SpatialNorm: Operator(
        spatial_norm.forward, spatial_norm.gradient, spatial_norm.output_shape, window=windows.spatial_norm_window
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
    concat.Concat: Operator(concat.forward, concat.gradient, concat.output_shape, window=windows.concat_window),
    scale.Scale: Operator(
        scale.forward, scale.gradient, scale.output_shape, scale.parameter_gradients, windows.scale_window
    ),
    crop.Crop: Operator(crop.forward, crop.gradient, crop.output_shape, window=windows.crop_window, shape_only=(1,)),
    pairwise_distance.PairwiseDistance: Operator(
        pairwise_distance.forward,
        pairwise_distance.gradient,
        pairwise_distance.output_shape,
        window=windows.distance_window,
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

DEFINITIONS = OPERATORS
"""The same table: it holds definitions, and nothing else."""


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
