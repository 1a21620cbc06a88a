"""FeatureVis' backward rules that are not gradients.

ReLUs and divisions are written as products, as in the original, so infinite and NaN values spread in the same way. The
backward pass ignores a ReLU's leak.
"""

from dataclasses import replace

from refvis.layers import Array, BatchNorm, Conv, Layer, ReLU, ShapeError, array_module, backward

EPSILON = 0.001
"""Added to the absolute value of each output before relevance divides by it."""


def backpropagation(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """ReLU: the signal where the input was positive."""
    return (signal * (x > 0),)


def deconvnet(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """ReLU: the signal where it is positive itself."""
    return (signal * (signal > 0),)


def guided(layer: ReLU, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """ReLU: the signal where both are positive."""
    return (signal * (x > 0) * (signal > 0),)


def convolution(layer: Layer, signal: Array, output: Array, x: Array) -> tuple[Array, ...]:
    """Convolution: the gradient without dilation, which the original's backward pass forgets.

    Raises ShapeError if the sizes do not fit without dilation; the original ends in an error there, too.
    """
    if not isinstance(layer, Conv) or layer.dilate == (1, 1):
        return backward(layer, signal, output, x)
    try:
        return backward(replace(layer, dilate=1), signal, output, x)
    except ShapeError as error:
        raise ShapeError(f"FeatureVis' backward pass ignores the dilation {layer.dilate}, and then {error}") from error


def relevance(layer: Layer, signal: Array, output: Array, x: Array, y: Array | None = None) -> tuple[Array, ...]:
    """Convolution: x * gradient(signal / (y + 0.001 sign(y))), sign(0) being 0: infinite or NaN where y = 0.

    `y` (default: the output) is broadcast to the output's shape; ShapeError if it does not fit.
    """
    y = output if y is None else y
    if any(theirs not in (1, own) for theirs, own in zip(y.shape, signal.shape, strict=True)):
        raise ShapeError(
            f"FeatureVis divides by the first input of the layer that comes next in the file, which has shape "
            f"{y.shape}, but this layer's output has {signal.shape}"
        )
    share = signal / (y + EPSILON * array_module(y).sign(y))
    return tuple(x * dx for dx in convolution(layer, share, output, x))


def batch_norm(
    layer: BatchNorm, signal: Array, output: Array, x: Array, epsilon: float | None = 1e-4
) -> tuple[Array, ...]:
    """Batch normalisation: the gradient of training, whatever moments the forward pass used.

    `epsilon` defaults to that of the original's block; None stands for the layer's own.
    """
    own = layer.epsilon if epsilon is None else epsilon
    return backward(replace(layer, moments=None, epsilon=own), signal, output, x)


def no_batch_norm(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array, ...]:
    """Batch normalisation in a DagNN: always raises ValueError, because the original ends in an error there."""
    raise ValueError(
        "FeatureVis cannot go back through the batch normalisation of a DagNN: give version='simplenn', "
        "or remove batch normalisation with refvis.merge_batchnorm(net)"
    )
