"""Activations of ONNX as layers, and operators that change nothing when a network is applied."""

import numpy as np

from refvis.layers import Dropout, ReLU, Sigmoid
from refvis.weights.onnx.layout import Feature, Unmapped
from refvis.weights.onnx.operation import Operation

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
