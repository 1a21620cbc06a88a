"""Activations of ONNX as layers, and operators that change nothing when a network is applied."""

import numpy as np

from refvis.layers import Clip, Dropout, HardSigmoid, HardSwish, PReLU, ReLU, Sigmoid, Tanh
from refvis.weights.onnx.layout import Feature, Unmapped, constant_in
from refvis.weights.onnx.operation import Operation

LARGEST = float(np.finfo("float32").max)
"""The largest float of 32 bits, which stands for no bound."""

FLOATS = (1, 10, 11, 16)
"""Types of floats, as ONNX numbers them."""


def relu(op: Operation) -> Feature:
    """Return what a Relu writes."""
    return op.pointwise(ReLU(), op.feature())


def leaky_relu(op: Operation) -> Feature:
    """Return what a LeakyRelu writes."""
    return op.pointwise(ReLU(op.number("alpha", 0.01)), op.feature())


def sigmoid(op: Operation) -> Feature:
    """Return what a Sigmoid writes."""
    return op.pointwise(Sigmoid(), op.feature())


def prelu(op: Operation) -> Feature:
    """Return what a PRelu writes, whose slopes are one for all, or one for each channel."""
    x = op.feature()
    slopes = constant_in(x, op.array(1, "slopes"))
    if slopes.size != slopes.shape[3]:
        raise Unmapped("its slopes differ from row to row or from column to column")
    return op.pointwise(PReLU(slopes.reshape(-1)), x)


def tanh(op: Operation) -> Feature:
    """Return what a Tanh writes."""
    return op.pointwise(Tanh(), op.feature())


def hard_sigmoid(op: Operation) -> Feature:
    """Return what a HardSigmoid writes; ONNX's own slope is 1/5."""
    return op.pointwise(HardSigmoid(op.number("alpha", 0.2), op.number("beta", 0.5)), op.feature())


def hard_swish(op: Operation) -> Feature:
    """Return what a HardSwish writes."""
    return op.pointwise(HardSwish(), op.feature())


def clip(op: Operation) -> Feature:
    """Return what a Clip writes: its bounds are attributes, and since opset 11 inputs. From 0 on it is a ReLU."""
    bounds = [
        op.number(name, default) if given is None else float(np.ravel(given)[0])
        for name, default, given in (
            ("min", -np.inf, op.optional(1, "lower bound")),
            ("max", np.inf, op.optional(2, "upper bound")),
        )
    ]
    low, high = (np.sign(one) * np.inf if abs(one) >= LARGEST else one for one in bounds)
    if not low < high:
        raise Unmapped(f"it clips to {low} ... {high}")
    return op.pointwise(ReLU() if (low, high) == (0, np.inf) else Clip(low, high), op.feature())


def dropout(op: Operation) -> Feature:
    """Return what a Dropout writes: its input. The rate is an attribute, and since opset 12 an input."""
    given = op.optional(1, "rate")
    rate = op.number("ratio", 0.5) if given is None else float(np.ravel(given)[0])
    return op.pointwise(Dropout(rate if 0 <= rate < 1 else 0.5), op.feature())


def same(op: Operation) -> Feature:
    """Return the input of an Identity."""
    return op.feature()


def cast(op: Operation) -> Feature:
    """Return the input of a Cast to floats: a network computes in the type of its input."""
    if op.number("to", 1) not in FLOATS:
        raise Unmapped("it makes whole numbers of features")
    return op.feature()
