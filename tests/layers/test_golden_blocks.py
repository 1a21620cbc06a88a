"""Every operator agrees with the running original, in single and in double, forward and backward."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_files import assert_agrees, golden, images, numbers, read

from refvis import layers
from refvis.layers import DEFINITIONS, Operator

Case = dict[str, Any]


def conv(options: Case, inputs: Case) -> layers.Conv:
    filters = images(inputs["f"]) if inputs["f"].size else None
    geometry = {key: numbers(options[key]) for key in ("stride", "pad", "dilate")}
    return layers.Conv(filters, inputs["b"] if inputs["b"].size else None, **geometry)


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
    "vl_nnpool": pool,
    "vl_nnnormalize": lrn,
    "vl_nnrelu": relu,
    "vl_nndropout": dropout,
    "vl_nnloss": loss,
    "vl_nnsigmoid": lambda options, inputs: layers.Sigmoid(),
    "vl_nnsoftmax": lambda options, inputs: layers.Softmax(),
    "vl_nnsoftmaxloss": lambda options, inputs: layers.SoftmaxLoss(),
}
FILES = golden("conv_*", "pool_*", "lrn_*", "relu_*", "sigmoid", "softmax_*", "dropout_*", "loss_*", "softmaxloss_*")


@pytest.mark.parametrize("table", [layers.OPERATORS, DEFINITIONS], ids=["operators", "definitions"])
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
        for name, key in (("filters", "dzdf"), ("biases", "dzdb")):
            if expected[key].size:
                want = images(expected[key]) if name == "filters" else expected[key].ravel()
                assert_agrees(found[name], want, key)


def test_every_family_is_here() -> None:
    families = {read(path)["op"] for path in FILES}
    assert families == set(LAYERS)
    assert len(FILES) >= 90
    np.testing.assert_equal(len({path.name for path in FILES}), len(FILES))
