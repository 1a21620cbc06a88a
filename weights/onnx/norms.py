"""Normalisations of ONNX as layers."""

import numpy as np

from refvis.layers import LRN, BatchNorm, LogSoftmax, Scale, Softmax
from refvis.weights.onnx.layout import Atom, Feature, Unmapped, constant_in
from refvis.weights.onnx.operation import Operation


def batch_norm(op: Operation) -> Feature:
    """Return what a BatchNormalization writes. ONNX stores the variance, and adds epsilon to it on use."""
    x = op.feature()
    names = ("scale", "offset", "mean", "variance")
    scale, offset, mean, variance = (op.array(number, name) for number, name in enumerate(names, 1))
    epsilon = op.number("epsilon", 1e-5)
    if {one.shape for one in (scale, offset, mean, variance)} != {(scale.size,)}:
        raise ValueError("scale, offset, mean and variance are not one number for each channel")
    if op.number("training_mode", 0):
        return op.pointwise(BatchNorm(scale, offset, epsilon=epsilon), op.map())
    sigma = np.sqrt(variance.astype("float64") + epsilon)
    if x.dims is None or channels_last(x):
        moments = np.stack([mean.astype("float64"), sigma], axis=1).astype(mean.dtype)
        return op.pointwise(BatchNorm(scale, offset, moments, epsilon), x)
    # The channels of ONNX are several axes of the variable: one factor for each value.
    factor = scale / sigma
    ones = (1,) * (len(x.known[0]) - 2)
    both = (one.astype(scale.dtype).reshape(-1, *ones) for one in (factor, offset - mean * factor))
    return op.pointwise(Scale(*(constant_in(x, one) for one in both)), x)


def channels_last(x: Feature) -> bool:
    """Return whether the second axis that ONNX sees is the variable's axis of channels."""
    dims, axes = x.known
    return len(dims) > 1 and dims[1] == axes[3]


def lrn(op: Operation) -> Feature:
    """Return what an LRN writes. ONNX divides alpha by the size of the window, `layers.LRN` does not."""
    size = int(op.number("size", 0))
    alpha = op.number("alpha", 1e-4) / max(size, 1)
    return op.pointwise(LRN(size, op.number("bias", 1.0), alpha, op.number("beta", 0.75)), op.map())


def softmax(op: Operation) -> Feature:
    """Return what a Softmax over channels writes."""
    x = op.feature()
    require_channels(op, x)
    return op.pointwise(Softmax(), x)


def log_softmax(op: Operation) -> Feature:
    """Return what a LogSoftmax over channels writes."""
    x = op.feature()
    require_channels(op, x)
    return op.pointwise(LogSoftmax(), x)


def require_channels(op: Operation, x: Feature) -> None:
    """Raise Unmapped unless the operator works over channels. Before opset 13 it joins all axes from its own on."""
    dims, axes = x.known
    axis = int(op.number("axis", -1 if op.opset >= 13 else 1))
    if not -len(dims) <= axis < len(dims):
        raise ValueError(f"axis is {axis} for an input of {len(dims)} axes")
    over: tuple[Atom, ...] = dims[axis]
    if op.opset < 13:
        over = tuple(atom for atoms in dims[axis % len(dims) :] for atom in atoms)
    if over != axes[3]:
        raise Unmapped(f"it works over axis {axis} of a value of shape {x.shape}, which is not the channels")
