"""One function for each layer type of a simplenn file: the struct's fields -> a layer. TYPES is the table of them.

Old files (before MatConvNet 1.0-beta12 or so) hold `filters` and `biases` where newer ones hold `weights`; absent
fields get the defaults of `vl_simplenn_tidy`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.layers import LRN, Conv, Dropout, Loss, Pool, ReLU, Sigmoid, Softmax, SoftmaxLoss, Unknown
from refvis.weights.fields import Fields, describe, is_empty
from refvis.weights.tree import Tree


def conv(fields: Fields) -> Conv:
    """Return a convolution."""
    filters, biases = parameters(fields, ("filters", "biases"))
    filters = restore_filters(fields, filters)
    if biases is not None:
        biases = biases.reshape(-1, order="F")
        if filters is not None and biases.size != len(filters):
            raise fields.error("weights{2}", f"{biases.size} biases", f"one for each of the {len(filters)} filters")
    pad, stride, dilate = geometry(fields, "pad", 0), geometry(fields, "stride", 1), geometry(fields, "dilate", 1)
    return Conv(filters, biases, stride, pad, dilate)


def restore_filters(fields: Fields, filters: Any) -> Any:
    """Return filters of FH x FW x C x K (MATLAB drops trailing axes of 1) as K x FH x FW x C, contiguous."""
    if filters is None:
        return None
    if filters.ndim > 4:
        raise fields.error("weights{1}", describe(filters), "at most four axes, FH x FW x C x K")
    filters = filters.reshape(filters.shape + (1,) * (4 - filters.ndim))
    return np.ascontiguousarray(filters.transpose(3, 0, 1, 2))


def parameters(fields: Fields, old_names: tuple[str, ...]) -> list[Any]:
    """Return a layer's arrays, None for those absent or empty, from `weights` or the fields of older files."""
    weights = fields.take("weights")
    if weights is None:
        if old_names[0] not in fields.values:
            raise fields.error("", "neither weights nor filters", "a cell weights = {filters, biases}")
        weights = [fields.take(name) for name in old_names]
        places = list(old_names)
        fields.remark("changed", f"the older fields {' and '.join(old_names)} were read as weights")
    else:
        if not isinstance(weights, list):
            raise fields.error("weights", describe(weights), "a cell {filters, biases}")
        places = [f"weights{{{i + 1}}}" for i in range(max(len(weights), len(old_names)))]
    if len(weights) > len(old_names):
        fields.remark("ignored", f"{len(weights)} arrays, of which {len(old_names)} are used", "weights")
    if not weights or is_empty(weights[0] if weights[0] is not None else []):
        fields.remark("warning", "no filters: each channel passes through", places[0])
    arrays = [parameter(fields, value, place) for value, place in zip(weights, places, strict=False)]
    return (arrays + [None] * len(old_names))[: len(old_names)]


def parameter(fields: Fields, value: Tree | None, place: str) -> Any:
    """Return one array of weights, float32 or float64 as stored; None where there is none."""
    if value is None or is_empty(value):
        return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise fields.error(place, describe(value), "an array of real single or double numbers")
    if value.dtype.kind != "f":
        fields.remark("changed", f"{value.dtype} was made float32", place)
        value = value.astype("float32")
    bad = value.size - int(np.isfinite(value).sum())
    if bad:
        fields.remark("warning", f"{bad} of {value.size} numbers are NaN or infinite", place)
    return value


def geometry(fields: Fields, name: str, default: int) -> Any:
    """Return a geometry field as one number or a tuple of them, whole."""
    values = fields.numbers(name, (default,), (1, 2, 4) if name == "pad" else (1, 2))
    whole = tuple(int(value) for value in values)
    if whole != values:
        raise fields.error(name, f"{values}", "whole numbers")
    return whole[0] if len(whole) == 1 else whole


def pool(fields: Fields) -> Pool:
    """Return pooling; its method, where absent, is max."""
    if "pool" not in fields.values:
        raise fields.error("pool", "nothing", "the window's size")
    method = fields.text("method")
    if method is None:
        fields.remark("default", "method was absent, set to max", "method")
    return Pool(geometry(fields, "pool", 1), geometry(fields, "stride", 1), geometry(fields, "pad", 0), method or "max")


def lrn(fields: Fields) -> LRN:
    """Return local response normalisation (`lrn`, and `normalize` in older files)."""
    size, kappa, alpha, beta = fields.numbers("param", (5.0, 1.0, 2e-5, 0.75), (4,))
    return LRN(int(size) if size == int(size) else size, kappa, alpha, beta)  # type: ignore[arg-type]  # LRN refuses 2.5


def relu(fields: Fields) -> ReLU:
    """Return a ReLU, leaky where the file says so."""
    return ReLU(fields.number("leak", 0))


def dropout(fields: Fields) -> Dropout:
    """Return dropout."""
    return Dropout(fields.number("rate", 0.5))


def loss(make: Callable[[], Any]) -> Callable[[Fields], Any]:
    """Return the reader of a loss layer; it drops the labels of the last training batch that stay in the file."""

    def read(fields: Fields) -> Any:
        if not is_empty(fields.take("class") if "class" in fields.values else []):
            fields.remark("ignored", "labels of the last training batch", "class")
        return make()

    return read


def unknown(fields: Fields) -> Unknown:
    """Return a layer of a type without an implementation: it keeps all its fields."""
    kind = fields.values["type"]
    fields.remark("warning", f"layers of type {kind!r} are shown but cannot be run", "type")
    fields.used.update(fields.values)
    return Unknown(kind, {name: value for name, value in fields.values.items() if name not in ("type", "name")})


TYPES: dict[str, Callable[[Fields], Any]] = {
    "conv": conv,
    "pool": pool,
    "relu": relu,
    "lrn": lrn,
    "normalize": lrn,
    "softmax": lambda fields: Softmax(),
    "sigmoid": lambda fields: Sigmoid(),
    "dropout": dropout,
    "softmaxloss": loss(SoftmaxLoss),
    "loss": loss(lambda: Loss("softmaxlog")),
}
"""Layer type -> the function that reads it; what is not here is read by `unknown`."""

LOSSES = ("softmaxloss", "loss")
"""Types with a second input, the labels."""
