"""Grids for the bilinear sampler: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import AffineGrid, Array, UniformScalingGrid, grids
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, backward_is, changed, forward_is

Grid = AffineGrid | UniformScalingGrid


def drawn(kind: type[Grid], count: int) -> Callable[[Chooser, bool], Case]:
    """Return the function that draws a grid and its `count` parameters for each image; simple: of several pixels."""

    def draw(choose: Chooser, simple: bool) -> Case:
        least = 2 if simple else 1
        layer = kind(choose.integer(least, 4), choose.integer(least, 5))
        return Case(layer, (filled(choose, (choose.integer(1, 3), 1, 1, count), scale=0.5),))

    return draw


def by_parameters(change: Callable[[Array], Array]) -> Callable[[Case], Case]:
    """Return the change to other parameters."""
    return lambda case: case.with_arrays({"x": change(case.inputs[0])})


def taken(*order: int) -> Callable[[Case], Case]:
    """Return the change to parameters in another order."""
    return by_parameters(lambda x: np.ascontiguousarray(x[..., list(order)]))


def without(*numbers: int) -> Callable[[Case], Case]:
    """Return the change to parameters of which some are zero."""

    def change(x: Array) -> Array:
        kept = x.copy()
        kept[..., list(numbers)] = 0
        return kept

    return by_parameters(change)


def definition_of(layer: Grid) -> tuple[Callable[..., Array], Callable[..., tuple[Array]]]:
    """Return the forward and the backward pass of a grid."""
    if isinstance(layer, AffineGrid):
        return grids.affine_forward, grids.affine_gradient
    return grids.scaling_forward, grids.scaling_gradient


def columns_first(layer: Grid, x: Array) -> Array:
    """Return the grid with columns before rows."""
    return np.ascontiguousarray(definition_of(layer)[0](layer, x)[..., ::-1])


def columns_first_gradient(layer: Grid, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient of that."""
    return definition_of(layer)[1](layer, np.ascontiguousarray(signal[..., ::-1]), output, x)


def combined(layer: Grid, x: Array, places: Array) -> Array:
    """Return the grid whose places (Ho x Wo x 3) are these."""
    if isinstance(layer, UniformScalingGrid):
        return x[..., :1] * places[..., :2] + x[..., 1:]
    matrix = x.reshape(-1, 6)[:, [0, 1, 4, 2, 3, 5]].reshape(-1, 2, 3)
    return np.einsum("hwk,nck->nhwc", places, matrix)


def at_centres(layer: Grid, x: Array) -> Array:
    """Return the grid whose places are centres of pixels in [-1, 1]."""
    places = grids.places(layer, x)
    for axis, extent in enumerate((layer.height, layer.width)):
        centres = (2 * np.arange(extent) + 1) / extent - 1
        places[..., axis] = centres[:, None] if axis == 0 else centres
    return combined(layer, x, places)


def from_zero(layer: Grid, x: Array) -> Array:
    """Return the grid whose places lie in [0, 1]."""
    places = grids.places(layer, x)
    places[..., :2] = (places[..., :2] + 1) / 2
    return combined(layer, x, places)


def single_in_the_middle(layer: Grid, x: Array) -> Array:
    """Return the grid in which a single row or column lies at 0."""
    places = grids.places(layer, x)
    for axis, extent in enumerate((layer.height, layer.width)):
        if extent == 1:
            places[..., axis] = 0
    return combined(layer, x, places)


def single_at_the_beginning(layer: Grid, x: Array) -> Array:
    """Return the grid in which a single row or column lies at -1."""
    places = grids.places(layer, x)
    for axis, extent in enumerate((layer.height, layer.width)):
        if extent == 1:
            places[..., axis] = -1
    return combined(layer, x, places)


