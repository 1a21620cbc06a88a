"""The account of axes: whatever reshapes and transposes ONNX does, weights and constants end up where they belong."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refvis.weights.onnx import layout
from refvis.weights.onnx.layout import Atom, Feature, Unmapped

Draw = Any


def feature(shape: tuple[int, ...]) -> Feature:
    """Return the map N x C x H x W of that shape."""
    n, c, h, w = shape
    return layout.as_map("x", (n, h, w, c), 4, Atom(n))


def variable(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1)


def moved(draw: Draw, value: Feature, x: np.ndarray) -> tuple[Feature, np.ndarray]:
    """Return the value and the array after a few reshapes and transposes behind the axis of images."""
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            order = (0, *draw(st.permutations(range(1, x.ndim))))
            value, x = layout.transposed(value, order), x.transpose(order)
        else:
            shape = (len(x), *factors(draw, math.prod(x.shape[1:])))
            try:
                value = layout.reshaped(value, shape)
            except Unmapped:
                continue
            x = x.reshape(shape)
    return value, x


def factors(draw: Draw, number: int) -> list[int]:
    """Return whole numbers whose product is the number."""
    found = []
    while number > 1:
        found.append(draw(st.sampled_from([n for n in range(2, number + 1) if number % n == 0])))
        number //= found[-1]
    return found or [1]


@given(data=st.data())
def test_an_offset_and_a_matrix_meet_the_values_that_they_meet_in_onnx(data):
    draw = data.draw
    shape = tuple(draw(st.permutations([2, 3, 4, 6])))
    shape = draw(st.sampled_from([shape, (1, *shape[1:]), (shape[0], 1, *shape[2:]), (*shape[:2], 1, 1)]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    x = random.normal(size=shape)
    value, seen = moved(draw, feature(shape), x)
    assert value.shape == seen.shape
    assert value.own_shape == variable(x).shape
    kept = [draw(st.booleans()) for _ in seen.shape]
    constant = random.normal(size=[n if keep else 1 for n, keep in zip(seen.shape, kept, strict=True)])
    own = variable(x) + layout.constant_in(value, constant)
    np.testing.assert_array_equal(np.sort(own, axis=None), np.sort(seen + constant, axis=None))
    flat = layout.reshaped(value, (len(x), seen.size // len(x)))
    matrix = random.normal(size=(5, seen.size // len(x)))
    theirs = seen.reshape(len(x), -1) @ matrix.T
    np.testing.assert_allclose(variable(x).reshape(len(x), -1) @ layout.columns_in(flat, matrix).T, theirs, atol=1e-12)


@given(data=st.data())
def test_what_is_undone_is_a_map_again(data):
    shape = tuple(data.draw(st.permutations([2, 3, 4, 6])))
    value = feature(shape)
    order = (0, *data.draw(st.permutations((1, 2, 3))))
    there = layout.transposed(value, order)
    assert there.is_map == (order == (0, 1, 2, 3))
    assert layout.transposed(there, np.argsort(order).tolist()).is_map
    assert layout.reshaped(layout.reshaped(value, (shape[0], math.prod(shape[1:]))), shape).is_map


def test_the_images_stay_an_axis_of_their_own():
    value = feature((1, 3, 4, 5))
    assert layout.reshaped(value, (1, 60)).shape == (1, 60)
    with pytest.raises(Unmapped, match="reshapes"):
        layout.reshaped(feature((2, 3, 2, 5)), (3, 20))
    with pytest.raises(Unmapped, match="reshapes"):
        layout.reshaped(value, (1, 61))


def test_a_value_behind_an_unknown_layer_has_no_shape():
    with pytest.raises(Unmapped, match="follows an unknown layer"):
        Feature("x").shape  # noqa: B018
    with pytest.raises(Unmapped, match="meets a value of shape"):
        layout.constant_in(feature((2, 3, 4, 5)), np.zeros((4, 4)))
    with pytest.raises(Unmapped, match="meets a value of shape"):
        layout.constant_in(feature((2, 3, 4, 5)), np.zeros((1, 1, 1, 1, 1)))
    with pytest.raises(Unmapped, match="the weights have 7 columns"):
        layout.columns_in(layout.reshaped(feature((2, 3, 4, 5)), (2, 60)), np.zeros((2, 7)))
    with pytest.raises(Unmapped, match="not one row for each image"):
        layout.columns_in(feature((2, 3, 4, 5)), np.zeros((2, 60)))
    with pytest.raises(Unmapped, match="transposes"):
        layout.transposed(feature((2, 3, 4, 5)), (0, 1, 2))
