"""Networks -> MatConvNet model files in the layout that `vl_simplenn_tidy` leaves them in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from refvis.layers import (
    LRN,
    Conv,
    Dropout,
    FullyConnected,
    Loss,
    Node,
    Pool,
    ReLU,
    Sigmoid,
    Softmax,
    SoftmaxLoss,
    Unknown,
    title,
)
from refvis.weights.write import write_v5

Struct = dict[str, Any]


def save_simplenn(nodes: Sequence[Node], meta: dict[str, Any], path: str | Path) -> None:
    """Write a chain of nodes and its `meta` as the variable `net` of a v5 .mat file, whole or not at all.

    Reading it gives the same layers and weights, bit for bit; variables are then named x0, x1, ...
    Raises ValueError for a network that is no chain, and for layers that simplenn has no word for.
    """
    check_chain(nodes)
    layers = [tidied(node) for node in nodes]
    write_v5(path, {"net": {"layers": layers, "meta": tidied_meta(meta)}})


def check_chain(nodes: Sequence[Node]) -> None:
    """Raise ValueError unless every node reads the one before it (a loss: labels too), and nothing else."""
    if not nodes:
        raise ValueError("the network has no layers, expected at least one")
    for before, node in zip((None, *nodes), nodes, strict=False):
        expected = None if before is None else before.outputs[0]
        extra = 1 if isinstance(node.layer, (Loss, SoftmaxLoss)) else 0
        if len(node.inputs) != 1 + extra or (expected is not None and node.inputs[0] != expected):
            wanted = "one input" if expected is None else f"only {expected!r}"
            raise ValueError(
                f"a simplenn file holds a chain only, but layer {node.name!r} reads "
                f"{', '.join(map(repr, node.inputs))}, "
                f"expected {wanted}{' and labels' if extra else ''}"
            )


def tidied(node: Node) -> Struct:
    """Return the struct of one layer."""
    if type(node.layer) not in WRITERS:
        advice = ": make it a Conv with filters as big as its input" if isinstance(node.layer, FullyConnected) else ""
        raise ValueError(f"layer {node.name!r} ({title(node.layer)}) cannot be written to a simplenn file{advice}")
    try:
        fields = WRITERS[type(node.layer)](node.layer)
    except ValueError as error:
        raise ValueError(f"layer {node.name!r} ({title(node.layer)}): {error}") from error
    # An unknown layer keeps exactly what it had.
    common = {} if isinstance(node.layer, Unknown) else {"weights": [], "precious": False}
    return {"type": fields.pop("type"), "name": node.name, **common, **fields}


def tidied_meta(meta: dict[str, Any]) -> Struct:
    """Return meta with the average colour (C numbers) as MATLAB's 1 x 1 x C."""
    normalization = meta.get("normalization")
    average = normalization.get("averageImage") if isinstance(normalization, dict) else None
    if isinstance(average, np.ndarray) and average.ndim == 1:
        return {**meta, "normalization": {**meta["normalization"], "averageImage": average.reshape(1, 1, -1)}}
    return meta


def conv(layer: Conv) -> Struct:
    """Return a convolution's fields; filters FH x FW x C x K, biases 1 x K, [] where absent."""
    filters = stored(layer.filters)
    filters = np.zeros((0, 0), "float32") if filters is None else filters.transpose(1, 2, 3, 0)
    biases = stored(layer.biases)
    biases = np.zeros((0, 0), filters.dtype) if biases is None else biases.reshape(1, -1)
    geometry = {"pad": layer.pad, "stride": layer.stride, "dilate": layer.dilate}
    return {"type": "conv", "weights": [filters, biases], **geometry, "opts": []}


def stored(array: Any) -> Any:
    """Return `array` if it is NumPy's and float32 or float64 (or None), or raise ValueError."""
    if array is not None and (not isinstance(array, np.ndarray) or array.dtype.name not in ("float32", "float64")):
        raise ValueError("parameters have to be NumPy arrays, float32 or float64: use net.to('numpy'), net.astype")
    return array


def pool(layer: Pool) -> Struct:
    """Return pooling's fields."""
    geometry = {"pool": layer.size, "stride": layer.stride, "pad": layer.pad}
    return {"type": "pool", "method": layer.method, **geometry, "opts": []}


def dropout(layer: Dropout) -> Struct:
    """Return dropout's fields."""
    if layer.mask is not None:
        raise ValueError("a model file holds no mask: use dataclasses.replace(layer, mask=None)")
    return {"type": "dropout", "rate": float(layer.rate)}


def loss(layer: Loss) -> Struct:
    """Return the fields of the loss; simplenn has but one kind, MatConvNet's default."""
    kind = layer.kind, layer.topk, layer.threshold, layer.instance_weights, layer.normalise
    if kind != ("softmaxlog", 5, 0.0, None, True):
        raise ValueError("simplenn knows Loss('softmaxlog') with default options only")
    return {"type": "loss"}


def unknown(layer: Unknown) -> Struct:
    """Return the fields that the file gave."""
    return {"type": layer.type, **layer.fields}


WRITERS: dict[type, Callable[[Any], Struct]] = {
    Conv: conv,
    Pool: pool,
    ReLU: lambda layer: {"type": "relu", "leak": float(layer.leak)},
    LRN: lambda layer: {"type": "lrn", "param": (layer.size, layer.kappa, layer.alpha, layer.beta)},
    Softmax: lambda layer: {"type": "softmax"},
    Sigmoid: lambda layer: {"type": "sigmoid"},
    Dropout: dropout,
    SoftmaxLoss: lambda layer: {"type": "softmaxloss"},
    Loss: loss,
    Unknown: unknown,
}
"""Layer type -> the function that gives its fields."""