def mean_gradient(layer: Grid, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient as a mean over pixels."""
    return (definition_of(layer)[1](layer, signal, output, x)[0] / (layer.height * layer.width),)


def batch_gradient(layer: Grid, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient summed over the images."""
    (own,) = definition_of(layer)[1](layer, signal, output, x)
    return (np.broadcast_to(own.sum(axis=0, keepdims=True), own.shape).copy(),)


COMMON: tuple[Answer, ...] = (
    forward_is(
        "columns_first", "its grid holds columns first, then rows", columns_first, flag="LAYOUT", seen=("PyTorch",)
    ),
    backward_is(
        "columns_first_backward", "its backward pass takes columns first", columns_first_gradient, flag="LAYOUT"
    ),
    forward_is(
        "at_centres",
        "its places are the centres of pixels whose edges lie at -1 and 1",
        at_centres,
        result="acceptable",
        flag="CONVENTION",
        seen=("align_corners=False of PyTorch", "AffineGrid of ONNX"),
    ),
    forward_is("from_zero", "its places lie in [0, 1], not in [-1, 1]", from_zero),
    forward_is(
        "single_in_the_middle",
        "a single row or column lies at 0 (the definition: at 1, as MATLAB's linspace)",
        single_in_the_middle,
        result="acceptable",
        flag="CONVENTION",
        seen=("PyTorch",),
    ),
    forward_is(
        "single_at_the_beginning",
        "a single row or column lies at -1 (the definition: at 1, as MATLAB's linspace)",
        single_at_the_beginning,
        result="acceptable",
        flag="CONVENTION",
        seen=("np.linspace",),
    ),
    backward_is("mean_gradient", "its backward pass takes means over pixels, not sums", mean_gradient),
    backward_is("batch_gradient", "its backward pass sums over the images", batch_gradient),
)
AFFINE_ANSWERS: tuple[Answer, ...] = (
    changed(
        "transposed_matrix",
        "it transposes the 2 x 2 matrix: it swaps c2 and c3",
        taken(0, 2, 1, 3, 4, 5),
        ("forward",),
        flag="LAYOUT",
    ),
    changed(
        "two_by_three",
        "it reads the parameters as a 2 x 3 matrix, row by row",
        taken(0, 1, 3, 4, 2, 5),
        ("forward",),
        flag="LAYOUT",
        seen=("PyTorch", "ONNX"),
    ),
    changed(
        "translation_first", "it reads the translation first", taken(2, 3, 4, 5, 0, 1), ("forward",), flag="LAYOUT"
    ),
    changed(
        "translation_x_y", "it reads the translation as (x, y)", taken(0, 1, 2, 3, 5, 4), ("forward",), flag="LAYOUT"
    ),
    changed("no_translation", "it ignores the translation", without(4, 5), ("forward",)),
    changed("no_shear", "it ignores c2 and c3", without(1, 2), ("forward",)),
    *COMMON,
)
SCALING_ANSWERS: tuple[Answer, ...] = (
    changed("translation_x_y", "it reads the translation as (x, y)", taken(0, 2, 1), ("forward",), flag="LAYOUT"),
    changed("scale_last", "it reads the scale last", taken(2, 0, 1), ("forward",), flag="LAYOUT"),
    changed("no_translation", "it ignores the translation", without(1, 2), ("forward",)),
    *COMMON,
)
FEATURES = {
    "a single row or column": lambda case: min(case.layer.height, case.layer.width) == 1,
    "a grid that is not square": lambda case: case.layer.height != case.layer.width,
    "several images": lambda case: len(case.inputs[0]) > 1,
}


def terms(case: Case) -> int:
    """Return the products in a sum, forward or back."""
    return int(case.layer.height * case.layer.width) + 8


PAGE = "operators/grids.html"
AFFINE_GRID = Kind("affine_grid", drawn(AffineGrid, 6), terms, AFFINE_ANSWERS, FEATURES, page=PAGE)
SCALING_GRID = Kind("uniform_scaling_grid", drawn(UniformScalingGrid, 3), terms, SCALING_ANSWERS, FEATURES, page=PAGE)
