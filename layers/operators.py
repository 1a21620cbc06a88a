"""The table of operators: layer type -> its row, which stands at the end of the layer's own file.

Rows hold definitions. `refvis.layers.calls` runs the fast twin of a function where there is one
(`refvis.layers.base.exactness`).
"""

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
from refvis.layers.base.geometry import POINT, Window
from refvis.layers.base.operator import Layer, Locality, Operator, Rule
from refvis.layers.exported import clip, hard_sigmoid, hard_swish, log_softmax, resize, select
from refvis.layers.foreign import (
    axpy,
    euclidean_loss,
    flatten,
    global_pool,
    noise_level,
    permute,
    prelu,
    sub_pixel,
    tanh,
    trunc,
)
from refvis.layers.unknown import Unknown

__all__ = [
    "DEFINITIONS",
    "OPERATORS",
    "Layer",
    "Operator",
    "Rule",
    "is_per_image",
    "local",
    "local_window",
    "operator",
    "title",
]

OPERATORS: dict[type, Operator] = {
    conv.Conv: conv.OPERATOR,
    conv_transpose.ConvTranspose: conv_transpose.OPERATOR,
    fully_connected.FullyConnected: fully_connected.OPERATOR,
    pool.Pool: pool.OPERATOR,
    global_pool.GlobalPool: global_pool.OPERATOR,
    relu.ReLU: relu.OPERATOR,
    prelu.PReLU: prelu.OPERATOR,
    sigmoid.Sigmoid: sigmoid.OPERATOR,
    tanh.Tanh: tanh.OPERATOR,
    trunc.Trunc: trunc.OPERATOR,
    clip.Clip: clip.OPERATOR,
    hard_swish.HardSwish: hard_swish.OPERATOR,
    hard_sigmoid.HardSigmoid: hard_sigmoid.OPERATOR,
    softmax.Softmax: softmax.OPERATOR,
    log_softmax.LogSoftmax: log_softmax.OPERATOR,
    lrn.LRN: lrn.OPERATOR,
    batch_norm.BatchNorm: batch_norm.OPERATOR,
    normalize_lp.NormalizeLp: normalize_lp.OPERATOR,
    spatial_norm.SpatialNorm: spatial_norm.OPERATOR,
    norm_offset.NormOffset: norm_offset.OPERATOR,
    roi_pool.ROIPool: roi_pool.OPERATOR,
    bilinear_sampler.BilinearSampler: bilinear_sampler.OPERATOR,
    grids.AffineGrid: grids.AFFINE_OPERATOR,
    grids.UniformScalingGrid: grids.SCALING_OPERATOR,
    dropout.Dropout: dropout.OPERATOR,
    sums.Sum: sums.OPERATOR,
    concat.Concat: concat.OPERATOR,
    select.Select: select.OPERATOR,
    scale.Scale: scale.OPERATOR,
    axpy.Axpy: axpy.OPERATOR,
    crop.Crop: crop.OPERATOR,
    sub_pixel.SubPixel: sub_pixel.OPERATOR,
    noise_level.NoiseLevel: noise_level.OPERATOR,
    permute.Permute: permute.OPERATOR,
    flatten.Flatten: flatten.OPERATOR,
    resize.Resize: resize.OPERATOR,
    pairwise_distance.PairwiseDistance: pairwise_distance.OPERATOR,
    loss.Loss: loss.OPERATOR,
    loss.SoftmaxLoss: loss.SOFTMAX_OPERATOR,
    euclidean_loss.EuclideanLoss: euclidean_loss.OPERATOR,
    euclidean_loss.L2Loss: euclidean_loss.L2_OPERATOR,
}

DEFINITIONS = OPERATORS
"""Another name of the table: it holds definitions only."""


def operator(layer: Layer) -> Operator:
    """Return the row of that layer's type, or raise ValueError if the type is not in the table."""
    row = OPERATORS.get(type(layer))
    if row is None:
        names = ", ".join(sorted(kind.__name__ for kind in OPERATORS))
        raise ValueError(
            f"no implementation for {title(layer)}, expected one of {names}: add one with "
            "refvis.layers.register, or cut the network before it with net.upto(...)"
        )
    return row


def title(layer: Layer) -> str:
    """Return the name of the layer's type for a message or table.

    >>> from refvis import layers
    >>> layers.title(layers.Pool((2, 2)))
    'Pool'
    """
    return f"unknown {layer.type!r}" if isinstance(layer, Unknown) else type(layer).__name__


def is_per_image(layer: Layer) -> bool:
    """Return whether each image of the layer's output depends only on that image of its inputs, as far as is known."""
    row = OPERATORS.get(type(layer))
    return row is not None and row.per_image(layer)


def local(layer: Layer) -> Locality | None:
    """Return how the layer is computed on patches of its input; None for a layer that is not known to be local."""
    row = OPERATORS.get(type(layer))
    return row.local if row is not None and row.local is not None and row.local.applies(layer) else None


def local_window(layer: Layer, *shapes: tuple[int, ...]) -> Window:
    """Return the window of a local layer for inputs of these shapes (N x H x W x C)."""
    row = operator(layer)
    if row.local is not None and row.local.window is not None:
        return row.local.window(layer, *shapes)
    return (row.window(layer) if row.window else POINT) or POINT
