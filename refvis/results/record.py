"""Records of how results were made; every result carries one, and files keep it. Results as one line of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.layers.graph.nodes import label_of
from refvis.network import Network, array_digest
from refvis.version import __version__

LISTED = 8
"""Channels, or values of a measure, that one line of text lists."""


@dataclass(frozen=True)
class Record:
    """The method, its parameters, the model's name and fingerprint, and the versions that made a result.

    `input` is a short hash of the explained input. `layer` is the name of the layer that writes the variable in the
    parameter "at". `units` are the channels with the names of their classes, "3 (dog)"; where several images have
    channels of their own, those of all `images`, image by image. `explained` says layer, channels and position in
    words.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(refvis.scenes.scene(3).image)
    >>> record = refvis.deconvolution(net, x, "guided", at="x22", channel=7).record
    >>> record.method, record.layer, record.units
    ('deconvolution', 'fc8', ('7 (cup)',))
    """

    method: str
    parameters: dict[str, Any]
    model: str
    fingerprint: str
    versions: dict[str, str] = field(default_factory=lambda: {"refvis": __version__, "numpy": np.__version__})
    input: str = ""
    layer: str = ""
    units: tuple[str, ...] = ()
    explained: str = ""
    images: int = 1

    def flat(self) -> dict[str, Any]:
        """Return the record as one level of texts and numbers, for a file's attributes, without empty fields."""
        parameters = {f"parameter {name}": _attribute(value) for name, value in self.parameters.items()}
        versions = {f"version {name}": value for name, value in self.versions.items()}
        texts = {
            name: getattr(self, name) for name in ("method", "model", "fingerprint", "input", "layer", "explained")
        }
        return {name: _attribute(text) for name, text in texts.items() if text} | parameters | versions


def record(method: str, net: Network, x: Array | None = None, /, **parameters: Any) -> Record:
    """Return the record of a method that ran on a network, and on input `x`, with those parameters.

    >>> import refvis
    >>> from refvis.results import record
    >>> record("deconvolution", refvis.load("scenes"), at="x22", channel=7).explained
    'fc8 (x22), channel 7 (cup)'
    """
    variable = str(parameters.get("at"))
    layer = next((node.name for node in net.nodes if node.output == variable), "")
    channels, labels = _as_list(parameters.get("channel")), net.labels_at(variable)
    units = tuple(_unit_name(one, labels) for one in _flat(channels)) if layer else ()
    return Record(
        method,
        parameters,
        net.name,
        net.fingerprint,
        input="" if x is None else array_digest(x),
        layer=layer,
        units=units,
        explained=_explained(net, variable, units, parameters) if layer else "",
        images=len(channels) if _has_lists(channels) else 1,
    )


def shape_text(array: Array) -> str:
    """Return the array's shape as text, "1 x 5 x 7 x 3"."""
    return " x ".join(map(str, array.shape))


def measures_text(measures: Mapping[str, Array]) -> list[str]:
    """Return the name of each measure with its values, the first few of many."""
    return [f"{name} {_first_few([f'{one:.3g}' for one in to_host(x).ravel()])}" for name, x in measures.items()]


def _explained(net: Network, variable: str, units: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """Return in words what is explained: the variable, its channels, and what they are compared with."""
    words = [label_of(net.nodes, variable)]
    if units:
        of_each = "of each image: " if _has_lists(_as_list(parameters.get("channel"))) else ""
        channels = f"channel{'s' * (len(units) > 1)} {of_each}{_first_few(units)}"
        words.append("all channels" if units == ("all",) else channels)
    if "position" in parameters:
        words.append(f"position {parameters['position']}")
    if "against" in parameters:
        others = [_unit_name(one, net.labels_at(variable)) for one in _flat(_as_list(parameters["against"]))]
        words.append(f"against {_first_few(others)}")
    if "seed_channels" in parameters:
        words.append(f"seed in channels {parameters['seed_channels']}")
    return ", ".join(words)


def _as_list(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _has_lists(channels: list[Any]) -> bool:
    """Return whether there is a list of channels for each image."""
    return bool(channels) and isinstance(channels[0], list)


def _flat(channels: list[Any]) -> list[Any]:
    return [one for each in channels for one in each] if _has_lists(channels) else channels


def _unit_name(channel: Any, labels: Sequence[str]) -> str:
    return f"{channel} ({labels[channel]})" if isinstance(channel, int) and channel < len(labels) else str(channel)


def _first_few(words: Sequence[str]) -> str:
    return ", ".join(words[:LISTED]) + (f", ... ({len(words)} in all)" if len(words) > LISTED else "")


def _attribute(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value).replace("\0", r"\x00")  # files' texts end at NUL
