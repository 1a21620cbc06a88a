"""ONNX's sums, products, activations, normalisations and grids as layers of refvis."""

from typing import Any

import numpy as np
from support.peers.onnx_outside import OutsideError
from support.peers.onnx_windows import from_nhwc, to_nhwc

from refvis import layers
from refvis.layers import batch_norm

Attributes = dict[str, Any]
Outputs = tuple[np.ndarray, ...]


def four_axes(x: np.ndarray) -> np.ndarray:
    """Return an array with four axes: axes of size 1 come before fewer, and the last of more are one."""
    if not np.issubdtype(x.dtype, np.floating):
        raise OutsideError(f"values are {x.dtype}; layers compute with float32 and float64")
    return x.reshape((1,) * (4 - x.ndim) + x.shape if x.ndim <= 4 else (*x.shape[:3], -1))


def plain(layer: Any, *inputs: np.ndarray) -> Outputs:
    """Run a layer on arrays whose axes have no meaning for it."""
    return (layers.forward(layer, *map(four_axes, inputs)).reshape(inputs[0].shape),)


def add(at: Attributes, *inputs: np.ndarray) -> Outputs:
    """Add and Sum; where shapes differ, an addition of an offset."""
    if len({x.shape for x in inputs}) == 1:
        return plain(layers.Sum(), *inputs)
    x, offset = sorted(inputs, key=np.size, reverse=True)
    return plain(layers.Scale(np.ones((1, 1, 1, 1), x.dtype), four_axes(offset)), x)


def mul(at: Attributes, x: np.ndarray, factor: np.ndarray) -> Outputs:
    """Mul."""
    x, factor = sorted((x, factor), key=np.size, reverse=True)
    return plain(layers.Scale(four_axes(factor)), x)


def relu(at: Attributes, x: np.ndarray) -> Outputs:
    """Relu."""
    return plain(layers.ReLU(), x)


def leaky_relu(at: Attributes, x: np.ndarray) -> Outputs:
    """LeakyRelu."""
    return plain(layers.ReLU(at.get("alpha", 0.01)), x)


def p_relu(at: Attributes, x: np.ndarray, slope: np.ndarray) -> Outputs:
    """PRelu, whose slope is one number."""
    if slope.size != 1:
        raise OutsideError("a slope for each channel; ReLU has one leak")
    return plain(layers.ReLU(float(slope.item())), x)


def sigmoid(at: Attributes, x: np.ndarray) -> Outputs:
    """Sigmoid."""
    return plain(layers.Sigmoid(), x)


def softmax(at: Attributes, x: np.ndarray) -> Outputs:
    """Softmax along an axis; before version 13 along all axes from that one on."""
    old = at.get("version", 13) < 13
    axis = at.get("axis", 1 if old else -1) % x.ndim
    if old:
        flat = x.reshape(int(np.prod(x.shape[:axis])), -1)
        return (plain(layers.Softmax(), flat)[0].reshape(x.shape),)
    last = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    return (np.moveaxis(plain(layers.Softmax(), last)[0], -1, axis),)


def dropout(at: Attributes, x: np.ndarray, ratio: np.ndarray | None = None, training: Any = None) -> Outputs:
    """Dropout, which keeps all values unless it trains; then the case says which were kept, `at["kept"]`."""
    rate = float(ratio) if ratio is not None else at.get("ratio", 0.5)
    kept = np.ones(x.shape, bool)
    if training is None or not training or rate == 0:
        return *plain(layers.Dropout(rate), x), kept
    if at["kept"] is None:
        raise OutsideError("random numbers that the case does not hold; Dropout is given its mask")
    mask = at["kept"].astype(x.dtype) / np.float32(1 - rate)
    return *plain(layers.Dropout(rate, four_axes(mask)), x), at["kept"]


def concat(at: Attributes, *inputs: np.ndarray) -> Outputs:
    """Concat."""
    axis = at["axis"] % inputs[0].ndim
    joined = layers.forward(layers.Concat(4 - inputs[0].ndim + axis), *map(four_axes, inputs))
    return (joined.reshape(joined.shape[4 - inputs[0].ndim :]),)


def full(rows: np.ndarray, weights: np.ndarray, biases: np.ndarray | None = None) -> np.ndarray:
    """Return rows (N x D) times weights (D x K), plus biases, as a fully connected layer."""
    layer = layers.FullyConnected(np.ascontiguousarray(weights.T), biases)
    return layers.forward(layer, np.ascontiguousarray(rows)[:, None, None])[:, 0, 0]


