"""Reader of ONNX models: the plain values of a file to a `Model`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from refvis.layers import Conv, FullyConnected, Node, Scale
from refvis.weights.errors import ModelFormatError
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.onnx.builder import Builder, needed
from refvis.weights.onnx.layout import Atom, Feature

Struct = dict[str, Any]

FREE = (224, 224)
"""Height and width for which a network is read whose file leaves them open."""

TO_CHANNELS_FIRST = [0, 3, 1, 2]
"""The transpose with which networks begin that take N x H x W x C, as TensorFlow's do."""


def read_onnx(graph: Struct, size: tuple[int, int] | None = None) -> Model:
    """Return the network of the plain values of an ONNX file, as `refvis.weights.onnx.file` makes them.

    Parameters:

        graph   nodes, constants, inputs, outputs and the version of the operators
        size    height and width of the input, for a file that leaves them open. Default: 224 x 224, with a remark

    Layers and variables have the names of ONNX's nodes and values. Raises ModelFormatError for a graph that makes no
    sense.
    """
    report: list[Remark] = []
    nodes = needed(graph["nodes"], graph["outputs"])
    read = {name for _, node in nodes for name in node["inputs"]} | set(graph["outputs"])
    inputs = [one for one in graph["inputs"] if one["name"] in read]
    if not inputs:
        raise ModelFormatError("no input that its nodes read", "one", "", "graph.input")
    batch, features, meta = Atom(max(1, (inputs[0]["shape"] or [1])[0])), {}, {}
    for number, one in enumerate(inputs):
        if number and not 2 <= len(one["shape"]) <= 4:
            features[one["name"]] = Feature(one["name"])
            continue
        shape = input_shape(one, graph, size, report)
        images = batch if shape[0] == batch.size else Atom(shape[0])
        features[one["name"]] = input_feature(one["name"], shape, graph["nodes"], images)
        if number == 0 and len(shape) == 4 and (size is not None or min(one["shape"][1:]) > 0):
            _, height, width, channels = features[one["name"]].own_shape
            meta = {"normalization": {"imageSize": (height, width, channels)}}
    values = {**graph["constants"], **features}
    builder = Builder(graph["opset"], inputs[0]["name"], values, read, report)
    for number, node in nodes:
        place = f"node {number} ({node['op']} {node['name']!r})"
        builder.add(node, place)
    for name in graph["outputs"]:
        builder.place_output(name)
    if not builder.nodes:
        raise ModelFormatError("no operator that computes something of the input", "a network", "", "graph")
    return Model(with_biases(builder.nodes, graph["outputs"]), meta, report)


def input_shape(one: Struct, graph: Struct, size: tuple[int, int] | None, report: list[Remark]) -> tuple[int, ...]:
    """Return the shape of an input, with sizes for what the file leaves open."""
    shape = list(one["shape"])
    place = f"graph.input {one['name']!r}"
    if not 2 <= len(shape) <= 4 or any(extent == 0 for extent in shape):
        raise ModelFormatError(f"an input of shape {shape}", "two, three or four axes, N x C x H x W", "", place)
    open_axes = [axis for axis in range(1, len(shape)) if shape[axis] < 0]
    last = begins_with_channels_last(one["name"], graph["nodes"])
    channel = 3 if last and len(shape) == 4 else 1
    if channel in open_axes:
        shape[channel] = first_channels(one["name"], graph)
        open_axes.remove(channel)
    if open_axes:
        wanted = size or FREE
        for axis, extent in zip([axis for axis in range(1, len(shape)) if axis != channel], wanted, strict=False):
            shape[axis] = extent if shape[axis] < 0 else shape[axis]
        if size is None:
            text = f"the file leaves the size of the input open: layers that depend on it are those for {FREE}"
            report.append(Remark("graph.input.imageSize", "warning", text, "refvis.load(path, size=(height, width))"))
    return max(1, shape[0]), *shape[1:]


def begins_with_channels_last(name: str, nodes: Sequence[Struct]) -> bool:
    """Return whether the only thing that happens to an input is a transpose from N x H x W x C."""
    readers = [node for node in nodes if name in node["inputs"]]
    return [(one["op"], one["attributes"].get("perm")) for one in readers] == [("Transpose", TO_CHANNELS_FIRST)]


def first_channels(name: str, graph: Struct) -> int:
    """Return the channels of an input by the filters of the convolution that reads it; 3 where there is none."""
    for node in graph["nodes"]:
        if node["op"] == "Conv" and node["inputs"][:1] == [name] and node["inputs"][1] in graph["constants"]:
            filters = graph["constants"][node["inputs"][1]]
            return int(filters.shape[1] * node["attributes"].get("group", 1))
    return 3


def input_feature(name: str, shape: tuple[int, ...], nodes: Sequence[Struct], batch: Atom) -> Feature:
    """Return the input of that name as a variable: N x C x H x W as N x H x W x C."""
    one = tuple((Atom(extent),) if extent > 1 else () for extent in shape[1:])
    n: tuple[Atom, ...] = (batch,)
    if len(shape) == 4 and begins_with_channels_last(name, nodes):
        return Feature(name, (n, *one), (n, *one))
    c, h, w = {2: (*one, (), ()), 3: (one[0], (), one[-1]), 4: one}[len(shape)]
    return Feature(name, (n, *one), (n, h, w, c))


def with_biases(nodes: Sequence[Node], outputs: Sequence[str]) -> tuple[Node, ...]:
    """Return the nodes, with the constants that are added after layers without biases as their biases.

    Exporters write a dense layer as a product and a sum.
    """
    readers: dict[str, int] = {}
    for node in nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    kept: dict[str, Node] = {}
    for node in nodes:
        before = kept.get(node.inputs[0])
        biases = None if before is None or readers[before.output] > 1 else as_biases(node, before)
        if biases is None or before is None or before.output in outputs:
            kept[node.output] = node
        else:
            del kept[before.output]
            kept[node.output] = replace(before, layer=replace(before.layer, biases=biases), outputs=node.outputs)
    return tuple(kept.values())


def as_biases(node: Node, before: Node) -> Any:
    """Return the offset of a Scale by 1 as the biases of the layer before it; None where it cannot be that."""
    layer = before.layer
    if not isinstance(layer, Conv | FullyConnected) or layer.biases is not None or not isinstance(node.layer, Scale):
        return None
    weights = layer.filters if isinstance(layer, Conv) else layer.weights
    scale, offset = node.layer.scale, node.layer.offset
    if weights is None or scale is None or offset is None or len(node.inputs) > 1 or not np.all(scale == 1):
        return None
    if offset.shape[-1] != offset.size or offset.size not in (1, len(weights)):
        return None
    return np.broadcast_to(offset.reshape(-1), len(weights)).copy()
