"""Every operator agrees with the running original, in single and in double, forward and backward."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden_files import assert_agrees, golden, images, numbers, read
from support.numeric import assert_adjoint, central
from support.ways import TABLES

from refvis import layers
from refvis.layers import Operator

Case = dict[str, Any]


def conv(options: Case, inputs: Case) -> layers.Conv:
    filters = images(inputs["f"]) if inputs["f"].size else None
    geometry = {key: numbers(options[key]) for key in ("stride", "pad", "dilate")}
    return layers.Conv(filters, inputs["b"] if inputs["b"].size else None, **geometry)


def conv_transpose(options: Case, inputs: Case) -> layers.ConvTranspose:
    upsample, crop, groups = (numbers(options[key]) for key in ("upsample", "crop", "numGroups"))
    return layers.ConvTranspose(images(inputs["f"]), inputs["b"] if inputs["b"].size else None, upsample, crop, *groups)


def batch_norm(options: Case, inputs: Case) -> layers.BatchNorm:
    return layers.BatchNorm(inputs["g"], inputs["b"], None, options["epsilon"].item())


def pool(options: Case, inputs: Case) -> layers.Pool:
    size, stride, pad = (numbers(options[key]) for key in ("pool", "stride", "pad"))
    return layers.Pool(size, stride, pad, options["method"])


def lrn(options: Case, inputs: Case) -> layers.LRN:
    size, kappa, alpha, beta = options["param"].ravel()
    return layers.LRN(int(size), kappa, alpha, beta)


def relu(options: Case, inputs: Case) -> layers.ReLU:
    return layers.ReLU(float(options["leak"].item()))


def dropout(options: Case, inputs: Case) -> layers.Dropout:
    return layers.Dropout(float(options["rate"].item()), images(inputs["mask"]))


def loss(options: Case, inputs: Case) -> layers.Loss:
    weights = inputs.get("instanceWeights")
    extra: Case = {} if weights is None else {"instance_weights": images(weights)}
    if "topK" in options:
        extra["topk"] = int(options["topK"].item())
    if "threshold" in options:
        extra["threshold"] = float(options["threshold"].item())
    return layers.Loss(options["loss"], normalise=bool(options["normalise"].item()), **extra)


LAYERS: dict[str, Callable[[Case, Case], Any]] = {
    "vl_nnconv": conv,
    "vl_nnconvt": conv_transpose,
    "vl_nnbnorm": batch_norm,
    "vl_nnpool": pool,
    "vl_nnnormalize": lrn,
    "vl_nnrelu": relu,
    "vl_nndropout": dropout,
    "vl_nnloss": loss,
    "vl_nnsigmoid": lambda options, inputs: layers.Sigmoid(),
    "vl_nnsoftmax": lambda options, inputs: layers.Softmax(),
    "vl_nnsoftmaxloss": lambda options, inputs: layers.SoftmaxLoss(),
}
AXIS = {1: 1, 2: 2, 3: 3, 4: 0}
"""MATLAB's dimension of H x W x C x N -> axis of N x H x W x C."""

