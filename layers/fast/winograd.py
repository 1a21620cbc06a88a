"""Winograd's minimal filtering: fewer products for the same sums, by polynomial interpolation.

A filter g of r taps over t = m + r - 1 values d gives m outputs y_i = sum_k g_k d_{i+k}. Direct sums need m r products.
With three constant matrices, t products are enough (elementwise, *):

    F(m, r):            y = A^T [ (G g) * (B^T d) ]
    F(m x m, r x r):    Y = A^T [ (G g G^T) * (B^T d B) ] A          along both axes

The outputs are the transpose of a product of polynomials of degrees m - 1 and r - 1 (Toom-Cook). Both are evaluated at
t - 1 points p_i and at infinity, and the product is interpolated:

    A_{ia} = p_i^a,    G_{ik} = p_i^k / prod_{j != i} (p_i - p_j),    B_{ik} = coefficient k of prod_{j != i} (X - p_j)

with, for infinity, 1 at the highest power in A and G, and prod_j (X - p_j) in B. F(2 x 2, 3 x 3) needs 16 products
instead of 36, F(4 x 4, 3 x 3) 36 instead of 144. In exact arithmetic the result is the same. Rounding errors are
larger: the larger the points, the larger the sums that cancel in the end. `error_bound` bounds them.

References: Winograd, Arithmetic Complexity of Computations, 1980; Lavin & Gray, Fast Algorithms for Convolutional
Neural Networks, 2016 (their matrices, up to signs); Barabasz et al., Error Analysis and Improving the Accuracy of
Winograd Convolution for Deep Neural Networks, 2020.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.errors import ShapeError

POINTS = (0, 1, -1, 2, -2)
"""The points at which polynomials are evaluated: zero, then pairs of a number and its opposite."""

Matrix = Sequence[Sequence[float]]


class Transforms(NamedTuple):
    """The matrices of F(m, r), row by row: A (t x m) for the output, G (t x r) for the filters, B^T (t x t) for x."""

    output: Matrix
    filters: Matrix
    input: Matrix


@cache
def transforms(outputs: int, taps: int) -> Transforms:
    """Return the matrices of F(outputs, taps); the rows of A, G and B^T belong to the points, infinity last."""
    count = outputs + taps - 1
    points = [Fraction(p) for p in POINTS[: count - 1]]
    if len(points) != count - 1:
        raise ValueError(f"F({outputs}, {taps}) needs {count - 1} points, POINTS has {len(POINTS)}")
    others = [[q for q in points if q != p] for p in points]
    scales = [_value(_product(roots), p) for p, roots in zip(points, others, strict=True)]
    output = [[p**a for a in range(outputs)] for p in points]
    filters = [[p**k / scale for k in range(taps)] for p, scale in zip(points, scales, strict=True)]
    return Transforms(
        _matrix([*output, _last(outputs)]),
        _matrix([*filters, _last(taps)]),
        _matrix([[*_product(roots), Fraction(0)] for roots in others] + [_product(points)]),
    )


def _product(roots: list[Fraction]) -> list[Fraction]:
    """Return the coefficients of prod (X - root), the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        coefficients = [
            a - root * b for a, b in zip([Fraction(0), *coefficients], [*coefficients, Fraction(0)], strict=True)
        ]
    return coefficients


def _value(polynomial: list[Fraction], at: Fraction) -> Fraction:
    return sum((c * at**k for k, c in enumerate(polynomial)), Fraction(0))


def _last(length: int) -> list[Fraction]:
    return [Fraction(0)] * (length - 1) + [Fraction(1)]


def _matrix(rows: list[list[Fraction]]) -> Matrix:
    return tuple(tuple(float(value) for value in row) for row in rows)


def error_bound(x: Array, filters: Array, outputs: int) -> Array:
    """Return a bound on the rounding error of F(outputs x outputs, r x r) in float32, for each output of a convolution.

        x         the padded input, N x H x W x C
        filters   K x r x r x C; the convolution has stride 1
        outputs   the side of a tile

    The bound is N x H' x W' x K, float64. It holds without biases, as long as nothing underflows, for any order of the
    sums: each of the products that make an output is off by at most n factors 1 + d, |d| <= u = 2^-24, one for each
    operation on its way. So the error is at most n u / (1 - n u) times the same computation in absolute values. Raises
    ShapeError for filters of another form.
    """
    xp = array_module(x, filters)
    if x.ndim != 4 or filters.ndim != 4 or filters.shape[1] != filters.shape[2] or filters.shape[3] != x.shape[3]:
        raise ShapeError(f"filters have shape {filters.shape}, expected K x r x r x C for an input of {x.shape}")
    r, depth = filters.shape[1], filters.shape[3]
    A, G, B = (xp.abs(xp.array(one)) for one in transforms(outputs, r))
    t, (height, width) = len(B), (x.shape[1] - r + 1, x.shape[2] - r + 1)
    rows, columns = -(-height // outputs), -(-width // outputs)
    wide = xp.zeros((len(x), rows * outputs + r - 1, columns * outputs + r - 1, depth))
    wide[:, : x.shape[1], : x.shape[2]] = xp.abs(x)
    tiles = xp.lib.stride_tricks.sliding_window_view(wide, (t, t), axis=(1, 2))[:, ::outputs, ::outputs]
    d = xp.einsum("ay,nijcyx,bx->abnijc", B, tiles, B, optimize=True)
    g = xp.einsum("au,kuvc,bv->abkc", G, xp.abs(filters).astype("float64"), G, optimize=True)
    y = xp.einsum("ap,bq,abnijc,abkc->nipjqk", A, A, d, g, optimize=True)
    y = y.reshape(len(x), rows * outputs, columns * outputs, -1)[:, :height, :width]
    steps = 2 * (2 * t) + 2 * (2 * r + 1) + 2 * (2 * t) + depth + 1  # input, filters (G is rounded, too), output, sum
    return y * (steps * 2.0**-24 / (1 - steps * 2.0**-24))
