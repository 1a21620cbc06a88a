"""The table of torch's functions: name -> the names of its arguments, and the function that adds its operators.

A module has the arguments of its function as attributes, under the same names: `Conv2d` has weight, bias, stride, ...
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.weights.torch_modules.call import Call, Outside, Value, flat

Function = Callable[[Call], Any]


def pointwise(op: str, **attributes: Any) -> Function:
    """Return the function for an operator of one input without arguments."""
    return lambda call: call.emit(op, [call.value()], **attributes)


def conv(call: Call) -> Value:
    """Add a Conv."""
    call.require(padding_mode="zeros")
    stride, dilate, padding = call.two("stride"), call.two("dilation"), call.given["padding"]
    taps = call.array("weight").shape[2:]
    if padding == "valid":
        pads = [0, 0, 0, 0]
    elif padding == "same":
        whole = [apart * (size - 1) for apart, size in zip(dilate, taps, strict=True)]
        pads = [*(one // 2 for one in whole), *(one - one // 2 for one in whole)]
    else:
        pads = call.two("padding") * 2
    inputs = [call.value(), call.array("weight"), call.given.get("bias")]
    return call.emit("Conv", inputs, strides=stride, pads=pads, dilations=dilate, group=call.given["groups"])


def conv_transpose(call: Call) -> Value:
    """Add a ConvTranspose."""
    call.require(padding_mode="zeros")
    numbers: dict[str, Any] = {
        "strides": call.two("stride"),
        "pads": call.two("padding") * 2,
        "dilations": call.two("dilation"),
    }
    numbers["output_padding"] = call.two("output_padding")
    inputs = [call.value(), call.array("weight"), call.given.get("bias")]
    return call.emit("ConvTranspose", inputs, group=call.given["groups"], **numbers)


def linear(call: Call) -> Value:
    """Add a Gemm, or for features with more axes a MatMul and an Add."""
    x, weight, bias = call.value(), call.array("weight"), call.given.get("bias")
    if len(x.shape) == 2:
        return call.emit("Gemm", [x, weight, bias], transB=1)
    if bias is None:
        return call.emit("MatMul", [x, np.ascontiguousarray(weight.T)])
    return call.emit("Add", [call.emit("MatMul", [x, np.ascontiguousarray(weight.T)], "product"), bias])


def batch_norm(call: Call) -> Value:
    """Add a BatchNormalization with the moments of the training."""
    call.require(training=False)
    mean, variance = call.array("running_mean"), call.array("running_var")
    weight, bias = call.given.get("weight"), call.given.get("bias")
    scale, offset = (np.ones_like(mean) if weight is None else weight), (np.zeros_like(mean) if bias is None else bias)
    return call.emit("BatchNormalization", [call.value(), scale, offset, mean, variance], epsilon=call.given["eps"])


def prelu(call: Call) -> Value:
    """Add a PRelu, whose slopes lie along the channels."""
    x = call.value()
    return call.emit("PRelu", [x, call.array("weight").reshape(-1, *[1] * (len(x.shape) - 2))])


def clip(lower: str, upper: str) -> Function:
    """Return the function that clips to the bounds in these arguments."""

    def add(call: Call) -> Value:
        bounds = {"min": call.given.get(lower), "max": call.given.get(upper)}
        if any(isinstance(one, Value | np.ndarray) for one in bounds.values()):
            raise Outside
        finite: dict[str, Any] = {name: float(one) for name, one in bounds.items() if one is not None}
        return call.emit("Clip", [call.value()], **finite)

    return add


def silu(call: Call) -> Value:
    """Add a Sigmoid, and the product with it."""
    return call.emit("Mul", [call.value(), call.emit("Sigmoid", [call.value()], "sigmoid")])


def pool(op: str) -> Function:
    """Return the function for MaxPool or AveragePool."""

    def add(call: Call) -> Value:
        call.require(return_indices=False, divisor_override=None)
        stride = call.two("kernel_size" if not call.given.get("stride") else "stride")
        more: dict[str, Any] = {"ceil_mode": int(call.given["ceil_mode"])}
        if op == "AveragePool":
            more["count_include_pad"] = int(call.given["count_include_pad"])
        shape, pads = call.two("kernel_size"), call.two("padding") * 2
        dilate = call.two("dilation") if op == "MaxPool" else [1, 1]
        return call.emit(op, [call.value()], kernel_shape=shape, strides=stride, pads=pads, dilations=dilate, **more)

    return add


def adaptive_pool(op: str) -> Function:
    """Return the function for pooling to a given size, where equal windows give it."""

    def add(call: Call) -> Value:
        call.require(return_indices=False)
        found, wanted = call.value().shape[2:], call.result[2:]
        if len(found) != 2 or any(size % after for size, after in zip(found, wanted, strict=True)):
            raise Outside
        size = [before // after for before, after in zip(found, wanted, strict=True)]
        return call.emit(op, [call.value()], kernel_shape=size, strides=size)

    return add


def local_response_norm(call: Call) -> Value:
    """Add an LRN; a window of even size has its longer half on the other side there."""
    if call.given["size"] % 2 == 0:
        raise Outside
    numbers = {name: call.given[name] for name in ("size", "alpha", "beta")}
    return call.emit("LRN", [call.value()], bias=float(call.given["k"]), **numbers)


def dropout(call: Call) -> Value:
    """Add a Dropout of a network that is not trained."""
    call.require(training=False)
    return call.emit("Dropout", [call.value()], ratio=call.given["p"])


def softmax(op: str) -> Function:
    """Return the function for Softmax or LogSoftmax."""

    def add(call: Call) -> Value:
        if not isinstance(call.given.get("dim"), int):
            raise Outside
        return call.emit(op, [call.value()], axis=call.given["dim"])

    return add


def reshape(call: Call) -> Value:
    """Add a Reshape to the shape that the example has."""
    return call.emit("Reshape", [call.value(), np.array(call.result)])


def permute(call: Call) -> Value:
    """Add a Transpose."""
    rank = len(call.value().shape)
    order = [one % rank for one in flat(call.given["dims"])]
    return call.emit("Transpose", [call.value()], perm=order)


def transpose(call: Call) -> Value:
    """Add a Transpose that swaps two axes."""
    order = list(range(len(call.value().shape)))
    one, two = call.given["dim0"], call.given["dim1"]
    order[one], order[two] = order[two], order[one]
    return call.emit("Transpose", [call.value()], perm=order)


def mean(call: Call) -> Value:
    """Add a ReduceMean."""
    axes = [one for one in flat(call.given.get("dim")) if one is not None]
    return call.emit("ReduceMean", [call.value()], axes=axes, keepdims=int(call.given.get("keepdim") or 0))


def arithmetic(op: str) -> Function:
    """Return the function for Add, Sub, Mul or Div; a plain number becomes a constant of the network's type."""

    def add(call: Call) -> Value:
        call.require(alpha=1, rounding_mode=None)
        both = [call.given["input"], call.given["other"]]
        return call.emit(op, [one if isinstance(one, Value) else np.asarray(one, call.dtype) for one in both])

    return add


