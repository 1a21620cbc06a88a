"""Adapters of other implementations: each in a few lines, as a user of `refvis.verify` would write them.

Every adapter is a `Subject`: functions for `verify.layer`, with the layout and arrays that the implementation takes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Subject:
    """An implementation of a kind.

    library      what is written in the table, with its version
    kind         the name for `verify.layer`
    name         what of the library it is
    forward      ``(layer, *inputs)``; None
    backward     ``(layer, signal, output, *inputs)``; None
    options      further arguments of `verify.layer`
    """

    library: str
    kind: str
    name: str
    forward: Callable[..., Any] | None = None
    backward: Callable[..., Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def version(package: str) -> str:
    """Return "package version"."""
    return f"{package} {metadata.version(package).split('+')[0]}"


def gradient(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backward pass of a function of PyTorch."""

    def backward(layer: Any, signal: Any, output: Any, x: Any) -> Any:
        x = x.clone().requires_grad_()
        forward(layer, x).backward(signal)
        return x.grad

    return backward


def torch_subjects() -> Iterator[Subject]:
    """Yield PyTorch's layers."""
    import torch
    from torch.nn import functional

    torch.backends.mkldnn.enabled = False  # crashes in the backward pass of some tiny convolutions (2.13.0, CPU)
    given = {"layout": "NCHW", "arrays": torch.from_numpy}

    def conv(layer: Any, x: Any) -> Any:
        top, bottom, left, right = layer.pad
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(
            x, layer.filters, layer.biases, layer.stride, 0, layer.dilate, x.shape[1] // layer.filters.shape[1]
        )

    def conv_transpose(layer: Any, x: Any) -> Any:
        top, bottom, left, right = layer.crop
        y = functional.conv_transpose2d(x, layer.filters, layer.biases, layer.upsample, 0, 0, layer.groups)
        return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]

    def max_pool(layer: Any, x: Any) -> Any:
        top, bottom, left, right = layer.pad
        return functional.max_pool2d(
            functional.pad(x, (left, right, top, bottom), value=-torch.inf), layer.size, layer.stride
        )

    def average_pool(layer: Any, x: Any) -> Any:
        return functional.avg_pool2d(x, layer.size, layer.stride, (layer.pad[0], layer.pad[2]))

    def lrn(layer: Any, x: Any) -> Any:
        return functional.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.kappa)

    def batch_norm(layer: Any, x: Any) -> Any:
        if layer.moments is None:
            return functional.batch_norm(x, None, None, layer.scale, layer.offset, True, 0.1, layer.epsilon)
        mean, deviation = layer.moments.T
        return functional.batch_norm(x, mean, deviation**2, layer.scale, layer.offset, eps=0.0)

    def symmetric(layer: Any) -> bool:
        top, bottom, left, right = layer.pad
        return top == bottom and left == right and 2 * top <= layer.size[0] and 2 * left <= layer.size[1]

    library = version("torch")
    for kind, name, function in (
        ("conv", "conv2d", conv),
        ("conv_transpose", "conv_transpose2d", conv_transpose),
        ("max_pool", "max_pool2d", max_pool),
        ("lrn", "local_response_norm", lrn),
        ("batch_norm", "batch_norm", batch_norm),
        ("relu", "leaky_relu", lambda layer, x: functional.leaky_relu(x, layer.leak)),
        ("softmax", "softmax", lambda layer, x: functional.softmax(x, dim=1)),
    ):
        yield Subject(library, kind, name, function, gradient(function), given)
    yield Subject(
        library, "average_pool", "avg_pool2d", average_pool, gradient(average_pool), given | {"where": symmetric}
    )


