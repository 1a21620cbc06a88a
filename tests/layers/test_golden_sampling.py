"""Normalisations, distances, regions and samplers agree with the running original, and its quirks explain the rest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden_files import assert_agrees, golden, images, numbers, read

from refvis import layers

Case = dict[str, Any]


def normalize_lp(options: Case, inputs: Case) -> layers.NormalizeLp:
    return layers.NormalizeLp(options["p"].item(), options["epsilon"].item(), dimensions=numbers(options["dimensions"]))


def spatial_norm(options: Case, inputs: Case) -> layers.SpatialNorm:
    height, width, alpha, beta = options["param"].ravel()
    return layers.SpatialNorm((height, width), alpha, beta)


def distance(options: Case, inputs: Case) -> layers.PairwiseDistance:
    weights = images(inputs["instanceWeights"]) if "instanceWeights" in inputs else None
    no_root, aggregate = (name in options and bool(options[name].item()) for name in ("noRoot", "aggregate"))
    return layers.PairwiseDistance(options["p"].item(), no_root, options["epsilon"].item(), aggregate, weights)


def regions(options: Case, inputs: Case) -> layers.ROIPool:
    transform = options["transform"]
    given = transform.item() if transform.size == 1 else np.squeeze(transform)
    return layers.ROIPool(numbers(options["subdivisions"]), options["method"], given)


LAYERS: dict[str, Callable[[Case, Case], Any]] = {
    "vl_nnnormalizelp": normalize_lp,
    "vl_nnspnorm": spatial_norm,
    "vl_nnnoffset": lambda options, inputs: layers.NormOffset(*options["param"].ravel()),
    "vl_nnpdist": distance,
    "vl_nnroipool": regions,
    "vl_nnbilinearsampler": lambda options, inputs: layers.BilinearSampler(),
}
FILES = golden("normalizelp_*", "spnorm_*", "noffset_*", "pdist_*", "roipool_*", "bilinearsampler_*")
BOTH = pytest.mark.parametrize(("outputs", "dtype"), [("outputs", "float32"), ("outputs_double", "float64")])


def grids(value: np.ndarray) -> np.ndarray:
    """Return a MATLAB 2 x Ho x Wo x M grid as M x Ho x Wo x 2."""
    return np.ascontiguousarray(images(value).transpose(0, 2, 3, 1))


def before_the_first_pixel(x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return where a sample lies above or left of the centres of the first pixels (M x Ho x Wo x 1)."""
    pixel = (grid + 1) / 2 * (np.array(x.shape[1:3]) - 1)
    return np.asarray((pixel < 0).any(axis=3, keepdims=True))


@BOTH
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_block_agrees(path: Path, outputs: str, dtype: str) -> None:
    case = read(path)
    given, expected = case["inputs"], case[outputs]
    layer = LAYERS[case["op"]](case["options"], given)
    second = {"x0": images, "grid": grids, "rois": lambda value: value}
    inputs = [images(given["x"]), *(make(given[name]) for name, make in second.items() if name in given)]
    inputs = [one.astype(dtype) for one in inputs]
    signal = images(given["dzdy"]).astype(dtype)
    y = layers.forward(layer, *inputs)
    if "grid" in given:
        # There the original reads nothing: it writes 0, and passes no signal on.
        read_there = ~before_the_first_pixel(*inputs)
        y, signal = y * read_there, signal * read_there
    assert_agrees(y, images(expected["y"]), "y")
    found = layers.backward(layer, signal, None, *inputs)
    assert_agrees(found[0], images(expected["dzdx"]), "dzdx")
    if "grid" in given:
        assert_agrees(found[1], grids(expected["dzdgrid"]), "dzdgrid")
    if "x0" in given:
        # The original does not sum over positions that share a target.
        shared = tuple(axis for axis in range(4) if inputs[1].shape[axis] < inputs[0].shape[axis])
        assert_agrees(found[1], images(expected["dzdx0"]).sum(axis=shared, keepdims=True), "dzdx0")


@pytest.mark.parametrize("path", golden("bilinearsampler_2"), ids=lambda path: path.stem)
def test_the_original_skips_the_border_above_and_left(path: Path) -> None:
    case = read(path)
    x, grid = images(case["inputs"]["x"]).astype(float), grids(case["inputs"]["grid"]).astype(float)
    skipped, y = before_the_first_pixel(x, grid)[..., 0], layers.forward(layers.BilinearSampler(), x, grid)
    original, lost = images(case["outputs_double"]["y"]), skipped & (y != 0).all(axis=3)
    np.testing.assert_equal(int(lost.sum()), 10)
    np.testing.assert_array_equal(original[lost], 0)
    # Below and right of the image, it does what is done here.
    pixel, last = (grid + 1) / 2 * (np.array(x.shape[1:3]) - 1), np.array(x.shape[1:3]) - 1
    beyond = (pixel > last).any(axis=3) & (original != 0).all(axis=3)
    np.testing.assert_equal(int(beyond.sum()), 11)
    np.testing.assert_allclose(original[beyond], y[beyond], rtol=0, atol=1e-14)


@pytest.mark.parametrize("path", golden("pdist_*_x0bcast"), ids=lambda path: path.stem)
def test_the_original_returns_a_derivative_larger_than_the_target(path: Path) -> None:
    case = read(path)
    target, found = images(case["inputs"]["x0"]), images(case["outputs_double"]["dzdx0"])
    np.testing.assert_equal((target.shape, found.shape), ((3, 1, 1, 7), (3, 5, 6, 7)))
    np.testing.assert_array_equal(found, -images(case["outputs_double"]["dzdx"]))


def test_every_family_is_here() -> None:
    np.testing.assert_equal({read(path)["op"] for path in FILES}, set(LAYERS))
    np.testing.assert_equal(len(FILES) >= 15, True)
