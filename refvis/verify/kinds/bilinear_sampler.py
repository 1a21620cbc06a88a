"""Bilinear sampling: its cases, and what another choice or a mistake gives."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array, BilinearSampler
from refvis.layers import bilinear_sampler as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import Answer, Kind, backward_is, changed, forward_is


def draw(choose: Chooser, simple: bool) -> Case:
    """Return an image and a grid whose places are no centres of pixels; simple: a grid for each image, all inside.

    At a centre the derivative jumps. Odd multiples of 1/32 never meet one in images as small as these.
    """
    count, times = choose.integer(1, 2), 1 if simple else choose.integer(1, 2)
    shape = count * times, choose.integer(1, 3), choose.integer(1, 3), 2
    reach = 15 if simple else 19
    random = np.random.default_rng(choose.integer(0, 999))
    grid = (2 * random.integers(-reach, reach + 1, shape) + 1) / 32
    x = filled(choose, (count, choose.integer(1, 5), choose.integer(1, 5), choose.integer(1, 3)))
    return Case(BilinearSampler(), (x, grid))


def by_grid(change: Callable[[Array, Array], Array]) -> Callable[[Case], Case]:
    """Return the change to another grid: ``(x, grid) -> grid``."""
    return lambda case: case.with_arrays({"x1": change(*case.inputs)})


def edge_aligned(layer: BilinearSampler, x: Array, grid: Array) -> Array:
    """Return y with -1 and 1 at the outer edges; an axis of one pixel fades out towards its edges."""
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    extents = np.array(x.shape[1:3], "float64")
    pixel = ((grid + 1) * extents - 1) / 2 + 1
    return definition.forward(layer, wide, 2 * pixel / (extents + 1) - 1)


def in_pixels(x: Array, grid: Array) -> Array:
    """Return the grid whose numbers count pixels."""
    extents = np.array(x.shape[1:3], "float64")
    return 2 * grid / np.maximum(extents - 1, 1) - 1


def nearest(layer: BilinearSampler, x: Array, grid: Array) -> Array:
    """Return the nearest pixel."""
    extents = np.array(x.shape[1:3], "float64")
    pixel = np.rint((grid + 1) / 2 * (extents - 1)).astype(int)
    image = np.arange(len(grid)).reshape(-1, 1, 1) * len(x) // len(grid)
    inside = ((pixel >= 0) & (pixel < extents)).all(axis=3, keepdims=True)
    rows, columns = (np.clip(pixel[..., axis], 0, x.shape[axis + 1] - 1) for axis in (0, 1))
    return np.where(inside, x[image, rows, columns], 0.0)


def images_in_turn(layer: BilinearSampler, x: Array, grid: Array) -> Array:
    """Return y where output n reads image n modulo N."""
    turned = np.tile(x, (len(grid) // len(x), 1, 1, 1))
    return definition.forward(layer, turned, grid)


def unweighted(layer: BilinearSampler, signal: Array, output: Array, x: Array, grid: Array) -> tuple[Array, Array]:
    """Return the gradient that gives each of the four neighbours the whole signal."""
    dx = np.zeros_like(x)
    for index, (weight, _, _) in definition.taps(x, grid):
        np.add.at(dx, index, (weight != 0) * signal)
    return dx, definition.gradient(layer, signal, output, x, grid)[1]


def no_grid_signal(layer: BilinearSampler, signal: Array, output: Array, x: Array, grid: Array) -> tuple[Array, Array]:
    """Return the gradient with nothing for the grid."""
    return definition.gradient(layer, signal, output, x, grid)[0], np.zeros_like(grid)


def grid_signal(change: Callable[[Array, Array], Array]) -> Callable[..., tuple[Array, Array]]:
    """Return the gradient with the grid's signal changed: ``(x, signal of the grid)``."""

    def rule(layer: BilinearSampler, signal: Array, output: Array, x: Array, grid: Array) -> tuple[Array, Array]:
        dx, dgrid = definition.gradient(layer, signal, output, x, grid)
        return dx, change(x, dgrid)

    return rule


def per_pixel(x: Array, dgrid: Array) -> Array:
    """Return the grid's signal without the factor of the extents."""
    return 2 * dgrid / np.maximum(np.array(x.shape[1:3], "float64") - 1, 1)


ANSWERS: tuple[Answer, ...] = (
    forward_is(
        "edges_at_one",
        "-1 and 1 are the outer edges of the first and last pixel (the definition: their centres)",
        edge_aligned,
        result="acceptable",
        flag="CONVENTION",
        seen=("align_corners=False of PyTorch", "GridSample of ONNX"),
    ),
    changed(
        "columns_first",
        "its grid holds columns first, then rows",
        by_grid(lambda x, grid: np.ascontiguousarray(grid[..., ::-1])),
        ("forward",),
        result="acceptable",
        flag="LAYOUT",
        seen=("PyTorch", "ONNX"),
    ),
    changed(
        "clamps_to_edge",
        "outside, it repeats the edge (the definition: 0)",
        by_grid(lambda x, grid: np.clip(grid, -1, 1)),
        ("forward",),
        result="acceptable",
        flag="CONVENTION",
        seen=('padding_mode="border" of PyTorch',),
    ),
    changed("in_pixels", "its grid counts pixels from 0", by_grid(in_pixels), ("forward",), flag="LAYOUT"),
    forward_is("nearest", "it takes the nearest pixel", nearest),
    forward_is("images_in_turn", "output n reads image n modulo N", images_in_turn, flag="LAYOUT"),
    backward_is("unweighted", "each of the four neighbours gets the whole signal", unweighted),
    backward_is("no_grid_signal", "the grid gets no signal", no_grid_signal, flag="UNSUPPORTED"),
    backward_is(
        "grid_signal_per_pixel", "the grid's signal is for each pixel: it lacks (H - 1) / 2", grid_signal(per_pixel)
    ),
    backward_is(
        "grid_signal_columns_first",
        "the grid's signal holds columns first",
        grid_signal(lambda x, dgrid: np.ascontiguousarray(dgrid[..., ::-1])),
        flag="LAYOUT",
    ),
    backward_is("grid_signal_negated", "the grid's signal has the other sign", grid_signal(lambda x, dgrid: -dgrid)),
)
FEATURES = {
    "places outside": lambda case: bool((np.abs(case.inputs[1]) > 1).any()),
    "several grids for an image": lambda case: len(case.inputs[1]) > len(case.inputs[0]),
    "an image that is not square": lambda case: case.inputs[0].shape[1] != case.inputs[0].shape[2],
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
}


def terms(case: Case) -> int:
    """Return the products in a sum, forward or back."""
    x, grid = case.inputs
    return int(max(4 * grid[0, :, :, 0].size, x.shape[3])) + 8


BILINEAR_SAMPLER = Kind("bilinear_sampler", draw, terms, ANSWERS, FEATURES, page="operators/bilinear_sampler.html")
