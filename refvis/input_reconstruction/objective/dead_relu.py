"""Dead ReLUs: a gradient for units that are inactive everywhere, whose own gradient is zero.

The last ReLU before such a unit passes the signal as if it were linear, until the unit is active at some position. A
unit that is active at any position keeps its exact gradient. (Lucid, of Olah et al. 2017, does so in all ReLUs for the
first steps; Mahendran & Vedaldi 2016 try a leak in all ReLUs.)
"""

from refvis.layers import LRN, Array, Dropout, Graph, Pool, ReLU, modes
from refvis.layers.calls import backward

THROUGH = (Pool, LRN, Dropout)
"""Layers after a ReLU in which an inactive unit stays inactive."""


def dead_relu_gradient(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the ReLU's gradient; in maps (of one image and channel) where it is zero everywhere, the signal itself."""
    (gradient,) = backward(layer, signal, output, x)
    return (gradient + signal * (gradient == 0).all(axis=(1, 2), keepdims=True),)


def dead_relu_mode(net: Graph, variable: str) -> modes.Mode:
    """Return the gradient mode with `dead_relu_gradient` at the ReLU that the variable's units come from, if any."""
    node = net.node(variable)
    while isinstance(node.layer, THROUGH) and node.inputs[0] not in net.inputs:
        node = net.node(node.inputs[0])
    return modes.GRADIENT | {node.name: dead_relu_gradient} if isinstance(node.layer, ReLU) else modes.GRADIENT
