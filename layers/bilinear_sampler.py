"""Bilinear sampling: each output pixel is read from x at a place that a grid names.

    y[n,i,j,c] = sum_{r,q} x[m,r,q,c] * max(0, 1 - |a - r|) * max(0, 1 - |b - q|)
    a = (grid[n,i,j,0] + 1) / 2 * (H - 1),    b = (grid[n,i,j,1] + 1) / 2 * (W - 1)

so the grid holds rows first, then columns, in [-1, 1]: the centres of the first and the last pixel. Outside, x counts
as 0; a coordinate that is NaN or infinite is outside, so y is 0 there, and no signal comes back.
The grid has M images, a multiple of N; output n reads image m = floor(n N / M). Output size: M x Ho x Wo x C.
Its gradient: x gets back, with the same weights, what was read from it; the grid gets

    dgrid[...,0] = (H - 1) / 2 * sum_c g_c * (lower - upper row, interpolated along columns)

and likewise for columns. At the centre of a pixel, a kink, it is the derivative towards higher coordinates.
MatConvNet's grid is 2 x Ho x Wo x M. PyTorch's `grid_sample` takes columns first, and agrees with align_corners=True.
Reference: Jaderberg et al., Spatial transformer networks, NIPS 2015; MatConvNet `vl_nnbilinearsampler`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.blocks import Block
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.operator import UNKNOWN, AffineForm, Operator, always, reading_at
from refvis.layers.base.scatter_add import scatter_add

PER_PLACE = 24
"""Most numbers that a place of the grid takes beside what is sampled there; indices count double."""


@dataclass(frozen=True, eq=False)
class BilinearSampler:
    """Bilinear sampling of the first input, N x H x W x C, at the places of the second, a grid M x Ho x Wo x 2.

    The grid holds row and column in [-1, 1], the centres of the first and the last pixel; x counts as 0 outside.
    Coordinates that are NaN or infinite are outside.

    >>> import numpy as np
    >>> from refvis import layers
    >>> x = np.array([10.0, 20.0]).reshape(1, 1, 2, 1)
    >>> grid = np.array([[-1.0, -1.0], [-1.0, 0.5]]).reshape(1, 1, 2, 2)  # the first pixel; 3/4 of the way to the last
    >>> layers.forward(layers.BilinearSampler(), x, grid).ravel()
    array([10. , 17.5])
    """


def output_shape(layer: BilinearSampler, shape: tuple[int, ...], grid: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape M x Ho x Wo x C of the output, or raise ShapeError."""
    if len(grid) != 4 or grid[3] != 2 or min(grid) < 1 or grid[0] % shape[0]:
        raise ShapeError(f"the grid has shape {tuple(grid)}, expected M x Ho x Wo x 2, M a multiple of {shape[0]}")
    return (*grid[:3], shape[3])


def forward(layer: BilinearSampler, x: Array, grid: Array) -> Array:
    """Return y (M x Ho x Wo x C, dtype of x)."""
    y = array_module(x, grid).zeros(output_shape(layer, x.shape, grid.shape), x.dtype)
    for index, (weight, _, _) in taps(x, grid):
        y += weight * x[index]
    return y


def gradient(layer: BilinearSampler, signal: Array, output: Array | None, x: Array, grid: Array) -> tuple[Array, Array]:
    """Return (dx, dgrid) of the formulas above."""
    xp, pixels = array_module(signal, x, grid), x.size // x.shape[3]
    dx, dgrid = xp.zeros((pixels, x.shape[3]), x.dtype), xp.zeros(grid.shape, x.dtype)
    for (image, row, column), (weight, by_row, by_column) in taps(x, grid):
        pixel = (image * x.shape[1] + row) * x.shape[2] + column
        dx += scatter_add(pixel, weight * signal, pixels).astype(x.dtype, copy=False)
        read = (signal * x[image, row, column]).sum(axis=3, keepdims=True)
        dgrid += xp.concatenate((by_row * read, by_column * read), axis=3)
    return dx.reshape(x.shape), dgrid


def taps(x: Array, grid: Array) -> Iterator[tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]]:
    """Yield for each of the four neighbours of each place: its index in x, its weight, and the weight's derivatives.

    Indices are M x Ho x Wo; the weight, 0 where the neighbour does not exist, and its derivatives by the two
    coordinates of the grid are M x Ho x Wo x 1.
    """
    xp = array_module(x, grid)
    image = xp.arange(len(grid)).reshape(-1, 1, 1) * len(x) // len(grid)
    (top, a), (left, b) = (place(grid[..., k].astype(x.dtype, copy=False), x.shape[k + 1]) for k in (0, 1))
    for down in (0, 1):
        for right in (0, 1):
            row, column = top + down, left + right
            exists = (row >= 0) & (row < x.shape[1]) & (column >= 0) & (column < x.shape[2])
            by_rows, by_columns = (a if down else 1 - a) * exists, b if right else 1 - b
            index = image + 0 * row, xp.clip(row, 0, x.shape[1] - 1), xp.clip(column, 0, x.shape[2] - 1)
            slope_row = (2 * down - 1) * (x.shape[1] - 1) / 2 * by_columns * exists
            slope_column = (2 * right - 1) * (x.shape[2] - 1) / 2 * by_rows
            yield index, tuple(one[..., None] for one in (by_rows * by_columns, slope_row, slope_column))


def place(coordinate: Array, extent: int) -> tuple[Array, Array]:
    """Return the pixel at or before each coordinate in [-1, 1], and the fraction beyond it; NaN is outside."""
    xp = array_module(coordinate)
    pixel = (coordinate + 1) / 2 * (extent - 1)
    pixel = xp.minimum(xp.where(pixel >= -2, pixel, -2), extent + 1).astype(coordinate.dtype, copy=False)
    before = xp.floor(pixel)
    return before.astype("int64"), pixel - before


def workspace(layer: BilinearSampler, shape: tuple[int, ...], grid: tuple[int, ...]) -> int:
    """Return the numbers in the indices, weights and derivatives of one neighbour, and of the place itself."""
    return PER_PLACE * prod(grid[:3])


def affine(layer: BilinearSampler, x: Array, grid: Array) -> AffineForm:
    """Return y = W x, W given by the grid, which says where to read."""
    return reading_at(layer, x, (grid,), UNKNOWN)


OPERATOR = Operator(
    forward,
    gradient,
    output_shape,
    whole_image=True,
    per_image=always,
    affine=affine,
    matconvnet=Block(lambda fields: BilinearSampler(), block="BilinearSampler", inputs=(2,)),
    workspace=workspace,
)