def gemm(at: Attributes, a: np.ndarray, b: np.ndarray, c: np.ndarray | None = None) -> Outputs:
    """Gemm, alpha A B + beta C; a C that differs by rows is added by a sum."""
    a, b = (x.T if at.get(name, 0) else x for x, name in ((a, "transA"), (b, "transB")))
    weights = np.float32(at.get("alpha", 1.0)) * b
    if c is None:
        return (full(a, weights),)
    c = np.float32(at.get("beta", 1.0)) * c
    if c.ndim < 2 or len(c) == 1:
        return (full(a, weights, np.broadcast_to(c.reshape(-1), weights.shape[1])),)
    return add({}, full(a, weights), c)


def matmul(at: Attributes, a: np.ndarray, b: np.ndarray) -> Outputs:
    """MatMul: a fully connected layer for each pair of matrices."""
    rows, weights = a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None]
    shape = np.broadcast_shapes(rows.shape[:-2], weights.shape[:-2])
    many = np.broadcast_to(rows, (*shape, *rows.shape[-2:])), np.broadcast_to(weights, (*shape, *weights.shape[-2:]))
    y = np.empty((*shape, rows.shape[-2], weights.shape[-1]), a.dtype)
    for at_one in np.ndindex(*shape):
        y[at_one] = full(many[0][at_one], many[1][at_one])
    y = y if b.ndim > 1 else y[..., 0]
    return (y if a.ndim > 1 else y[..., 0, :] if b.ndim > 1 else y[..., 0],)


def lrn(at: Attributes, x: np.ndarray) -> Outputs:
    """LRN, whose alpha is divided by the size."""
    size, alpha = at["size"], at.get("alpha", 1e-4)
    layer = layers.LRN(size, at.get("bias", 1.0), alpha / size, at.get("beta", 0.75))
    return (from_nhwc(layers.forward(layer, to_nhwc(x)), x),)


def batch_normalisation(at: Attributes, x: np.ndarray, *parameters: np.ndarray) -> Outputs:
    """BatchNormalization; while it trains also the running moments, of which 9/10 are kept."""
    scale, offset, mean, variance = parameters
    epsilon, training = at.get("epsilon", 1e-5), at.get("training_mode", 0)
    moments = None if training else np.stack([mean, np.sqrt(variance + np.float32(epsilon))], axis=1)
    layer = layers.BatchNorm(scale, offset, moments, epsilon)
    image = to_nhwc(x) if x.ndim > 2 else x[:, None, None]
    y = layers.forward(layer, image)
    y = from_nhwc(y, x) if x.ndim > 2 else y[:, 0, 0]
    if not training:
        return (y,)
    keep = at.get("momentum", 0.9)
    own, sigma = batch_norm.batch_moments(layer, image).T
    return y, keep * mean + (1 - keep) * own, keep * variance + (1 - keep) * (sigma**2 - epsilon)


def lp_normalisation(at: Attributes, x: np.ndarray) -> Outputs:
    """LpNormalization; axis 0 of the four is that of images, which the layer counts as 4."""
    axis = 4 - x.ndim + at.get("axis", -1) % x.ndim
    return plain(layers.NormalizeLp(at.get("p", 2), 0.0, dimensions=axis or 4), x)


def grid_sample(at: Attributes, x: np.ndarray, grid: np.ndarray) -> Outputs:
    """GridSample: the grid holds columns first; without align_corners, -1 and 1 are the edges of the image."""
    if x.ndim != 4:
        raise OutsideError(f"{x.ndim - 2} spatial axes")
    mode, border = (at.get(name, b"").decode() for name in ("mode", "padding_mode"))
    if mode not in ("", "linear", "bilinear"):
        raise OutsideError(f"interpolation {mode!r}; the sampler is bilinear")
    if border not in ("", "zeros"):
        raise OutsideError(f"border {border!r}; the sampler reads 0 outside")
    places = grid[..., ::-1]
    if not at.get("align_corners", 0):
        size = np.array(x.shape[2:], grid.dtype)
        places = places * (size / (size - 1))
    y = layers.forward(layers.BilinearSampler(), to_nhwc(x), np.ascontiguousarray(places))
    return (from_nhwc(y, x),)


def affine_grid(at: Attributes, theta: np.ndarray, size: np.ndarray) -> Outputs:
    """AffineGrid: a matrix for columns and rows; without align_corners, places are the centres of pixels."""
    if len(size) != 4:
        raise OutsideError(f"{len(size) - 2} spatial axes")
    height, width = int(size[2]), int(size[3])
    inner = np.ones(2) if at.get("align_corners", 0) else np.array([(height - 1) / height, (width - 1) / width])
    (xx, xy, x0), (yx, yy, y0) = np.moveaxis(theta, 0, -1)
    c = np.stack([yy * inner[0], yx * inner[1], xy * inner[0], xx * inner[1], y0, x0], axis=1)
    grid = layers.forward(layers.AffineGrid(height, width), c[:, None, None].astype(theta.dtype))
    return (grid[..., ::-1],)
