"""Networks: the engine's graph with its meta data, its load report, images in and labels out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from refvis.endings import is_softmax, reads_classes, scores_of
from refvis.layers import (
    Array,
    Conv,
    ConvTranspose,
    Graph,
    Layer,
    Node,
    Softmax,
    Trace,
    array_module,
    forward,
    title,
)
from refvis.layers import chain as chain_nodes
from refvis.layers.base.arrays import moved, require_finite, to_host
from refvis.layers.base.memory_limit import require_memory
from refvis.layers.graph.nodes import label_of
from refvis.layers.graph.not_finite import finite_trace
from refvis.warn import warn_caller
from refvis.weights import LoadReport, Remark
from refvis.weights.matconvnet.stored_sizes import stored_size

if TYPE_CHECKING:
    from refvis.images.preparation import Preparation
    from refvis.images.preprocessing import ImageLike

PREPARED, ITEM = 4, 4
"""How many arrays of the size of an input are held while one is prepared, and the bytes of a float32 number."""

WHITE, OVERSHOOT = 255.0, 32.0
"""The value of white, and how far resizing may go beyond it."""


class OptionError(ValueError):
    """An error that an option mends, which has one name in Python, ``at=``, and another in commands, ``--at``.

    `command_text` is the message with the command's option.
    """

    def __init__(self, what: str, advice: str, option: str) -> None:
        """Take what is wrong, the advice with {} in place of the option, and the option's name."""
        super().__init__(f"{what}: {advice.format(f'{option}=')}")
        self.command_text = f"{what}: {advice.format(f'--{option}')}"


class NoClassesError(ValueError):
    """The error of `Network.classify` for a network whose scores are no classes; `reason` says why."""

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(f"the network has no classes to list: {reason}; net.forward(x) gives the values")
        self.reason = reason


