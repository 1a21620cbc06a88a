"""The small networks of captum's own tests, as networks of refvis in float64; features are pixels of one channel."""

import numpy as np

import refvis
from refvis import layers

FULL, RELU = layers.FullyConnected, layers.ReLU()


def row(*values: float) -> np.ndarray:
    """Return one image of one row, 1 x 1 x W x 1."""
    return np.array(values, float).reshape(1, 1, -1, 1)


def rising() -> np.ndarray:
    """Return 0 ... 15 as an image of 4 x 4 pixels."""
    return np.arange(16.0).reshape(1, 4, 4, 1)


def one_conv(shift: float = 0.0) -> refvis.Network:
    """Two filters of ones, and four equal scores of the 2 x 2 maps; `shift` is added to the input.

    PyTorch flattens channels first: five of its weights are 1 and three are -1.
    """
    biases = np.array([-50.0, -75.0]) + 9 * shift
    weights = np.array([1.0] * 5 + [-1.0] * 3).reshape(2, 2, 2).transpose(1, 2, 0).reshape(1, 8)
    return refvis.chain(
        {
            "conv1": layers.Conv(np.ones((2, 3, 3, 1)), biases),
            "relu1": RELU,
            "fc1": FULL(weights.repeat(4, axis=0), np.zeros(4)),
            "relu2": RELU,
        }
    )


def multi_layer() -> refvis.Network:
    """Three features, the identity, four sums with biases, ReLU, and two sums."""
    return refvis.chain(
        {
            "linear0": FULL(np.eye(3), np.zeros(3)),
            "linear1": FULL(np.ones((4, 3)), np.array([-10.0, 1, 1, 1])),
            "relu": RELU,
            "linear2": FULL(np.ones((2, 4)), np.array([-1.0, 1])),
        }
    )


def simple(first: float = 2.0) -> refvis.Network:
    """Three features, a layer of weights 2 (the first may differ), ReLU, and a score of weights 3."""
    weights = np.full((3, 3), 2.0)
    weights[0, 0] = first
    return refvis.chain({"linear": FULL(weights), "relu": RELU, "linear2": FULL(np.full((1, 3), 3.0))})


def capped() -> refvis.Network:
    """1 - relu(1 - x), for each pixel."""
    minus = layers.Conv(-np.ones((1, 1, 1, 1)), np.ones(1))
    return refvis.chain({"minus": minus, "relu": RELU, "back": minus})


def two_relus(offset: tuple[float, float], then: float) -> refvis.Network:
    """relu(relu(x1 + offset1) - relu(x2 + offset2) + then)."""
    return refvis.chain(
        {
            "in": FULL(np.eye(2), np.array(offset, float)),
            "relu1": RELU,
            "out": FULL(np.array([[1.0, -1.0]]), np.array([then], float)),
            "relu2": RELU,
        }
    )


def sum_of_relus() -> refvis.Network:
    """2 relu(x1) + 2 relu(x2 - 1.5)."""
    return refvis.chain(
        {"in": FULL(np.eye(2), np.array([0.0, -1.5])), "relu": RELU, "out": FULL(np.array([[2.0, 2.0]]))}
    )


def skip() -> layers.Graph:
    """5 (x1 + x2) for both features, plus the features."""
    weights = np.full((2, 1, 1, 2), 5.0)
    return refvis.Network(
        (refvis.Node("linear", layers.Conv(weights), "x", "a"), refvis.Node("add", layers.Sum(), ("a", "x"), "y"))
    )


def pooled() -> refvis.Network:
    """The largest of four features."""
    return refvis.chain({"pool": layers.Pool((1, 4)), "out": FULL(np.ones((1, 1)))})
