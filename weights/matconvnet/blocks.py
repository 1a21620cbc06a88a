"""One function for each layer type of a simplenn file: the struct's fields -> a layer. TYPES is the table of them.

Old files (before MatConvNet 1.0-beta12 or so) hold `filters` and `biases` where newer ones hold `weights`; absent
fields get the defaults of `vl_simplenn_tidy`.
"""

from collections.abc import Callable
from typing import Any

from refvis.layers import LRN, Conv, Dropout, Loss, Pool, ReLU, Sigmoid, Softmax, SoftmaxLoss, Unknown
from refvis.layers.graph.registry import BY_NAME
from refvis.weights.errors import ModelFormatError
from refvis.weights.matconvnet import more_blocks as more
from refvis.weights.matconvnet.fields import Fields, is_empty
from refvis.weights.matconvnet.meta import plain
from refvis.weights.matconvnet.parameters import flat, geometry, parameters, restored_filters


def conv(fields: Fields) -> Conv:
    """Return a convolution."""
    filters, biases = parameters(fields, ("filters", "biases"))
    filters = restored_filters(fields, filters)
    if biases is not None:
        biases = fields.once(biases, flat)
        if filters is not None and biases.size != len(filters):
            raise fields.error("weights{2}", f"{biases.size} biases", f"one for each of the {len(filters)} filters")
    pad, stride, dilate = geometry(fields, "pad", 0), geometry(fields, "stride", 1), geometry(fields, "dilate", 1)
    return Conv(filters, biases, stride, pad, dilate)


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


def loss(make: Callable[[Fields], Any]) -> Callable[[Fields], Any]:
    """Return the reader of a loss layer; it drops the labels of the last training batch that stay in the file."""

    def read(fields: Fields) -> Any:
        if not is_empty(fields.take("class") if "class" in fields.values else []):
            fields.remark("ignored", "labels of the last training batch", "class")
        return make(fields)

    return read


def unknown(fields: Fields, what: str = "") -> Unknown:
    """Return a layer without an implementation (`what`: said in the remark); it keeps all its fields."""
    kind = fields.values["type"]
    fields.remark("warning", f"{what or f'layers of type {kind!r}'} are shown but cannot be run", "type")
    fields.used.update(fields.values)
    return Unknown(kind, {name: value for name, value in fields.values.items() if name not in ("type", "name")})


def registered(kind: str) -> Callable[[Fields], Any] | None:
    """Return the reader for a layer type or block class that a user registered, None if there is none."""
    found = BY_NAME.get(kind.removeprefix("dagnn."))
    if found is None:
        return None

    def read(fields: Fields) -> Any:
        fields.used.update(fields.values)
        kept = {name: value for name, value in fields.values.items() if name not in ("type", "name")}
        try:
            return found.build({name: value if name == "weights" else plain(value) for name, value in kept.items()})
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise fields.error("", f"the registered build function ended in {what}", "fields that it knows") from error

    return read


def made(read: Callable[[Fields], Any], fields: Fields) -> Any:
    """Return the layer that `read` makes of the fields; what the layer itself refuses is a ModelFormatError."""
    try:
        return read(fields)
    except ModelFormatError:
        raise
    except ValueError as error:
        raise fields.error("", str(error), f"fields of a sound {fields.values['type']} layer") from error


TYPES: dict[str, Callable[[Fields], Any]] = {
    "conv": conv,
    "pool": pool,
    "relu": relu,
    "lrn": lrn,
    "normalize": lrn,
    "softmax": lambda fields: Softmax(),
    "sigmoid": lambda fields: Sigmoid(),
    "dropout": dropout,
    "bnorm": more.batch_norm,
    "convt": more.conv_transpose,
    "spnorm": more.spatial_norm,
    "noffset": more.norm_offset,
    "normalizelp": more.normalize_lp,
    "pdist": loss(more.distance),
    "softmaxloss": loss(lambda fields: SoftmaxLoss()),
    "loss": loss(lambda fields: Loss("softmaxlog")),
}
"""Layer type -> the function that reads it; what is not here is read by `unknown`."""

LOSSES = ("softmaxloss", "loss", "pdist")
"""Types with a second input: labels, or what the distance is taken from."""
