"""Calls of layers: look up an operator in the table, check the arguments, and run it or its fast twin.

`forward`, `backward`, `output_shape` and `parameter_gradients` check their arguments. Rules and methods call
`forward_of` and `gradient_of` with arrays that were checked before.
"""

from collections.abc import Callable
from functools import cache
from inspect import signature
from math import prod

from refvis.layers.base.arrays import Array, array_module, require_float, require_real
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.exactness import fastest
from refvis.layers.base.geometry import require_rank4
from refvis.layers.operators import Layer, Rule, operator, title

MOST_VALUES = 2**60
"""The most values that an array can have: each takes four bytes or more, and addresses have 63 bits."""


def output_shape(layer: Layer, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the layer's output for inputs of those shapes, N x H x W x C each.

    Raises ShapeError where sizes do not fit or no array has so many values, ValueError for a layer without
    implementation.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.output_shape(layers.Conv(np.ones((8, 3, 3, 4)), stride=2), (1, 7, 9, 4))
    (1, 3, 4, 8)
    """
    row = operator(layer)
    require_rank4(shapes[0])
    shape = row.output_shape(layer, *shapes)
    if prod(shape) > MOST_VALUES:
        raise ShapeError(f"the output has more than {MOST_VALUES:,} values, more than an array can have")
    return shape


def forward(layer: Layer, *inputs: Array) -> Array:
    """Return the layer's output (N x H x W x C) in the dtype and array library of the first input.

        layer    one of the layer dataclasses
        inputs   N x H x W x C each, float32 or float64

    Raises ShapeError where sizes do not fit, ValueError for a layer without implementation, TypeError for another dtype
    and where NumPy and CuPy are mixed.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layers.forward(layers.ReLU(), np.array([[[[-1.0, 2.0]]]])).ravel()
    array([0., 2.])
    """
    _check(layer, inputs)
    return forward_of(layer, *inputs)


def backward(
    layer: Layer, signal: Array, output: Array | None, *inputs: Array, rule: Rule | None = None
) -> tuple[Array, ...]:
    """Return the signal for each input, in its shape, given the signal at the output.

    Parameters:

        layer    one of the layer dataclasses
        signal   the signal at the output, in its shape
        output   what `forward` returned for these inputs; None: it is computed
        inputs   N x H x W x C each, float32 or float64
        rule     ``(layer, signal, output, *inputs) -> signal for each input``. Default: the exact gradient

    Raises ShapeError where sizes do not fit, ValueError for a layer without implementation, TypeError for another dtype
    and where NumPy and CuPy are mixed.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x, signal = np.array([[[[-1.0, 2.0]]]]), np.array([[[[5.0, -3.0]]]])
    >>> layers.backward(layers.ReLU(), signal, None, x)[0].ravel()
    array([ 0., -3.])
    >>> layers.backward(layers.ReLU(), signal, None, x, rule=layers.relu.guided)[0].ravel()
    array([0., 0.])
    """
    signal, output = _check_signal(layer, signal, output, inputs)
    return fastest(rule or operator(layer).gradient)(layer, signal, output, *inputs)


def parameter_gradients(layer: Layer, signal: Array, output: Array | None, *inputs: Array) -> dict[str, Array]:
    """Return {field: gradient} for the layer's parameters, in their shapes; {} for a layer without parameters.

    Arguments and errors are those of `backward`.

    >>> import numpy as np
    >>> from refvis import layers
    >>> layer = layers.FullyConnected(np.array([[1.0, 2.0]]), np.array([0.0]))
    >>> x, signal = np.array([[[[3.0, 5.0]]]]), np.full((1, 1, 1, 1), 10.0)
    >>> gradients = layers.parameter_gradients(layer, signal, None, x)
    >>> gradients["weights"], gradients["biases"]
    (array([[30., 50.]]), array([10.]))
    """
    gradients = operator(layer).parameter_gradients
    if gradients is None:
        return {}
    signal, output = _check_signal(layer, signal, output, inputs)
    return fastest(gradients)(layer, signal, output, *inputs)


def forward_of(layer: Layer, *inputs: Array) -> Array:
    """Return what `forward` returns, for inputs that were checked before."""
    return fastest(operator(layer).forward)(layer, *inputs)


def gradient_of(layer: Layer, signal: Array, output: Array | None, *inputs: Array) -> tuple[Array, ...]:
    """Return the signal for each input by the exact gradient, for arguments that were checked before."""
    return fastest(operator(layer).gradient)(layer, signal, output, *inputs)


@cache
def _input_count(forward: Callable[..., Array]) -> int | None:
    """Return how many inputs a forward function takes beside its layer; None: any number."""
    parameters = signature(forward).parameters.values()
    return None if any(one.kind is one.VAR_POSITIONAL for one in parameters) else len(parameters) - 1


def _check(layer: Layer, inputs: tuple[Array, ...]) -> tuple[int, ...]:
    expected = _input_count(operator(layer).forward)
    if expected not in (None, len(inputs)):
        raise ShapeError(f"{title(layer)} got {len(inputs)} input(s), expected {expected}")
    array_module(*inputs)
    require_float(inputs[0], "the input")
    return output_shape(layer, *(x.shape for x in inputs))


def _check_signal(layer: Layer, signal: Array, output: Array | None, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
    """Return the signal in the inputs' dtype, and the output; raise ShapeError unless the signal has its shape."""
    expected = _check(layer, inputs)
    array_module(signal, output, *inputs)
    require_real(signal, "the signal")
    if signal.shape != expected:
        raise ShapeError(f"the signal has shape {signal.shape}, expected the output's {expected}")
    if output is None:
        output = forward_of(layer, *inputs)
    return signal.astype(inputs[0].dtype, copy=False), output
