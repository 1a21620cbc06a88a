"""Reader of simplenn models of every era: nodes and meta, upgraded as MatConvNet's `vl_simplenn_tidy` does."""

from typing import Any

import numpy as np

from refvis.layers import (
    LRN,
    BatchNorm,
    Conv,
    ConvTranspose,
    Dropout,
    Loss,
    Node,
    NormOffset,
    Pool,
    PReLU,
    ReLU,
    Sigmoid,
    Softmax,
    SoftmaxLoss,
    SpatialNorm,
    Tanh,
)
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Tree
from refvis.weights.matconvnet.blocks import LABELLED, read_chained
from refvis.weights.matconvnet.fields import Fields, describe
from refvis.weights.matconvnet.meta import read_meta
from refvis.weights.matconvnet.model import Model, Remark


def read_simplenn(net: dict[str, Tree], place: str, report: list[Remark]) -> Model:
    """Return the simplenn struct `net`, which stands at `place` in its file, as a Model; remarks go to `report`.

    Variables are named x0 (the input), x1, ...; a loss takes the second input "label".
    Raises ModelFormatError for layers that make no sense.
    """
    prefix = f"{place}." if place else ""
    layers = net["layers"]
    layers = [layers] if isinstance(layers, dict) else layers
    if not isinstance(layers, list) or not layers:
        raise ModelFormatError(describe(layers), "a cell of layers", "", f"{prefix}layers")
    nodes: list[Node] = []
    taken: dict[str, int] = {}
    for index, layer in enumerate(layers):
        where = f"{prefix}layers{{{index + 1}}}"
        if not isinstance(layer, dict):
            raise ModelFormatError(describe(layer), "a struct with the field type", "", where)
        nodes.append(read_layer(Fields(layer, where, report), index, taken))
    channels = check_channels(nodes, prefix)
    return Model(tuple(nodes), read_meta(net, place, report, channels), report)


def read_layer(fields: Fields, index: int, taken: dict[str, int]) -> Node:
    """Return the node of the layer number `index` (from 0), with a name that is not in `taken`, where it is entered."""
    kind = fields.text("type")
    if kind is None:
        raise fields.error("type", "nothing", "the layer's type, such as 'conv'")
    name = read_name(fields, index, taken)
    layer = read_chained(kind, fields)
    fields.used.add("weights")
    if is_false(fields.values.get("precious")):
        fields.used.add("precious")
    if is_saved_rate(fields.values.get("learningRate")):
        fields.used.add("learningRate")
    fields.leftover()
    inputs = (f"x{index}", "label") if kind in LABELLED else (f"x{index}",)
    return Node(name, layer, inputs, (f"x{index + 1}",))


def is_false(value: Tree) -> bool:
    """Whether a value is a single false or 0."""
    return isinstance(value, np.ndarray) and value.size == 1 and not value.any()


def is_saved_rate(value: Tree) -> bool:
    """Whether a value is [1 1 0.1], the learning rates that batch normalisation is saved with."""
    return isinstance(value, np.ndarray) and value.size == 3 and value.ravel().tolist() == [1.0, 1.0, 0.1]


def read_name(fields: Fields, index: int, taken: dict[str, int]) -> str:
    """Return the layer's name, or layerN if it has none; a name that is taken gets a number.

    `taken` has the names so far, each with the last number that was tried for it; the new name is entered there.
    """
    given = fields.text("name")
    base = name = given or f"layer{index + 1}"
    if given is None:
        fields.remark("default", "name was absent, set to layer and its number", "name")
    while name in taken:
        taken[base] += 1
        name = f"{base}_{taken[base]}"
    if name != base:
        fields.remark("changed", f"a second layer named {base} was renamed {name}", "name")
    taken[name] = 1
    return name


KEEP_CHANNELS = (
    BatchNorm, Conv, Dropout, LRN, Loss, NormOffset, Pool, PReLU, ReLU, Sigmoid, Softmax, SoftmaxLoss, SpatialNorm,
    Tanh,
)  # fmt: skip
"""Types whose output has as many channels as their input; a Conv only if it has no filters."""


def check_channels(nodes: list[Node], prefix: str) -> int | None:
    """Return the channels of the output before any loss, or None; refuse a convolution that does not fit its input."""
    channels: int | None = None
    for index, node in enumerate(nodes):
        layer: Any = node.layer
        if isinstance(layer, ConvTranspose):
            channels = layer.channels
        elif type(layer) not in KEEP_CHANNELS:
            channels = None
        if not isinstance(layer, Conv) or layer.filters is None:
            continue
        count, depth = layer.filters.shape[0], layer.filters.shape[3]
        if channels is not None and (channels % depth or count % (channels // depth)):
            raise ModelFormatError(
                f"{count} filters of depth {depth}",
                f"a depth that fits the {channels} channels of the layer before",
                "the file is damaged, or its layers were edited",
                f"{prefix}layers{{{index + 1}}}.weights{{1}}",
            )
        channels = count
    return channels
