"""A way out for units that are off: where a unit is off everywhere, its gradient is zero, and no step is made.

The last ReLU before the unit then lets the signal pass as if it were linear, until the unit is on somewhere. It changes
nothing but what would be zero: a unit that is on anywhere has its exact gradient. (Lucid, of Olah et al. 2017, does so
in all ReLUs for the first steps; Mahendran & Vedaldi 2016 try a leak in all of them.)
"""

from refvis.layers import LRN, Array, Dropout, Graph, Pool, ReLU, modes
from refvis.layers.calls import backward

THROUGH = (Pool, LRN, Dropout)
"""Layers behind a ReLU in which a unit that is off stays off."""


def awakened(layer: ReLU, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the ReLU's gradient; in maps (of one image and channel) that no signal would pass, the signal itself."""
    (passed,) = backward(layer, signal, output, x)
    return (passed + signal * (passed == 0).all(axis=(1, 2), keepdims=True),)


def awakening(net: Graph, variable: str) -> modes.Mode:
    """Return the gradient mode, with `awakened` for the ReLU that the variable's units come from, if one does."""
    node = net.node(variable)
    while isinstance(node.layer, THROUGH) and node.inputs[0] not in net.inputs:
        node = net.node(node.inputs[0])
    return modes.GRADIENT | {node.name: awakened} if isinstance(node.layer, ReLU) else modes.GRADIENT