@dataclass(frozen=True, eq=False, repr=False)
class Network(Graph):
    """A graph of layers with what a file says about it and about its images.

    Fields:

        nodes        the layers in order of execution, `refvis.Node`s
        meta         "normalization", "classes" and other data of the file, as plain Python values; default: {}
        load_report  a remark for every default that loading filled in, and for all that it ignored or changed, warnings
                     first; a `LoadReport`, of which printing groups remarks that say the same
        name         the name in titles and records; default: "network"
        stored       names of a DagNN file's layers in the file's order; () for all other networks

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> net
    Network('scenes': 23 layers, x0 -> x23)
    >>> net.input_size, net.channels, net.label(3)
    ((64, 64), 3, 'key')
    >>> from refvis.scenes import scene
    >>> net.forward(net.preprocess(scene(7).image)).output.shape
    (1, 1, 1, 10)
    """

    meta: dict[str, Any] = field(default_factory=dict)
    load_report: tuple[Remark, ...] = LoadReport()
    name: str = "network"
    stored: tuple[str, ...] = ()

    @property
    def stored_nodes(self) -> tuple[Node, ...]:
        """The nodes in the order of their file, then those that are not from the file, as MatConvNet adds layers."""
        place = {name: number for number, name in enumerate(self.stored)}
        return tuple(sorted(self.nodes, key=lambda node: place.get(node.name, len(place))))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the wiring, all layers' fields and all parameters, without the meta data.

        It identifies the network, however it was stored.
        """
        digest = sha256()
        for node in self.nodes:
            digest.update(repr((node.name, type(node.layer).__name__, node.inputs, node.outputs)).encode())
            for one in fields(node.layer):
                digest.update(_field_bytes(one.name, getattr(node.layer, one.name)))
        return digest.hexdigest()

    @cached_property
    def library(self) -> str:
        """The array library of the parameters, "numpy" or "cupy"; "numpy" for a network without parameters."""
        values = (getattr(node.layer, one.name) for node in self.nodes for one in fields(node.layer))
        first = next((value for value in values if hasattr(value, "dtype")), None)
        return str(array_module(first).__name__)

    @property
    def normalization(self) -> dict[str, Any]:
        """``meta["normalization"]``, or {} if there is none."""
        normalization = self.meta.get("normalization")
        return normalization if isinstance(normalization, dict) else {}

    @cached_property
    def channels(self) -> int | None:
        """Channels of the input, by the meta data or by the first convolution; None if unknown."""
        size = self.normalization.get("imageSize")
        if size is not None and len(size) >= 3 and size[2] >= 1:
            return int(size[2])
        first = next((node.layer for node in self.nodes if self.inputs[0] in node.inputs), None)
        if isinstance(first, Conv) and first.filters is not None:
            return int(first.filters.shape[3])
        size = stored_size(self.meta, self.inputs[0])
        return size[2] if size is not None and len(size) >= 3 and size[2] >= 1 else None

    @cached_property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width of the input in pixels, by the meta data; None if they do not say.

        They say it in normalization.imageSize, inputSize, inputs, or by the size of the average image.
        """
        size = stored_size(self.meta, self.inputs[0])
        average = self.normalization.get("averageImage")
        if size is None and isinstance(average, np.ndarray) and average.ndim == 3 and max(average.shape[:2]) > 1:
            size = average.shape
        return None if size is None else (size[0], size[1])

    @property
    def preparation(self) -> "Preparation":
        """How `preprocess` makes inputs of pixels: x = (pixels * factor - average) / std.

        An average image of another size than the input's is resized to it, as MatConvNet's evaluation does.
        """
        from refvis.images.preparation import Preparation

        return Preparation.of(self.normalization).fitted(self.input_size)

    def preprocess(self, image: "ImageLike") -> Array:
        """Return an image as the network's input, 1 x H x W x C float32, prepared as MatConvNet's examples do.

        `image` is a path, a PIL image, or an H x W x 3 (or H x W) array of values 0 ... 255. It is resized to
        ``imageSize`` of the meta data (bicubic with antialiasing, the aspect ratio is not kept), and becomes
        x = (image * imageFactor - averageImage) / imageStd. Without these entries the image keeps its size, or that
        step is left out. The result is in the array library of the network's parameters.

        With ``imageCrop`` (``with_images(crop=True)``) the centre of the image is cut out before, by the entries
        cropSize and keepAspect, as MatConvNet's evaluation on ImageNet does (`refvis.images.cut_centre`).

        Raises FileNotFoundError for a missing file, ValueError for anything that is not an image, for NaN, and if the
        average image does not fit, and MemoryLimitError if an input of ``imageSize`` takes too much memory. Warns of
        floats that all lie between -1 and 1, as their white may be 1.
        """
        from refvis import images

        self.require_input_memory()
        pixels = images.pixels(image, self.channels)
        if self.normalization.get("imageCrop") and self.input_size is not None:
            keep = self.normalization.get("keepAspect")
            pixels = images.cut_centre(pixels, self.input_size, self._share, keep is None or bool(keep))
        pixels = images.resize(pixels, self.input_size, self._interpolation)
        return moved(self.preparation.prepare(pixels)[None], self.library)

    def require_input_memory(self, size: tuple[int, int] | None = None, count: int = 1) -> None:
        """Raise MemoryLimitError if `count` inputs of a size need more than the memory limit; default: the model's own.

        Preparing an input takes about as much memory as `PREPARED` inputs.
        """
        size = size or self.input_size
        if size is not None:
            depth = self.channels or 1
            what = f"{count:,} input(s) of {size[0]} x {size[1]} pixels and {depth} channels need"
            require_memory(what, PREPARED * ITEM * count * size[0] * size[1] * depth, "give a smaller size")

    def warn_of_raw_pixels(self, x: Array) -> None:
        """Warn if the input `x` (N x H x W x C) looks like pixels from which the average image was not subtracted.

        Such an input has no negative value, and as a picture it is brighter than white. The same for pixels that were
        not scaled.
        """
        preparation = self.preparation
        if not preparation.is_known or x.dtype.kind != "f" or float(x.min()) < 0:
            return
        average = 0 if preparation.average is None else float(np.asarray(preparation.average).min())
        std = 1 if preparation.std is None else float(np.asarray(preparation.std).min())
        if (float(to_host(x).max()) * std + average) / preparation.factor > WHITE + OVERSHOOT:
            missing = (
                "that were not scaled" if preparation.is_scaled else "from which the average image was not subtracted"
            )
            warn_caller(
                f"the input lies in {float(x.min()):.4g} ... {float(x.max()):.4g}: it looks like pixels 0 ... 255 "
                f"{missing}; net.preprocess(image) makes an input"
            )

    def restore(self, x: Array) -> Array:
        """Return input `x` (1 x H x W x C) as a picture, H x W x 3 uint8: the inverse of `preprocess`."""
        return self.preparation.picture(x)

    def with_images(
        self,
        size: tuple[int, int] | None = None,
        average: Array | None = None,
        classes: Sequence[str] | None = None,
        *,
        factor: float | None = None,
        std: Any = None,
        crop: bool | None = None,
    ) -> Self:
        """Return the network with the preprocessing and class names that its file does not store; `save` keeps them.

        Parameters:

            size      the input's height and width in pixels; it becomes meta.normalization.imageSize
            average   what `preprocess` subtracts, H x W x C or one value per channel; averageImage
            classes   the names of the outputs, in order; meta.classes
            factor    what `preprocess` multiplies pixels by, before it subtracts; 1/255 for inputs 0 ... 1; imageFactor
            std       what `preprocess` divides by, after it subtracts: a number, or as `average`; imageStd
            crop      whether `preprocess` cuts out the centre by cropSize and keepAspect first; imageCrop

        None leaves an entry as it is. Together: x = (pixels * factor - average) / std, with pixels of 0 ... 255.
        Raises ValueError unless factor and std are positive numbers, for an average image of another size than the
        input's, and for `crop` without an input size.

        >>> import numpy as np
        >>> import refvis
        >>> net = refvis.chain({"relu": refvis.layers.ReLU()})
        >>> net = net.with_images(factor=1/255, average=[0.5, 0.5, 0.5], std=0.25)
        >>> net.preprocess(np.full((1, 1, 3), 255, "uint8")).ravel()
        array([2., 2., 2.], dtype=float32)
        """
        given: dict[str, Any] = {}
        if average is not None:
            given["averageImage"] = _fitting(average, size or stored_size(self.meta, self.inputs[0]))
        if size is not None:
            given["imageSize"] = (*size, self.channels or 3)
        if factor is not None:
            given["imageFactor"] = float(_positive(factor, "factor", "a positive number", most=1).item())
        if std is not None:
            given["imageStd"] = np.atleast_1d(_positive(std, "std", "positive numbers").astype("float32"))
        if crop is not None:
            given["imageCrop"] = bool(crop)
        if crop and size is None and self.input_size is None:
            raise ValueError("crop needs an input size, which the model does not store: give size=(height, width)")
        normalization = self.normalization | given
        names = {} if classes is None else {"classes": {"name": list(classes), "description": list(classes)}}
        answered = {*given} if "imageFactor" in normalization or average is None else {*given, "imageFactor"}
        answered |= set() if crop is None else {"cropSize", "keepAspect"}
        report = LoadReport(one for one in self.load_report if one.place.rpartition(".")[2] not in answered)
        return replace(self, meta=self.meta | {"normalization": normalization} | names, load_report=report)

    def __repr__(self) -> str:
        """Return one line: the name, the number of layers, inputs and outputs."""
        return (
            f"Network({self.name!r}: {len(self.nodes)} layers, {', '.join(self.inputs)} -> {', '.join(self.outputs)})"
        )

    @property
    def labels(self) -> list[str] | None:
        """The descriptions of the classes, or their names; None if there are none.

        A description that has not one text for each name describes the data, not the classes.
        """
        classes = self.meta.get("classes")
        if not isinstance(classes, dict):
            return None
        names: list[str] | None = classes.get("name")
        descriptions: list[str] | None = classes.get("description")
        if not names:
            return descriptions if descriptions and len(descriptions) > 1 else None
        return descriptions if descriptions and len(descriptions) == len(names) else names

    def labels_at(self, variable: str) -> list[str]:
        """Return the names of the variable's channels: the classes for the scores and their softmax, [] for others."""
        below = next((node.inputs[0] for node in self.nodes if is_softmax(node) and node.output == variable), variable)
        return (self.labels or []) if set(self._all_scores) == {below} else []

    def channel_name(self, variable: str, channel: int) -> str:
        """Return the name of a variable's channel (K, counted from 0) for a person.

        It is the label of the class; without labels "class K" if softmax or a loss of classes reads the variable, and
        "channel K of LAYER" otherwise, since the scores of a detector or a denoiser are no classes.

        >>> import refvis
        >>> net = refvis.load("scenes")
        >>> net.channel_name(net.scores, 3), net.channel_name(net.variable("relu1"), 3)
        ('key', 'channel 3 of relu1 (x2)')
        """
        labels = self.labels_at(variable)
        if channel < len(labels):
            return labels[channel]
        if self._is_read_as_classes(variable):
            return f"class {channel}"
        return f"channel {channel} of {label_of(self.nodes, variable)}"

    def label(self, channel: int) -> str:
        """Return the label of an output channel, or "class K" (K counted from 0) if it has none."""
        labels = self.labels
        return labels[channel] if labels is not None and channel < len(labels) else f"class {channel}"

    @cached_property
    def scores(self) -> str:
        """Name of the variable with the scores; ValueError if there are several.

        It is the output before softmax and losses. Losses are those of MatConvNet, a distance from an input of the
        network (its labels), a layer without implementation that ends the network, and sums of these.
        """
        scores = self._all_scores
        if len(scores) != 1:
            raise OptionError(f"the network has several outputs ({', '.join(scores)})", "name one with {}", "at")
        return scores[0]

    def classify(self, image: "ImageLike", top: int = 5, *, at: str | None = None) -> list[tuple[str, float]]:
        """Return the `top` most probable classes as (label, probability), the most probable first.

        Parameters:

            image  anything that `preprocess` takes, or a prepared input (1 x H x W x C)
            top    the number of classes. Default: 5
            at     layer or variable with the scores, or with their softmax. Default: the scores of the network

        Probabilities are the softmax of the scores. An image larger than the network's input size gives scores at
        several positions; they are averaged first. Raises the errors of `preprocess`, and ValueError for several
        outputs, for a network without classes (see `lacks_classes`), and for scores that are NaN or infinite.
        """
        variable = self.scores if at is None else self.upto(at).scores
        x = image if getattr(image, "ndim", 0) == 4 else self.preprocess(image)
        _, trace = self.checked_trace(variable, x)
        reason = self.lacks_classes(variable, trace[variable].shape)
        if reason:
            raise NoClassesError(reason)
        scores = trace[variable][:1].mean(axis=(1, 2), keepdims=True)
        probabilities = forward(Softmax(), scores)[0, 0, 0]
        order = (-probabilities).argsort()[:top]
        named = at is None or self._has_names(variable, scores.shape[3])
        return [(self.label(int(k)) if named else f"class {k}", float(probabilities[k])) for k in order]

    def checked_trace(self, variable: str, x: Array) -> tuple[Self, Trace]:
        """Return the network up to a variable, and the trace of an input `x` (N x H x W x C) through it.

        Raises ValueError for values that are NaN or infinite, in `x` or on the way: it names the layer where they
        appear, even if later layers hide them; and if the layer that writes the variable has no implementation. Warns
        of an input that looks like raw pixels.
        """
        require_finite(x)
        self.warn_of_raw_pixels(x)
        cut = self.upto(variable)
        trace = finite_trace(cut, x)
        if variable not in trace:
            writer = next(node for node in cut.nodes if node.output == variable)
            what = f"layer {writer.name!r} ({title(writer.layer)}) has no implementation"
            raise OptionError(what, "name a layer before it with {}, or register one", "at")
        return cut, trace

    def lacks_classes(self, variable: str, shape: tuple[int, ...]) -> str:
        """Return why the channels of a variable of that shape are no classes of the image; "" if they are.

        Classes have names, or are read by softmax or by a loss of classes. There are at least two of them, and one
        position where the input has the network's own size: more are a map.
        """
        name = label_of(self.nodes, variable)
        if shape[3] == 1:
            return f"{name} has a single channel"
        if not self._has_names(variable, shape[3]) and not self._is_read_as_classes(variable):
            return (
                f"the {shape[3]} channels of {name} have no names, and neither softmax nor a loss of classes reads them"
            )
        height, width = self._own_positions(variable, shape)
        return f"{name} is a map of {height} x {width} positions" if height * width > 1 else ""

    def ending_at(self, at: str, shape: tuple[int, ...]) -> Self:
        """Return the network up to the scores of a layer or variable, and what makes classes of them.

        `shape` is that of the input. The names of classes are kept if they are those of the layer's channels.
        """
        variable = self.upto(at).scores
        reader = next((one for one in self.nodes if one.inputs[0] == variable and reads_classes(one)), None)
        cut = self.upto(variable if reader is None else reader.output)
        channels = cut.shapes(**{cut.inputs[0]: shape}).get(variable, (0,))[-1]
        if self._has_names(variable, channels):
            return cut
        return replace(cut, meta={name: value for name, value in self.meta.items() if name != "classes"})

    def _has_names(self, variable: str, channels: int) -> bool:
        """Return whether the names of the classes are those of a variable's channels.

        Several outputs may have different numbers of channels: those that have as many as there are names.
        """
        alone = len(self._all_scores) == 1
        return variable in self._all_scores and self.labels is not None and (alone or len(self.labels) == channels)

    def _is_read_as_classes(self, variable: str) -> bool:
        """Return whether softmax or a loss of classes reads a variable, or writes it."""
        reading = [node for node in self.nodes if reads_classes(node)]
        return any(variable in (node.inputs[0], node.output) for node in reading)

    def _own_positions(self, variable: str, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the positions of a variable at the network's own input size; if unknown, (1, 1) without upsampling."""
        cut = self.upto(variable)
        if self.input_size is not None and self.channels is not None and len(cut.inputs) == 1:
            shape = cut.shapes(**{cut.inputs[0]: (1, *self.input_size, self.channels)})[variable]
        elif not any(isinstance(node.layer, ConvTranspose) for node in cut.nodes):
            return 1, 1
        return shape[1], shape[2]

    @property
    def _interpolation(self) -> str:
        return str(self.normalization.get("interpolation") or "bicubic")

    @property
    def _share(self) -> tuple[float, float]:
        """The shares of the height and width that cropSize keeps; 1 where it is absent or no share."""
        share = np.ravel(self.normalization.get("cropSize", 1.0)).tolist()
        known = 1 <= len(share) <= 2 and all(isinstance(part, int | float) and 0 < part <= 1 for part in share)
        return (float(share[0]), float(share[-1])) if known else (1.0, 1.0)

    @cached_property
    def _all_scores(self) -> tuple[str, ...]:
        return scores_of(self)


def _fitting(average: Any, size: tuple[int, ...] | None) -> Array:
    """Return an average as float32; raise ValueError for an image of another height or width than the input's."""
    values = np.asarray(average, "float32")
    if size is not None and values.ndim == 3 and values.shape[:2] not in ((1, 1), size[:2]):
        raise ValueError(
            f"average is {' x '.join(map(str, values.shape))} and the input {size[0]} x {size[1]}: "
            "expected equal height and width, or one value per channel"
        )
    return values


def require_network(net: Any) -> None:
    """Raise TypeError unless `net` is a network; methods ask before they use it."""
    if not isinstance(net, Network):
        advice = (
            " (refvis.layers.chain makes the nodes only: use refvis.chain)" if isinstance(net, tuple | list) else ""
        )
        raise TypeError(f"the network is a {type(net).__name__}, expected a refvis.Network{advice}")


def _positive(value: Any, name: str, expected: str, most: int | None = None) -> Any:
    """Return positive numbers, at most so many, as a float64 array; raise ValueError, which says what is expected."""
    numbers = np.asarray(value, "float64")
    too_many = most is not None and numbers.size > most
    if numbers.size == 0 or too_many or not (np.isfinite(numbers) & (numbers > 0)).all():
        raise ValueError(f"{name} is {value!r}, expected {expected}")
    return numbers


def chain(layers: dict[str, Layer], meta: dict[str, Any] | None = None, name: str = "network") -> Network:
    """Return a chain of layers, by name, as a network; each layer reads the output of the one before it.

    Variables are called x0 (the input), x1, x2, ..., as in MatConvNet's simplenn models. `meta` and `name` are those of
    `Network`. Raises ValueError for an empty chain.

    >>> import numpy as np
    >>> import refvis
    >>> from refvis.layers import Conv, ReLU
    >>> net = refvis.chain({"conv1": Conv(np.ones((2, 3, 3, 1))), "relu1": ReLU()})
    >>> net.forward(np.ones((1, 5, 5, 1))).output.shape
    (1, 3, 3, 2)
    >>> net.node("relu1").inputs, net.outputs
    (('x1',), ('x2',))
    """
    return Network(chain_nodes(layers), meta=meta or {}, name=name)


def model_name(path: str | Path) -> str:
    """Return the name of the model in a file."""
    return Path(path).stem


def array_digest(x: Array) -> str:
    """Return the first 12 hex digits of the SHA-256 of an array: its dtype, shape and values."""
    return sha256(_array_bytes(x)).hexdigest()[:12]


def _array_bytes(array: Array, *heading: str) -> bytes:
    """Return words, dtype, shape and values as bytes that are equal for equal arrays, however they lie in memory."""
    host = to_host(array)
    return repr((*heading, host.dtype.name, host.shape)).encode() + np.ascontiguousarray(host).tobytes()


def _field_bytes(name: str, value: Any) -> bytes:
    """Return a layer's field as bytes: arrays by shape, dtype and values, other fields by their repr."""
    if getattr(value, "ndim", 0):
        return _array_bytes(value, name)
    return repr((name, value.item() if hasattr(value, "item") else value)).encode()
