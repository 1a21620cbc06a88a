"""FeatureVis' backward rules, as far as they are not gradients.

ReLUs and divisions are written as the original has them, as products: so infinite and NaN values spread as they do
there. A leak is not looked at on the way back.
"""

from dataclasses import replace

from refvis.layers import Array, BatchNorm, Conv, Layer, ReLU, ShapeError, array_module, backward

EPSILON = 0.001
"""What relevance adds to the size of each output before it divides by it."""


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
    """Convolution: the gradient, without the dilation, which the original forgets on the way back.

    Raises ShapeError where the sizes do not fit without it; there the original ends in an error, too.
    """
    if not isinstance(layer, Conv) or layer.dilate == (1, 1):
        return backward(layer, signal, output, x)
    try:
        return backward(replace(layer, dilate=1), signal, output, x)
    except ShapeError as error:
        raise ShapeError(f"FeatureVis goes back without the dilation {layer.dilate}, but then {error}") from error


def relevance(layer: Layer, signal: Array, output: Array, x: Array, y: Array | None = None) -> tuple[Array, ...]:
    """Convolution: x * gradient(signal / (y + 0.001 sign(y))), sign(0) being 0: infinite or NaN where y = 0.

    `y` (None: the output) is broadcast, or does not fit: then it raises ShapeError.
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
    """Batch normalisation: the gradient of training, whatever moments were used on the way forward.

    `epsilon` is the default of the original's block (None: the layer's own).
    """
    own = layer.epsilon if epsilon is None else epsilon
    return backward(replace(layer, moments=None, epsilon=own), signal, output, x)


def no_batch_norm(layer: BatchNorm, signal: Array, output: Array, x: Array) -> tuple[Array, ...]:
    """Batch normalisation in a DagNN: always raises ValueError, since the original ends in an error there."""
    raise ValueError(
        "FeatureVis cannot go back through the batch normalisation of a DagNN: give version='simplenn', "
        "or a network without it, refvis.merge_batchnorm(net)"
    )
