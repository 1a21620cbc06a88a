"""Convolutions and pooling of ONNX with any geometry: the loaded network computes what ONNX's reference does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")
from support.onnx_models import agree, loaded, one, run, unknown

from refvis import layers

Draw = Any


def image(draw: Draw, *shape: int) -> np.ndarray:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=shape).astype("float32")


def geometry(draw: Draw, extents: tuple[int, int], dilated: bool = True) -> dict[str, list[int]]:
    """Sizes, strides, dilations and pads, none of which has to be like another."""
    dilate = [draw(st.integers(1, 2)) for _ in extents] if dilated else [1, 1]
    size = [draw(st.integers(1, 3)) for _ in extents]
    pads = [draw(st.integers(0, n - 1)) for n in (*size, *size)]
    for axis in (0, 1):
        assume(extents[axis] + pads[axis] + pads[axis + 2] >= (size[axis] - 1) * dilate[axis] + 1)
    return {
        "kernel_shape": size,
        "strides": [draw(st.integers(1, 3)) for _ in extents],
        "pads": pads,
        "dilations": dilate,
    }


@given(data=st.data())
def test_conv(data):
    draw = data.draw
    groups, depth, each = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    x = image(draw, 2, groups * depth, 7, 6)
    at = geometry(draw, (7, 6))
    weights = image(draw, groups * each, depth, *at["kernel_shape"])
    biases = draw(st.sampled_from([None, image(draw, groups * each)]))
    agree(one("Conv", x, weights, biases, group=groups, **at), x=x)


@given(data=st.data())
def test_conv_pads_by_itself(data):
    draw = data.draw
    at = geometry(draw, (7, 6), dilated=False)
    x, weights = image(draw, 2, 3, 7, 6), image(draw, 4, 3, *at["kernel_shape"])
    auto = draw(st.sampled_from(["VALID", "SAME_UPPER", "SAME_LOWER"]))
    agree(one("Conv", x, weights, strides=at["strides"], auto_pad=auto), x=x)


@given(data=st.data())
def test_conv_of_signals(data):
    draw = data.draw
    x, weights = image(draw, 2, 3, 9), image(draw, 4, 3, 3)
    pads = [draw(st.integers(0, 2)), draw(st.integers(0, 2))]
    agree(one("Conv", x, weights, pads=pads, strides=[draw(st.integers(1, 3))]), x=x)


@given(data=st.data())
def test_conv_transpose(data):
    draw = data.draw
    at = geometry(draw, (4, 3))
    more = [draw(st.integers(0, s - 1)) for s in at["strides"]]
    at["pads"] = [
        min(p, (k - 1) * d) for p, k, d in zip(at["pads"], at["kernel_shape"] * 2, at["dilations"] * 2, strict=True)
    ]
    for axis, (extent, k, s, d) in enumerate(
        zip((4, 3), at["kernel_shape"], at["strides"], at["dilations"], strict=True)
    ):
        assume(s * (extent - 1) + (k - 1) * d + 1 + more[axis] > at["pads"][axis] + at["pads"][axis + 2])
    x, weights = image(draw, 2, 3, 4, 3), image(draw, 3, 2, *at["kernel_shape"])
    biases = draw(st.sampled_from([None, image(draw, 2)]))
    agree(one("ConvTranspose", x, weights, biases, output_padding=more, **at), x=x)


def test_groups_of_a_transposed_convolution_are_networks_side_by_side():
    random = np.random.default_rng(0)
    x, weights = random.normal(size=(2, 6, 4, 3)).astype("float32"), random.normal(size=(6, 5, 3, 2)).astype("float32")
    whole = run(loaded(one("ConvTranspose", x, weights, group=2, strides=[2, 3])), (2, 10, 9, 8), x=x)
    for group in (0, 1):
        part = slice(3 * group, 3 * group + 3)
        alone = run(loaded(one("ConvTranspose", x[:, part], weights[part], strides=[2, 3])), (2, 5, 9, 8), x=x[:, part])
        np.testing.assert_array_equal(whole[:, 5 * group : 5 * group + 5], alone)


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_conv_transpose_crops_by_itself(auto):
    random = np.random.default_rng(0)
    x, weights = random.normal(size=(1, 3, 4, 5)).astype("float32"), random.normal(size=(3, 2, 5, 4)).astype("float32")
    agree(one("ConvTranspose", x, weights, strides=[2, 3], auto_pad=auto), x=x)


@given(data=st.data())
def test_pooling(data):
    draw = data.draw
    op = draw(st.sampled_from(["MaxPool", "AveragePool"]))
    at = geometry(draw, (7, 6), dilated=False)
    x = image(draw, 2, 3, 7, 6)
    names = ("ceil_mode", "count_include_pad") if op == "AveragePool" else ("ceil_mode",)
    options = {name: draw(st.integers(0, 1)) for name in names}
    want = pooled(op, x, at["kernel_shape"], at["strides"], at["pads"], **options)
    found = run(loaded(one(op, x, **options, **at)), want.shape, x=x)
    np.testing.assert_allclose(found, want, rtol=0, atol=32 * np.finfo("float32").eps * np.abs(x).max())


def pooled(
    op: str,
    x: np.ndarray,
    size: list[int],
    stride: list[int],
    pads: list[int],
    ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> np.ndarray:
    """Pooling by ONNX's text: windows that begin beyond the image and the pad before it are left out.

    A pixel counts in an average if it is in the image, or, with `count_include_pad`, in the pad. ONNX's own reference
    makes outputs of another size for some pads.
    """
    counts = []
    for extent, k, s, before, after in zip(x.shape[2:], size, stride, pads[:2], pads[2:], strict=True):
        over = extent + before + after - k
        count = (-(-over // s) if ceil_mode else over // s) + 1
        counts.append(count - (ceil_mode and (count - 1) * s >= extent + before))
    y = np.zeros((*x.shape[:2], *counts))
    for place in np.ndindex(*counts):
        seen, number = [], 0
        for tap in np.ndindex(*size):
            at = [p * s + t - before for p, s, t, before in zip(place, stride, tap, pads[:2], strict=True)]
            inside = all(0 <= a < n for a, n in zip(at, x.shape[2:], strict=True))
            padded = all(a < n + after for a, n, after in zip(at, x.shape[2:], pads[2:], strict=True))
            number += inside or bool(count_include_pad and padded)
            seen += [x[:, :, at[0], at[1]]] if inside else []
        y[:, :, place[0], place[1]] = np.max(seen, axis=0) if op == "MaxPool" else np.sum(seen, axis=0) / number
    return y


@given(data=st.data())
def test_global_pooling(data):
    x = image(data.draw, 2, 3, 7, 6)
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        agree(one(op, x), x=x)
    for op in ("ReduceMean", "ReduceMax"):
        for keep in (0, 1):
            agree(one(op, x, opset=13, axes=[2, -1], keepdims=keep), x=x)
            agree(one(op, x, np.array([3, 2]), opset=18, keepdims=keep), x=x)


@given(data=st.data())
def test_padding(data):
    x, some = image(data.draw, 2, 3, 5, 4), [data.draw(st.integers(0, 3)) for _ in range(4)]
    some[0] += not any(some)
    agree(one("Pad", x, np.array([0, 0, *some[:2], 0, 0, *some[2:]])), x=x)
    agree(one("Pad", x, np.array(some), None, np.array([2, 3])), x=x)


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (one("MaxPool", np.zeros((1, 2, 5, 5)), kernel_shape=[2, 2], dilations=[2, 2]), "it pools with dilations"),
        (
            one("Conv", np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 2, 2), "f4"), pads=[-1, 0, 0, 0]),
            "its pads are negative",
        ),
        (one("Pad", np.zeros((1, 2, 5, 5)), np.array([0] * 8), mode="reflect"), "it pads by other values than zero"),
        (one("Pad", np.zeros((1, 2, 5, 5)), np.array([0, 1, *[0] * 6])), "it pads images or channels"),
        (one("ReduceMean", np.zeros((1, 2, 5, 5)), np.array([1])), "not rows and columns"),
        (one("ReduceMean", np.zeros((1, 2, 5, 5))), "it reduces all axes"),
    ],
)
def test_what_no_layer_computes_is_unknown_and_says_why(proto, reason):
    net = loaded(proto)
    (text,) = unknown(net)
    assert reason in text
    assert isinstance(net.nodes[0].layer, layers.Unknown)


def test_a_ceiling_holds_for_images_of_every_size():
    x = np.zeros((1, 1, 7, 7), "float32")
    net = loaded(one("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1))
    for extent in range(3, 12):
        out = net.forward(np.zeros((1, extent, extent, 1), "float32")).output
        assert out.shape[1] == -(-(extent - 3) // 2) + 1