def concat(call: Call) -> Value:
    """Add a Concat."""
    return call.emit("Concat", list(call.given["tensors"]), axis=call.given.get("dim") or 0)


def split(call: Call) -> tuple[Value, ...]:
    """Add a Split into the parts that the example has."""
    axis = call.given.get("dim") or 0
    return call.several("Split", axis=axis, split=[shape[axis] for shape in call.result])


def pad(call: Call) -> Value:
    """Add a Pad; torch's numbers are (left, right, top, bottom)."""
    given, rank = list(call.given.get("pad") or call.given["padding"]), len(call.value().shape)
    both = given + [0] * (2 * rank - len(given))
    pads = [*both[::2][::-1], *both[1::2][::-1]]
    value, mode = float(call.given.get("value") or 0), call.given.get("mode") or "constant"
    return call.emit("Pad", [call.value()], pads=pads, value=value, mode=mode)


def interpolate(call: Call) -> Value:
    """Add a Resize of rows and columns by the nearest pixels or by bilinear interpolation."""
    call.require(antialias=False, recompute_scale_factor=None)
    coordinates = "align_corners" if call.given.get("align_corners") else "half_pixel"
    modes = {"nearest": ("nearest", "asymmetric"), "bilinear": ("linear", coordinates)}
    if call.given["mode"] not in modes or len(call.value().shape) != 4:
        raise Outside
    mode, coordinates = modes[call.given["mode"]]
    scale = call.given.get("scale_factor")
    scales = None if scale is None else np.array([scale, scale] if isinstance(scale, int | float) else list(scale))
    sizes = np.array(call.result[2:]) if scales is None else None
    names = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": "floor"}
    return call.emit("Resize", [call.value(), None, scales, sizes], axes=[2, 3], **names)


def pixel_shuffle(call: Call) -> Value:
    """Add a DepthToSpace whose channels count blocks last."""
    return call.emit("DepthToSpace", [call.value()], blocksize=call.given["upscale_factor"], mode="CRD")


WINDOW = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
OTHER = {"other": None, "alpha": 1}
NORM = {"training": False, "momentum": 0.1, "eps": 1e-5}

