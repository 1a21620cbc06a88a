"""The arrays behind the page as an HDF5 file."""

from pathlib import Path
from typing import Any

from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.layers.ledger import AMOUNTS
from refvis.report.explain import Card, Explanation
from refvis.results import Heatmap, write_h5
from refvis.results.files import h5
from refvis.weights.whole_files import write_bytes


def write_arrays(explanation: Explanation, path: str | Path) -> None:
    """Write the arrays behind the page as .h5: a group for each method, with its record as attributes.

    >>> import tempfile
    >>> import numpy as np
    >>> import refvis
    >>> from refvis import report
    >>> from refvis.layers import Conv, ReLU
    >>> ones = np.ones((2, 3, 3, 3), "float32")
    >>> net = refvis.chain({"conv1": Conv(ones), "relu1": ReLU(), "fc2": Conv(ones[:, :, :, :2])})
    >>> image = np.arange(75, dtype="uint8").reshape(5, 5, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report.write_arrays(report.explain(net, image, steps=1), f"{folder}/explanation.h5")
    """
    write_bytes(path, h5(lambda file: _fill(file, explanation)))


def group_name(card: Card) -> str:
    """Return the group of a card's arrays, such as "deconvolutional/guided" or "reconstruction/inversion/relu5".

    Characters that HDF5 does not allow in a name ("/", lone dots, control characters) are written as %2F.
    """
    head, dash, layer = card.key.partition("-")
    if not dash:
        return head
    member = "".join(c if c.isprintable() and c not in "/%" else f"%{ord(c):02X}" for c in layer)
    return f"{head}/{member if member.strip('.') else member.replace('.', '%2E') or '%'}"


def arrays(card: Card) -> dict[str, Array]:
    """Return the arrays of a card by name."""
    result = card.result
    measures = {f"measures/{name}": to_host(values) for name, values in result.measures.items()}
    if isinstance(result, Heatmap):
        return {"values": result.values, "map": result.map, **measures}
    history = {f"history/{name}": values for name, values in result.history.items()}
    return {"x": result.x, "image": result.image, **history, **measures}


def _fill(file: Any, explanation: Explanation) -> None:
    """Write the input and a group for each card and for the ledger into an open h5py file."""
    file.create_dataset("input/x", data=explanation.x, compression="gzip")
    file.create_dataset("input/picture", data=explanation.picture, compression="gzip")
    if explanation.mask is not None:
        file.create_dataset("input/mask", data=explanation.mask, compression="gzip")
    file.attrs.update({"source": explanation.source, "target": explanation.target, "model": explanation.net.name})
    for card in (card for row in explanation.rows for card in row.cards):
        write_h5(file.create_group(group_name(card)), arrays(card), card.result.record)
    mode = explanation.ledger.record.parameters["mode"]
    _write_ledger(file.create_group(f"ledger/{mode}"), explanation)


def _write_ledger(group: Any, explanation: Explanation) -> None:
    """Write the ledger's columns, a value for each layer from the top down; its totals and record are attributes."""
    ledger = explanation.ledger
    for name in ("node", "layer", "rule"):
        group.create_dataset(name, data=[getattr(entry, name).replace("\0", r"\x00") for entry in ledger.entries])
    for name in (*AMOUNTS, "balanced"):
        group.create_dataset(name, data=[getattr(entry, name) for entry in ledger.entries])
    totals = {"seed": sum(ledger.seeds.values()), "inputs": sum(ledger.inputs.values()), "error": ledger.error}
    group.attrs.update(ledger.record.flat() | totals)