def onnx_subjects() -> Iterator[Subject]:
    """Yield operators of ONNX's reference evaluator."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    def run(operator: str, *inputs: Any, **attributes: Any) -> Any:
        given = {f"i{number}": x for number, x in enumerate(inputs)}
        infos = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, x.shape) for name, x in given.items()]
        node = helper.make_node(operator, list(given), ["y"], **attributes)
        result = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
        model = helper.make_model(helper.make_graph([node], "g", infos, [result]))
        return ReferenceEvaluator(model).run(None, given)[0]

    def begin_end(quad: tuple[int, ...]) -> list[int]:
        top, bottom, left, right = quad
        return [top, left, bottom, right]

    def parameters(layer: Any) -> list[Any]:
        return [layer.filters] if layer.biases is None else [layer.filters, layer.biases]

    def conv(layer: Any, x: Any) -> Any:
        groups = x.shape[1] // layer.filters.shape[1]
        options = {"pads": begin_end(layer.pad), "strides": layer.stride, "dilations": layer.dilate, "group": groups}
        return run("Conv", x, *parameters(layer), **options)

    def conv_transpose(layer: Any, x: Any) -> Any:
        options = {"pads": begin_end(layer.crop), "strides": layer.upsample, "group": layer.groups}
        return run("ConvTranspose", x, *parameters(layer), **options)

    def pool(operator: str) -> Callable[..., Any]:
        def function(layer: Any, x: Any) -> Any:
            return run(operator, x, kernel_shape=layer.size, strides=layer.stride, pads=begin_end(layer.pad))

        return function

    def lrn(layer: Any, x: Any) -> Any:
        return run("LRN", x, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.kappa)

    def batch_norm(layer: Any, x: Any) -> Any:
        if layer.moments is None:
            raise NotImplementedError("moments of the batch")
        mean, deviation = np.ascontiguousarray(layer.moments.T)
        return run("BatchNormalization", x, layer.scale, layer.offset, mean, deviation**2, epsilon=0.0)

    library = f"{version('onnx')} reference"
    for kind, name, function in (
        ("conv", "Conv", conv),
        ("conv_transpose", "ConvTranspose", conv_transpose),
        ("max_pool", "MaxPool", pool("MaxPool")),
        ("average_pool", "AveragePool", pool("AveragePool")),
        ("lrn", "LRN", lrn),
        ("batch_norm", "BatchNormalization", batch_norm),
    ):
        yield Subject(library, kind, name, function, None, {"layout": "NCHW"})


def zennit_subjects() -> Iterator[Subject]:
    """Yield zennit's rules at a convolution without pads of its own."""
    import torch
    from torch.nn import functional
    from zennit import rules

    given = {"layout": "NCHW", "arrays": torch.from_numpy}

    def at_conv(rule: Any) -> Callable[..., Any]:
        def backward(layer: Any, signal: Any, output: Any, x: Any) -> Any:
            top, bottom, left, right = layer.pad
            groups = x.shape[1] // layer.filters.shape[1]
            channels = x.shape[1], layer.filters.shape[0]
            module = torch.nn.Conv2d(
                *channels, layer.size, layer.stride, 0, layer.dilate, groups, layer.biases is not None
            )
            module.weight = torch.nn.Parameter(layer.filters)
            if layer.biases is not None:
                module.bias = torch.nn.Parameter(layer.biases)
            handle = rule().register(module)
            x = x.clone().requires_grad_()
            module(functional.pad(x, (left, right, top, bottom))).backward(signal)
            handle.remove()
            return x.grad

        return backward

    bare = given | {"where": lambda layer: max(layer.pad) == 0}  # padding by a layer of its own takes relevance
    library = version("zennit")
    for kind, rule, options in (
        ("epsilon at conv", rules.Epsilon, given),
        ("z_plus at conv", rules.ZPlus, given),
        ("gamma at conv", rules.Gamma, given),
        ("alpha_beta at conv", rules.AlphaBeta, given),
        ("w_square at conv", rules.WSquare, bare),
        ("flat at conv", rules.Flat, bare),
    ):
        yield Subject(library, kind, rule.__name__, None, at_conv(rule), options)


def captum_subjects() -> Iterator[Subject]:
    """Yield captum's guided backpropagation and deconvolution at a ReLU."""
    import torch
    from captum.attr import Deconvolution, GuidedBackprop

    given = {"layout": "NCHW", "arrays": torch.from_numpy, "where": lambda layer: layer.leak == 0}

    class Weighted(torch.nn.Module):
        def __init__(self, signal: Any) -> None:
            super().__init__()
            self.relu, self.signal = torch.nn.ReLU(), signal

        def forward(self, x: Any) -> Any:
            return (self.relu(x) * self.signal).flatten(1).sum(1)

    def at_relu(method: Any) -> Callable[..., Any]:
        def backward(layer: Any, signal: Any, output: Any, x: Any) -> Any:
            return method(Weighted(signal)).attribute(x.clone().requires_grad_())

        return backward

    library = version("captum")
    yield Subject(library, "guided", "GuidedBackprop", None, at_relu(GuidedBackprop), given)
    yield Subject(library, "deconvnet", "Deconvolution", None, at_relu(Deconvolution), given)


LIBRARIES: dict[str, Callable[[], Iterator[Subject]]] = {
    "torch": torch_subjects,
    "onnx": onnx_subjects,
    "captum": captum_subjects,
    "zennit": zennit_subjects,
}
"""Package -> its adapters."""
