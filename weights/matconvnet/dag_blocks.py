"""One row for each block class of a DagNN file: how its fields are read.

A block holds what a simplenn layer of the same kind holds, a few fields under other names; its arrays stand in
`params`. So the readers of `refvis.weights.matconvnet.blocks` serve both.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from refvis.layers import BilinearSampler, Loss, Softmax, Sum
from refvis.layers.loss import LOSSES
from refvis.weights.mat.tree import Tree
from refvis.weights.matconvnet import blocks
from refvis.weights.matconvnet import more_blocks as more
from refvis.weights.matconvnet.fields import Fields, describe, is_empty


@dataclass(frozen=True)
class Block:
    """How a block class is read: by which function, which fields are renamed (from -> to), how many `inputs` it has."""

    read: Callable[[Fields], Any]
    renamed: tuple[tuple[str, str], ...] = ()
    inputs: Container[int] = (1,)
    unused: tuple[str, ...] = ()


def loss(fields: Fields) -> Any:
    """Return a loss of one of the ten kinds; one of another kind is unknown."""
    kind = fields.text("loss") or "softmaxlog"
    if kind not in LOSSES:
        return blocks.unknown(fields, f"losses of kind {kind!r}")
    options = paired(fields, fields.take("opts"))
    return Loss(kind, int(options.get("topk", 5)), float(options.get("threshold", 0.0)))


def paired(fields: Fields, options: Tree) -> dict[str, Any]:
    """Return a block's further options, a cell {name, value, ...}, as far as they are known, as numbers by name."""
    found: dict[str, Any] = {}
    listed = options if isinstance(options, list) else []
    for name, value in zip(listed[::2], listed[1::2], strict=False):
        if name in ("topk", "threshold"):
            found[name] = one(fields, "opts", value)
        elif name not in CUDNN:
            fields.remark("ignored", f"the option {name if isinstance(name, str) else describe(name)}", "opts")
    return found


def one(fields: Fields, name: str, value: Tree) -> float:
    """Return a value that has to be one number."""
    if is_empty(value) or not hasattr(value, "dtype") or value.dtype.kind not in "fiub" or value.size != 1:
        raise fields.error(name, describe(value), "1 number(s)")
    return float(value.item())


CUDNN = ("CuDNN", "cuDNN", "NoCuDNN", "CudnnWorkspaceLimit", "cudnnWorkspaceLimit")
"""Options that say how to compute, not what."""

COMMON = ("size", "hasBias", "opts", "useShortCircuit", "frozen", "ignoreAverage", "numChannels", "numInputs")
"""Fields that follow from the arrays, or say how to compute or train."""

MANY = range(1, 2**31)
"""Any number of inputs."""

CLASSES: dict[str, Block] = {
    "Conv": Block(blocks.conv),
    "Pooling": Block(blocks.pool, (("poolSize", "pool"),), unused=("dilate",)),
    "ReLU": Block(blocks.relu),
    "Sigmoid": Block(blocks.TYPES["sigmoid"]),
    "SoftMax": Block(lambda fields: Softmax()),
    "LRN": Block(blocks.lrn),
    "DropOut": Block(blocks.dropout),
    "Loss": Block(loss, inputs=(2,), unused=("normalise",)),  # that of the average it keeps
    "ConvTranspose": Block(more.conv_transpose),
    "BatchNorm": Block(more.batch_norm_block),
    "Concat": Block(more.concat, inputs=MANY),
    "Sum": Block(lambda fields: Sum(), inputs=MANY),
    "Scale": Block(more.scale, inputs=(1, 2, 3)),
    "Crop": Block(more.crop, inputs=(2,)),
    "SpatialNorm": Block(more.spatial_norm),
    "NormOffset": Block(more.norm_offset),
    "PDist": Block(more.distance_block, inputs=(2, 3), unused=("loss", "normalise")),
    "ROIPooling": Block(more.roi_pool, inputs=(2,)),
    "BilinearSampler": Block(lambda fields: BilinearSampler(), inputs=(2,)),
    "AffineGridGenerator": Block(more.affine_grid),
    "UniformScalingGridGenerator": Block(more.scaling_grid),
}
"""Class without the prefix ``dagnn.`` -> how it is read; what is not here is read by `blocks.unknown`."""