FUNCTIONS: dict[str, tuple[dict[str, Any], Function]] = {
    "adaptive_avg_pool2d": ({"output_size": 1}, adaptive_pool("AveragePool")),
    "adaptive_max_pool2d": ({"output_size": 1, "return_indices": False}, adaptive_pool("MaxPool")),
    "add": (OTHER, arithmetic("Add")),
    "avg_pool2d": (
        {"kernel_size": 1, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True,
         "divisor_override": None},
        pool("AveragePool"),
    ),
    "batch_norm": ({"running_mean": None, "running_var": None, "weight": None, "bias": None, **NORM}, batch_norm),
    "cat": ({"dim": 0}, concat),
    "chunk": ({"chunks": 1, "dim": 0}, split),
    "clamp": ({"min": None, "max": None}, clip("min", "max")),
    "contiguous": ({}, pointwise("Identity")),
    "conv2d": ({"weight": None, "bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}, conv),
    "conv_transpose2d": (
        {"weight": None, "bias": None, "stride": 1, "padding": 0, "output_padding": 0, "groups": 1, "dilation": 1},
        conv_transpose,
    ),
    "div": ({"other": None, "rounding_mode": None}, arithmetic("Div")),
    "dropout": ({"p": 0.5, "training": True}, dropout),
    "flatten": ({}, reshape),
    "hardsigmoid": ({}, pointwise("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "hardswish": ({}, pointwise("HardSwish")),
    "hardtanh": ({"min_val": -1.0, "max_val": 1.0}, clip("min_val", "max_val")),
    "identity": ({}, pointwise("Identity")),
    "interpolate": (
        {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None,
         "antialias": False},
        interpolate,
    ),
    "leaky_relu": ({"negative_slope": 0.01}, lambda call: call.emit("LeakyRelu", [call.value()],
                                                                    alpha=call.given["negative_slope"])),
    "linear": ({"weight": None, "bias": None}, linear),
    "local_response_norm": ({"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}, local_response_norm),
    "log_softmax": ({"dim": None}, softmax("LogSoftmax")),
    "max_pool2d": ({"kernel_size": 1, **WINDOW, "return_indices": False}, pool("MaxPool")),
    "mean": ({"dim": None, "keepdim": False}, mean),
    "mul": ({"other": None}, arithmetic("Mul")),
    "neg": ({}, pointwise("Neg")),
    "pad": ({"pad": (), "mode": "constant", "value": None}, pad),
    "zero_pad": ({"padding": ()}, pad),
    "permute": ({"dims": ()}, permute),
    "pixel_shuffle": ({"upscale_factor": 1}, pixel_shuffle),
    "prelu": ({"weight": None}, prelu),
    "relu": ({}, pointwise("Relu")),
    "relu6": ({}, pointwise("Clip", min=0.0, max=6.0)),
    "reshape": ({}, reshape),
    "sigmoid": ({}, pointwise("Sigmoid")),
    "silu": ({}, silu),
    "softmax": ({"dim": None}, softmax("Softmax")),
    "split": ({"split_size": 1, "dim": 0}, split),
    "squeeze": ({}, reshape),
    "sub": (OTHER, arithmetic("Sub")),
    "tanh": ({}, pointwise("Tanh")),
    "transpose": ({"dim0": 0, "dim1": 0}, transpose),
    "unsqueeze": ({}, reshape),
    "view": ({}, reshape),
}  # fmt: skip
"""The first argument is "input", and "tensors" for cat; the dictionary has the others with their defaults."""

ALIASES = {
    "concat": "cat", "iadd": "add", "imul": "mul", "isub": "sub", "truediv": "div", "itruediv": "div",
    "divide": "div", "multiply": "mul", "subtract": "sub", "clip": "clamp",
}  # fmt: skip
"""Other names of functions."""

MODULES = {
    "AdaptiveAvgPool2d": "adaptive_avg_pool2d", "AdaptiveMaxPool2d": "adaptive_max_pool2d",
    "AvgPool2d": "avg_pool2d", "BatchNorm2d": "batch_norm", "BatchNorm1d": "batch_norm", "Conv2d": "conv2d",
    "ConvTranspose2d": "conv_transpose2d", "Dropout": "dropout", "Dropout2d": "dropout", "Flatten": "flatten",
    "Hardsigmoid": "hardsigmoid", "Hardswish": "hardswish", "Hardtanh": "hardtanh", "Identity": "identity",
    "LeakyReLU": "leaky_relu", "Linear": "linear", "LocalResponseNorm": "local_response_norm",
    "LogSoftmax": "log_softmax", "MaxPool2d": "max_pool2d", "PReLU": "prelu", "PixelShuffle": "pixel_shuffle",
    "ReLU": "relu", "ReLU6": "relu6", "SiLU": "silu", "Sigmoid": "sigmoid", "Softmax": "softmax", "Tanh": "tanh",
    "Upsample": "interpolate", "UpsamplingBilinear2d": "interpolate", "UpsamplingNearest2d": "interpolate",
    "ZeroPad2d": "zero_pad",
}  # fmt: skip
"""Modules of torch.nn -> the function that they apply."""
