"""The network as people hold it: the engine's graph with its meta data, how it was loaded, images in and labels out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from refvis.layers import Array, Conv, Graph, Layer, Loss, Node, Softmax, SoftmaxLoss, array_module, forward
from refvis.layers import chain as chain_nodes
from refvis.layers.base.arrays import moved, require_finite
from refvis.weights import Remark

if TYPE_CHECKING:
    from refvis.images.preprocessing import ImageLike

ENDINGS = (Softmax, SoftmaxLoss, Loss)
"""Layers that turn scores into probabilities or a loss; explanations start before them."""


@dataclass(frozen=True, eq=False, repr=False)
class Network(Graph):
    """Nodes, `meta`, the `load_report`, and a `name` for titles and records.

    `meta` holds "normalization", "classes", and what else a file says, in plain Python values. `load_report` lists
    every default that loading filled in, and all that it ignored or changed. `stored` has the names of a DagNN file's
    layers in the file's order, which need not be that of execution; it is empty for all other networks.
    """

    meta: dict[str, Any] = field(default_factory=dict)
    load_report: tuple[Remark, ...] = ()
    name: str = "network"
    stored: tuple[str, ...] = ()

    @property
    def stored_nodes(self) -> tuple[Node, ...]:
        """The nodes in the order of their file; those that are not from it come last, as MatConvNet adds layers."""
        place = {name: number for number, name in enumerate(self.stored)}
        return tuple(sorted(self.nodes, key=lambda node: place.get(node.name, len(place))))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the wiring, all layers' fields and all parameters (not of the meta data)."""
        from refvis.fingerprint import fingerprint  # here, as images below: many programs never need it

        return fingerprint(self.nodes)

    @cached_property
    def library(self) -> str:
        """Where the parameters are: "numpy" or "cupy"; "numpy" for a network without parameters."""
        values = (getattr(node.layer, one.name) for node in self.nodes for one in fields(node.layer))
        first = next((value for value in values if hasattr(value, "dtype")), None)
        return str(array_module(first).__name__)

    @property
    def normalization(self) -> dict[str, Any]:
        """``meta["normalization"]``, or {}."""
        found = self.meta.get("normalization")
        return found if isinstance(found, dict) else {}

    @cached_property
    def channels(self) -> int | None:
        """Channels that the input should have: by the meta data, or by the first convolution; None if unknown."""
        size = self.normalization.get("imageSize")
        if size is not None and len(size) >= 3:
            return int(size[2])
        first = next((node.layer for node in self.nodes if self.inputs[0] in node.inputs), None)
        return first.filters.shape[3] if isinstance(first, Conv) and first.filters is not None else None

    @cached_property
    def input_size(self) -> tuple[int, int] | None:
        """Height and width that the meta data asks for, in pixels; None if they say nothing."""
        size = self.normalization.get("imageSize")
        if size is None and isinstance(self.meta.get("inputs"), dict):
            size = self.meta["inputs"].get("size")
        average = self.normalization.get("averageImage")
        if size is None and isinstance(average, np.ndarray) and average.ndim == 3:
            size = average.shape
        if not isinstance(size, tuple) or len(size) < 2 or min(size[:2]) < 1:
            return None
        return int(size[0]), int(size[1])

    def preprocess(self, image: "ImageLike") -> Array:
        """Return an image as the network's input, 1 x H x W x C float32, as MatConvNet's examples do.

        `image` is a path, a PIL image, or an H x W x 3 (or H x W) array of values 0 ... 255. It is resized to
        ``imageSize`` (bicubic with antialiasing, aspect not kept) where the meta data has one, and ``averageImage``
        is subtracted. The result is in the array library of the network's parameters.
        Raises ValueError for what is no image, for NaN, and where the average image does not fit; warns of floats that
        all lie between -1 and 1, which look like an image whose white is 1.
        """
        from refvis import images

        pixels = images.resized(images.pixels(image, self.channels), self.input_size, self._interpolation)
        average = self.normalization.get("averageImage")
        return moved(images.centred(pixels, average)[None], self.library)

    def restore(self, x: Array) -> Array:
        """Return input `x` (1 x H x W x C) as a picture, H x W x 3 uint8: the average image is added back."""
        from refvis import images

        return images.picture(x, self.normalization.get("averageImage"))

    def with_images(
        self,
        size: tuple[int, int] | None = None,
        average: Array | None = None,
        classes: Sequence[str] | None = None,
    ) -> Self:
        """Return the network with what its file did not say about images; `save` keeps it.

        `size` is the input's height and width in pixels, `average` what `preprocess` subtracts (H x W x C, or one value
        per channel, 0 ... 255), `classes` the outputs' names. What is None stays as it is.
        """
        known = dict(self.normalization)
        if average is not None:
            known["averageImage"] = np.asarray(average, "float32")
        if size is not None:
            known["imageSize"] = (*size, self.channels or 3)
        names = {} if classes is None else {"classes": {"name": list(classes), "description": list(classes)}}
        answered = {"averageImage"} if average is not None else set()
        answered |= {"imageSize"} if size is not None else set()
        report = tuple(one for one in self.load_report if one.place.rpartition(".")[2] not in answered)
        return replace(self, meta=self.meta | {"normalization": known} | names, load_report=report)

    def __repr__(self) -> str:
        """Return one line: the name, the number of layers, inputs and outputs."""
        return (
            f"Network({self.name!r}: {len(self.nodes)} layers, {', '.join(self.inputs)} -> {', '.join(self.outputs)})"
        )

    @property
    def labels(self) -> list[str] | None:
        """The classes' descriptions (or names), or None."""
        classes = self.meta.get("classes")
        if not isinstance(classes, dict):
            return None
        return classes.get("description") or classes.get("name") or None

    def labels_at(self, variable: str) -> list[str]:
        """Return the names of the variable's channels: the classes, for the scores and the softmax of them; else []."""
        below = next((node.inputs[0] for node in self.nodes if _softmax(node) and node.output == variable), variable)
        ends = {self._before_ending(name) for name in self.outputs}
        return (self.labels or []) if ends == {below} else []

    def label(self, channel: int) -> str:
        """Return the label of an output channel, or "class K" (counting from 0) where there is none."""
        labels = self.labels
        return labels[channel] if labels is not None and channel < len(labels) else f"class {channel}"

    @cached_property
    def scores(self) -> str:
        """Name of the variable with the scores: the output before softmax and losses; ValueError if several."""
        found = dict.fromkeys(self._before_ending(name) for name in self.outputs)
        if len(found) != 1:
            raise ValueError(f"the network has several outputs ({', '.join(found)}): name one with at=")
        return next(iter(found))

    def classify(self, image: "ImageLike", top: int = 5) -> list[tuple[str, float]]:
        """Return the `top` most probable classes as (label, probability), most probable first.

        Probabilities are the softmax of the scores; scores of several positions (an image larger than the network's
        input size) are averaged first. `image` as for `preprocess`, or a prepared input (1 x H x W x C).
        """
        x = image if getattr(image, "ndim", 0) == 4 else self.preprocess(image)
        require_finite(x)
        scores = self.upto(self.scores).forward(x).output[:1].mean(axis=(1, 2), keepdims=True)
        probabilities = forward(Softmax(), scores)[0, 0, 0]
        order = (-probabilities).argsort()[:top]
        return [(self.label(int(k)), float(probabilities[k])) for k in order]

    @property
    def _interpolation(self) -> str:
        return str(self.normalization.get("interpolation") or "bicubic")

    def _before_ending(self, variable: str) -> str:
        node = self.node(variable)
        ends = isinstance(node.layer, ENDINGS) or self.is_unknown_ending(node)
        return self._before_ending(node.inputs[0]) if ends else variable


def _softmax(node: Node) -> bool:
    return isinstance(node.layer, Softmax)


def chain(layers: dict[str, Layer], meta: dict[str, Any] | None = None, name: str = "network") -> Network:
    """Return a SimpleNN chain of named layers as a network; its variables are x0 (input), x1, x2, ..."""
    return Network(chain_nodes(layers), meta=meta or {}, name=name)


def model_name(path: str | Path) -> str:
    """Return what to call the model in that file."""
    return Path(path).stem
