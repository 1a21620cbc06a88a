"""How a result was made: the record that every result carries, and that files keep."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.layers.base.arrays import moved
from refvis.layers.graph.nodes import called
from refvis.network import Network
from refvis.version import __version__

MOST = 8
"""Channels that are listed in words."""


@dataclass(frozen=True)
class Record:
    """How a result was made: the method, its parameters, the model's name and fingerprint, the versions.

    `input` is a short hash of what was explained; `layer` the name of the layer that writes the variable in the
    parameter "at"; `units` the channels as a person calls them, "3 (dog)"; `explained` all that in words.
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

    def flat(self) -> dict[str, Any]:
        """Return the record as one level of texts and numbers, for a file's attributes; what is empty is left out."""
        parameters = {f"parameter {name}": _attribute(value) for name, value in self.parameters.items()}
        versions = {f"version {name}": value for name, value in self.versions.items()}
        texts = {
            name: getattr(self, name) for name in ("method", "model", "fingerprint", "input", "layer", "explained")
        }
        return {name: _attribute(text) for name, text in texts.items() if text} | parameters | versions


def record(method: str, net: Network, x: Array | None = None, /, **parameters: Any) -> Record:
    """Return the record of a method that was run on a network, and on input `x`, with those parameters."""
    variable = str(parameters.get("at"))
    layer = next((node.name for node in net.nodes if node.output == variable), "")
    units = tuple(_unit(one, net.labels_at(variable)) for one in _listed(parameters.get("channel"))) if layer else ()
    return Record(
        method,
        parameters,
        net.name,
        net.fingerprint,
        input="" if x is None else fingerprint(x),
        layer=layer,
        units=units,
        explained=_explained(net, variable, units, parameters) if layer else "",
    )


def fingerprint(x: Array) -> str:
    """Return the first 12 hex digits of the SHA-256 of an array: its dtype, shape and values."""
    host = np.ascontiguousarray(moved(x, "numpy"))
    return hashlib.sha256(repr((host.dtype.name, host.shape)).encode() + host.tobytes()).hexdigest()[:12]


def _explained(net: Network, variable: str, units: Sequence[str], parameters: Mapping[str, Any]) -> str:
    """Return in words what is explained: the variable, its channels, and what they are compared with."""
    words = [called(net.nodes, variable)]
    if units:
        words.append("all channels" if units == ("all",) else f"channel{'s' * (len(units) > 1)} {_some(units)}")
    if "position" in parameters:
        words.append(f"position {parameters['position']}")
    if "against" in parameters:
        others = [_unit(one, net.labels_at(variable)) for one in _listed(parameters["against"])]
        words.append(f"against {_some(others)}")
    if "seed_channels" in parameters:
        words.append(f"seed in channels {parameters['seed_channels']}")
    return ", ".join(words)


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _unit(channel: Any, labels: Sequence[str]) -> str:
    return f"{channel} ({labels[channel]})" if isinstance(channel, int) and channel < len(labels) else str(channel)


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:MOST]) + (f", ... ({len(words)} in all)" if len(words) > MOST else "")


def _attribute(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value).replace("\0", r"\x00")  # files' texts end at NUL
