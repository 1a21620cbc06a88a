"""What a layer is written as in a simplenn file, and in a DagNN one. `writer_table` has a row for each type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.layers import Dropout, Loss, PairwiseDistance, Pool, ROIPool, Scale

Struct = dict[str, Any]


def nothing(layer: Any) -> Struct:
    """Return no fields."""
    return {}


@dataclass(frozen=True)
class Writer:
    """How a layer is written: its simplenn `type` and DagNN `block` ("" if there is none), its fields and arrays.

    `arrays` names the layer's arrays, each with the letter that its parameter's name ends in. A DagNN block has the
    `fields` under its own names (`renamed`) and those of `more`. `simplenn` tells whether a chain can hold the layer.
    """

    type: str
    block: str
    fields: Callable[[Any], Struct] = nothing
    arrays: tuple[tuple[str, str], ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    more: Callable[[Any], Struct] = nothing
    simplenn: Callable[[Any], bool] = lambda layer: True


def matlab_array(name: str, array: Any) -> Any:
    """Return a layer's array in MATLAB's layout: four axes with the first one last, moments as they are, else a column.

    Raises ValueError unless it is NumPy's, float32 or float64.
    """
    if not isinstance(array, np.ndarray) or array.dtype.name not in ("float32", "float64"):
        raise ValueError("parameters have to be NumPy arrays, float32 or float64: use net.to('numpy'), net.astype")
    if name == "biases":
        return array.reshape(1, -1)
    if array.ndim == 4:
        return array.transpose(1, 2, 3, 0)
    return array if array.ndim == 2 else array.reshape(-1, 1)


def filter_size(layer: Any) -> Struct:
    """Return the size of filters as a block has it, and whether there are biases."""
    size = (1, 1, 0, 0) if layer.filters is None else tuple(layer.filters.shape[axis] for axis in (1, 2, 3, 0))
    return {"size": size, "hasBias": layer.biases is not None}


def scale_size(layer: Scale) -> Struct:
    """Return the size of a factor in H x W x C x N."""
    array = layer.scale if layer.scale is not None else layer.offset
    size = (1, 1, 1, 1) if array is None else array.transpose(1, 2, 3, 0).shape
    return {"size": size}


def pool(layer: Pool) -> Struct:
    """Return pooling's fields."""
    return {"method": layer.method, "pool": layer.size, "stride": layer.stride, "pad": layer.pad, "opts": []}


def dropout(layer: Dropout) -> Struct:
    """Return dropout's fields."""
    if layer.mask is not None:
        raise ValueError("a model file holds no mask: use dataclasses.replace(layer, mask=None)")
    return {"rate": float(layer.rate)}


def loss(layer: Loss) -> Struct:
    """Return the fields of the loss block."""
    if layer.instance_weights is not None or not layer.normalise:
        raise ValueError("a model file holds no instance weights, and no loss that is not divided by N")
    options: list[Any] = ["topk", float(layer.topk)] if layer.topk != 5 else []
    options += ["threshold", float(layer.threshold)] if layer.threshold else []
    return {"loss": layer.kind, "opts": options}


def plain_loss(layer: Loss) -> bool:
    """Whether a loss is the one that simplenn knows."""
    return (layer.kind, layer.topk, layer.threshold) == ("softmaxlog", 5, 0.0)


def distance(layer: PairwiseDistance) -> Struct:
    """Return the fields of a distance."""
    weights = layer.instance_weights
    weights = matlab_array("weights", weights) if isinstance(weights, np.ndarray) else weights
    flags = {"noRoot": bool(layer.no_root), "aggregate": bool(layer.aggregate)}
    return {**flags, "p": layer.p, "epsilon": layer.epsilon, "instanceWeights": weights}


def roi_pool(layer: ROIPool) -> Struct:
    """Return the fields of the pooling of regions."""
    fields = {"method": layer.method, "subdivisions": layer.subdivisions, "flatten": bool(layer.flatten)}
    return {**fields, "transform": np.array(layer.transform, "float64")}


def grid(layer: Any) -> Struct:
    """Return the size of a grid."""
    return {"Ho": float(layer.height), "Wo": float(layer.width)}
