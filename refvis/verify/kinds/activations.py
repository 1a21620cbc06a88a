"""Softmax and sigmoid: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, Sigmoid, Softmax, sigmoid
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, backward_is, forward_is


def drawn(layer: Softmax | Sigmoid) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws an input; simple: values so small that no exponential overflows."""

    def draw(choose: Chooser, simple: bool) -> Case:
        shape = tuple(choose.integer(1, 4) for _ in range(4))
        return Case(layer, (filled(choose, shape, scale=0.5 if simple else choose.choice((0.5, 0.25, 256.0))),))

    return draw


def along(*axes: int) -> Callable[[Softmax, Array], Array]:
    """Return the softmax over other axes."""

    def forward(layer: Softmax, x: Array) -> Array:
        e = np.exp(x - x.max(axis=axes, keepdims=True))
        return e / e.sum(axis=axes, keepdims=True)

    return forward


def gradient_along(axis: int) -> Callable[..., tuple[Array]]:
    """Return the gradient whose inner product runs over another axis."""
    return lambda layer, g, y, x: (y * (g - (g * y).sum(axis=axis, keepdims=True)),)


def unstable(layer: Softmax, x: Array) -> Array:
    """Return y without the maximum subtracted first."""
    e = np.exp(x)
    return e / e.sum(axis=3, keepdims=True)


def logarithm(layer: Softmax, x: Array) -> Array:
    """Return log y."""
    top = x - x.max(axis=3, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=3, keepdims=True))


SOFTMAX_ANSWERS: tuple[Answer, ...] = (
    forward_is("over_rows", "it runs over rows (axis 1), not over channels", along(1), flag="LAYOUT"),
    forward_is("over_columns", "it runs over columns, not over channels", along(2), flag="LAYOUT"),
    forward_is("over_images", "it runs over images, not over channels", along(0), flag="LAYOUT"),
    forward_is("over_positions", "it runs over positions, not over channels", along(1, 2), flag="LAYOUT"),
    forward_is("over_everything", "it runs over all values of an image", along(1, 2, 3), flag="LAYOUT"),
    forward_is("unstable", "it does not subtract the maximum: exponentials overflow", unstable, flag="NUMERICS"),
    forward_is("log_softmax", "it gives the logarithm", logarithm, flag="CONVENTION", seen=("LogSoftmax of PyTorch",)),
    forward_is(
        "not_normalised",
        "it does not divide by the sum",
        lambda layer, x: np.exp(x - x.max(axis=3, keepdims=True)),
    ),
    forward_is("sigmoid", "it gives the sigmoid", lambda layer, x: sigmoid.forward(Sigmoid(), x)),
    backward_is(
        "logits_gradient",
        "its backward pass leaves the signal as it is: the gradient of the scores",
        lambda layer, g, y, x: (g.copy(),),
        flag="CONVENTION",
        seen=("most methods of attribution, which start before the softmax",),
    ),
    backward_is(
        "elementwise",
        "its backward pass treats each channel alone, y (1 - y)",
        lambda layer, g, y, x: (g * y * (1 - y),),
    ),
    backward_is("product_only", "its backward pass multiplies by y only", lambda layer, g, y, x: (g * y,)),
    backward_is(
        "not_multiplied_by_output",
        "its backward pass does not multiply by y",
        lambda layer, g, y, x: (g - (g * y).sum(axis=3, keepdims=True),),
    ),
    backward_is(
        "output_minus_signal",
        "its backward pass is y - g, that of the softmax with its loss",
        lambda layer, g, y, x: (y - g,),
        flag="KNOWN_BUG",
    ),
    backward_is(
        "by_input",
        "its backward pass takes the input for the output",
        lambda layer, g, y, x: (x * (g - (g * x).sum(axis=3, keepdims=True)),),
    ),
    backward_is(
        "mean_of_signal",
        "its backward pass subtracts the plain sum of the signal, not weighted by y",
        lambda layer, g, y, x: (y * (g - g.sum(axis=3, keepdims=True)),),
    ),
    backward_is("backward_over_rows", "its inner product runs over rows", gradient_along(1), flag="LAYOUT"),
    backward_is("backward_over_images", "its inner product runs over images", gradient_along(0), flag="LAYOUT"),
)


def hard(layer: Sigmoid, x: Array) -> Array:
    """Return the sigmoid of three straight lines."""
    return np.clip(x / 6 + 0.5, 0, 1)


SIGMOID_ANSWERS: tuple[Answer, ...] = (
    forward_is("tanh", "it gives the hyperbolic tangent", lambda layer, x: np.tanh(x)),
    forward_is("hard", "it consists of straight lines", hard, flag="CONVENTION", seen=("Hardsigmoid of PyTorch",)),
    forward_is(
        "hard_by_fifths",
        "it consists of straight lines of slope 1/5",
        lambda layer, x: np.clip(x / 5 + 0.5, 0, 1),
        flag="CONVENTION",
        seen=("HardSigmoid of ONNX and Keras 2",),
    ),
    forward_is("softsign", "it gives x / (1 + |x|)", lambda layer, x: x / (1 + np.abs(x))),
    forward_is("symmetric", "it gives 2 y - 1", lambda layer, x: 2 * sigmoid.forward(layer, x) - 1),
    forward_is("other_sign", "it gives 1 - y", lambda layer, x: sigmoid.forward(layer, -x)),
    forward_is(
        "overflows",
        "it gives exp(x) / (1 + exp(x)), which overflows",
        lambda layer, x: np.exp(x) / (1 + np.exp(x)),
        flag="NUMERICS",
    ),
    backward_is(
        "by_input",
        "its backward pass takes the input for the output, x (1 - x)",
        lambda layer, g, y, x: (g * x * (1 - x),),
        flag="KNOWN_BUG",
    ),
    backward_is("output_only", "its backward pass lacks the factor 1 - y", lambda layer, g, y, x: (g * y,)),
    backward_is("one_minus_only", "its backward pass lacks the factor y", lambda layer, g, y, x: (g * (1 - y),)),
    backward_is("of_tanh", "its backward pass is that of tanh, 1 - y^2", lambda layer, g, y, x: (g * (1 - y * y),)),
    backward_is("passes", "its backward pass leaves the signal as it is", lambda layer, g, y, x: (g.copy(),)),
    backward_is(
        "sigmoid_of_output",
        "its backward pass takes the sigmoid of the output again",
        lambda layer, g, y, x: sigmoid.gradient(layer, g, sigmoid.forward(layer, y), y),
    ),
    backward_is(
        "gated",
        "its backward pass gates the signal as a ReLU does",
        lambda layer, g, y, x: (np.where(x > 0, g, 0.0),),
    ),
)
FEATURES = {
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several positions": lambda case: case.inputs[0].shape[1] * case.inputs[0].shape[2] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "inputs beyond 700": lambda case: bool((np.abs(case.inputs[0]) > 700).any()),
    "negative inputs": lambda case: bool((case.inputs[0] < 0).any()),
}


def terms(case: Case) -> int:
    """Return the exponentials in a sum, and some for each of them."""
    return int(case.inputs[0].shape[3]) + 4


SOFTMAX = Kind("softmax", drawn(Softmax()), terms, SOFTMAX_ANSWERS, FEATURES, page="operators/softmax.html")
SIGMOID = Kind("sigmoid", drawn(Sigmoid()), terms, SIGMOID_ANSWERS, FEATURES, page="operators/sigmoid.html")
