"""Grids for the bilinear sampler: from six numbers (affine), or three (scale and translation).

With v over Ho rows and h over Wo columns, evenly spaced in [-1, 1], each output pixel is read at

    AffineGrid          (c1 v + c2 h + c5,  c3 v + c4 h + c6)    parameters c1 ... c6
    UniformScalingGrid  (s v + tv,  s h + th)                    parameters s, tv, th

in the sampler's coordinates, rows first: (1, 0, 0, 1, 0, 0) and (1, 0, 0) are the identity. Parameters are
N x 1 x 1 x 6 (or 3), the output is N x Ho x Wo x 2. Both are linear in the parameters. The gradient of a parameter is
the sum, over all pixels, of the signal times the parameter's factor. A single row or column lies at +1, as in MATLAB's
`linspace`. PyTorch's `affine_grid` (align_corners=True) has a 2 x 3 matrix for columns and rows, in this order.
The convention is that of the code of `dagnn.AffineGridGenerator`: it reshapes c to 2 x 3, columns first, and multiplies
from the RIGHT, (v, h) L + t, so that c1 c2 and c3 c4 end up as the rows of a matrix that maps (v, h).
Reference: Jaderberg et al., Spatial transformer networks, NIPS 2015; MatConvNet `+dagnn`.
"""

from dataclasses import dataclass

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block, Fields, Struct
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.fields import WholeField
from refvis.layers.base.operator import Operator


@dataclass(frozen=True, eq=False)
class AffineGrid:
    """Grid of `height` x `width` places (MatConvNet: Ho, Wo) from affine maps c, N x 1 x 1 x 6.

    Each place is (c1 v + c2 h + c5, c3 v + c4 h + c6), with v and h evenly spaced in [-1, 1]. Raises ShapeError for a
    height or width below 1.

    >>> import numpy as np
    >>> from refvis import layers
    >>> shifted = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.5]).reshape(1, 1, 1, 6)
    >>> layers.forward(layers.AffineGrid(2, 1), shifted).reshape(2, 2)  # (v, h + 0.5); a single column has h = 1
    array([[-1. ,  1.5],
           [ 1. ,  1.5]])
    """

    height: WholeField = WholeField()
    width: WholeField = WholeField()


@dataclass(frozen=True, eq=False)
class UniformScalingGrid:
    """Grid of `height` x `width` places (MatConvNet: Ho, Wo) from scale s and translation (tv, th), N x 1 x 1 x 3.

    Each place is (s v + tv, s h + th), with v and h evenly spaced in [-1, 1]. Raises ShapeError for a height or width
    below 1.

    >>> import numpy as np
    >>> from refvis import layers
    >>> halved = np.array([0.5, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> layers.forward(layers.UniformScalingGrid(2, 1), halved).reshape(2, 2)
    array([[-0.5,  0.5],
           [ 0.5,  0.5]])
    """

    height: WholeField = WholeField()
    width: WholeField = WholeField()


def affine_shape(layer: AffineGrid, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x Ho x Wo x 2 of the grid, or raise ShapeError."""
    return grid_shape(layer, shape, 6)


def affine_forward(layer: AffineGrid, x: Array) -> Array:
    """Return the grid (N x Ho x Wo x 2, dtype of x)."""
    matrix = x.reshape(-1, 6)[:, [0, 1, 4, 2, 3, 5]].reshape(-1, 2, 3)
    return array_module(x).einsum("hwk,nck->nhwc", places(layer, x), matrix)


def affine_gradient(layer: AffineGrid, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,), the adjoint of the forward pass."""
    matrix = array_module(signal, x).einsum("nhwc,hwk->nck", signal, places(layer, x))
    return (matrix.reshape(-1, 6)[:, [0, 1, 3, 4, 2, 5]].reshape(x.shape),)


def scaling_shape(layer: UniformScalingGrid, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape N x Ho x Wo x 2 of the grid, or raise ShapeError."""
    return grid_shape(layer, shape, 3)


def scaling_forward(layer: UniformScalingGrid, x: Array) -> Array:
    """Return the grid (N x Ho x Wo x 2, dtype of x)."""
    return x[..., :1] * places(layer, x)[..., :2] + x[..., 1:]


def scaling_gradient(layer: UniformScalingGrid, signal: Array, output: Array | None, x: Array) -> tuple[Array]:
    """Return (dx,), the adjoint of the forward pass."""
    scale = (signal * places(layer, x)[..., :2]).sum(axis=(1, 2, 3), keepdims=True)
    return (array_module(signal, x).concatenate((scale, signal.sum(axis=(1, 2), keepdims=True)), axis=3),)


def grid_shape(layer: AffineGrid | UniformScalingGrid, shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return N x Ho x Wo x 2 for `count` parameters per image, or raise ShapeError."""
    if tuple(shape[1:]) != (1, 1, count):
        raise ShapeError(f"the parameters have shape {tuple(shape)}, expected N x 1 x 1 x {count}")
    return shape[0], layer.height, layer.width, 2


def places(layer: AffineGrid | UniformScalingGrid, x: Array) -> Array:
    """Return (v, h, 1) of every output pixel (Ho x Wo x 3, dtype of x)."""
    xp = array_module(x)
    v, h = (xp.linspace(-1 if n > 1 else 1, 1, n) for n in (layer.height, layer.width))
    grid = xp.ones((layer.height, layer.width, 3), x.dtype)
    grid[..., 0], grid[..., 1] = v[:, None], h
    return grid


def affine_from_fields(fields: Fields) -> AffineGrid:
    """Return the layer of a block in a MatConvNet model."""
    return AffineGrid(fields.geometry("Ho", 0), fields.geometry("Wo", 0))


def scaling_from_fields(fields: Fields) -> UniformScalingGrid:
    """Return the layer of a block in a MatConvNet model."""
    return UniformScalingGrid(fields.geometry("Ho", 0), fields.geometry("Wo", 0))


def to_fields(layer: AffineGrid | UniformScalingGrid) -> Struct:
    """Return the fields of the block in a MatConvNet model."""
    return {"Ho": float(layer.height), "Wo": float(layer.width)}


AFFINE_OPERATOR = Operator(
    affine_forward,
    affine_gradient,
    affine_shape,
    whole_image=True,
    matconvnet=Block(affine_from_fields, block="AffineGridGenerator", more=to_fields),
)
SCALING_OPERATOR = Operator(
    scaling_forward,
    scaling_gradient,
    scaling_shape,
    whole_image=True,
    matconvnet=Block(scaling_from_fields, block="UniformScalingGridGenerator", more=to_fields),
)