FILES = golden(
    "conv_*",
    "convt_*",
    "bnorm_*",
    "pool_*",
    "lrn_*",
    "relu_*",
    "sigmoid",
    "softmax_*",
    "dropout_*",
    "loss_*",
    "softmaxloss_*",
)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("outputs", ["outputs", "outputs_double"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_block_agrees(path: Path, outputs: str, table: dict[type, Operator]) -> None:
    case = read(path)
    inputs, expected = case["inputs"], case[outputs]
    layer = LAYERS[case["op"]](case["options"], inputs)
    dtype = {"outputs": "float32", "outputs_double": "float64"}[outputs]
    arguments = [images(inputs["x"]).astype(dtype)]
    if "c" in inputs:
        labels = inputs["c"]
        arguments.append(labels.ravel() if labels.size == len(arguments[0]) else images(labels))
    signal = images(inputs["dzdy"]).astype(dtype)
    operator = table[type(layer)]

    y = operator.forward(layer, *arguments)
    # The original's topkerror is double for single inputs with double labels; here the input's dtype holds.
    assert_agrees(y, images(expected.get("y_exact", expected["y"])).astype(dtype), "y")
    dx = operator.gradient(layer, signal, y, *arguments)[0]
    assert_agrees(dx, images(expected.get("dzdx_exact", expected["dzdx"])), "dzdx")
    if operator.parameter_gradients:
        found = operator.parameter_gradients(layer, signal, y, *arguments)
        for name, key in (("filters", "dzdf"), ("scale", "dzdg"), ("biases", "dzdb"), ("offset", "dzdb")):
            if name in found:
                want = images(expected[key]) if name == "filters" else expected[key].ravel()
                assert_agrees(found[name], want, key)


@pytest.mark.parametrize("outputs", ["outputs", "outputs_double"])
@pytest.mark.parametrize("path", golden("bnorm_*"), ids=lambda path: path.stem)
def test_batch_norm_with_given_moments(path: Path, outputs: str) -> None:
    case = read(path)
    inputs, expected = case["inputs"], case[outputs]
    dtype = {"outputs": "float32", "outputs_double": "float64"}[outputs]
    x, signal = images(inputs["x"]).astype(dtype), images(inputs["dzdy"]).astype(dtype)
    layer = replace(batch_norm(case["options"], inputs), moments=inputs["moments"])
    y = layers.forward(layer, x)
    assert_agrees(y, images(expected["y_mom"]), "y")
    found = layers.parameter_gradients(layer, signal, y, x)
    assert_agrees(found["scale"], expected["dzdg_mom"].ravel(), "dzdg")
    assert_agrees(found["offset"], expected["dzdb_mom"].ravel(), "dzdb")

    # The original's dzdx is the training formula with the given moments in it, as if they followed from x.
    (mean, sigma), axes = inputs["moments"].T.astype(dtype), (0, 1, 2)
    z = (x - mean) / sigma
    quirk = inputs["g"].ravel() / sigma * (signal - signal.mean(axes) - z * (signal * z).mean(axes))
    assert_agrees(quirk.astype(dtype), images(expected["dzdx_mom"]), "dzdx of the original")
    # Ours is the derivative: along any direction, what a central difference says.
    (dx,), u = layers.backward(layer, signal, y, x), np.random.default_rng(0).uniform(-1, 1, x.shape)
    ju = central(lambda moved: layers.forward(layer, moved), x.astype("float64"), u)
    assert_adjoint(u, ju, signal, dx, {"float32": 1e-6, "float64": 1e-9}[dtype])
    np.testing.assert_equal(np.abs(dx - quirk).max() > 0.01 * np.abs(dx).max(), True)


@pytest.mark.parametrize("outputs", ["outputs", "outputs_double"])
@pytest.mark.parametrize("path", golden("concat_*"), ids=lambda path: path.stem)
def test_concat_agrees(path: Path, outputs: str) -> None:
    case = read(path)
    dtype = {"outputs": "float32", "outputs_double": "float64"}[outputs]
    names = [name for name in case["inputs"] if name.startswith("x")]
    inputs = [images(case["inputs"][name]).astype(dtype) for name in names]
    layer = layers.Concat(AXIS[int(case["options"]["dim"].item())])
    y = layers.forward(layer, *inputs)
    np.testing.assert_array_equal(y, images(case[outputs]["y"]), strict=True)
    signal = images(case["inputs"]["dzdy"]).astype(dtype)
    for name, dx in zip(names, layers.backward(layer, signal, y, *inputs), strict=True):
        np.testing.assert_array_equal(dx, images(case[outputs][f"dzd{name}"]).astype(dtype), strict=True)


@pytest.mark.parametrize("outputs", ["outputs", "outputs_double"])
@pytest.mark.parametrize("path", golden("crop"), ids=lambda path: path.stem)
def test_crop_agrees(path: Path, outputs: str) -> None:
    case = read(path)
    dtype = {"outputs": "float32", "outputs_double": "float64"}[outputs]
    x, signal = (images(case["inputs"][name]).astype(dtype) for name in ("x", "dzdy"))
    top, _, left, _ = numbers(case["options"]["crop"])
    layer, like = layers.Crop((top, left)), np.ones((1, *signal.shape[1:3], 1))
    y = layers.forward(layer, x, like)
    np.testing.assert_array_equal(y, images(case[outputs]["y"]), strict=True)
    dx, none = layers.backward(layer, signal, y, x, like)
    np.testing.assert_array_equal(dx, images(case[outputs]["dzdx"]).astype(dtype), strict=True)
    np.testing.assert_array_equal(none, np.zeros_like(like), strict=True)


def test_every_family_is_here() -> None:
    families = {read(path)["op"] for path in FILES}
    assert families == set(LAYERS)
    assert len(FILES) >= 90
    np.testing.assert_equal(len({path.name for path in FILES}), len(FILES))
