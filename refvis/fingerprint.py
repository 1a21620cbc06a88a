"""What tells one network from another, however it was stored: a digest of its wiring, fields and parameters."""

from collections.abc import Iterable
from dataclasses import fields
from hashlib import sha256
from typing import Any

import numpy as np

from refvis.layers import Node, array_module


def fingerprint(nodes: Iterable[Node]) -> str:
    """Return the SHA-256 (hex) of the nodes' wiring, all layers' fields and all parameters."""
    digest = sha256()
    for node in nodes:
        digest.update(repr((node.name, type(node.layer).__name__, node.inputs, node.outputs)).encode())
        for one in fields(node.layer):
            digest.update(_bytes_of(one.name, getattr(node.layer, one.name)))
    return digest.hexdigest()


def _bytes_of(name: str, value: Any) -> bytes:
    if getattr(value, "ndim", 0):
        host = value if array_module(value) is np else value.get()
        return repr((name, host.dtype.name, host.shape)).encode() + np.ascontiguousarray(host).tobytes()
    return repr((name, value.item() if hasattr(value, "item") else value)).encode()
