"""The arrays behind the page, as HDF5."""

from pathlib import Path
from typing import Any

from refvis.files import write_whole
from refvis.layers import Array
from refvis.layers.base.arrays import moved
from refvis.layers.ledger import AMOUNTS
from refvis.report.explain import Card, Explanation
from refvis.results import Heatmap, write_h5


def write_arrays(explained: Explanation, path: str | Path) -> None:
    """Write the arrays behind the page as .h5, whole or not at all: a group per method, its record as attributes."""

    def write(part: Path) -> None:
        import h5py

        with h5py.File(part, "w") as file:
            file.create_dataset("input/x", data=explained.x, compression="gzip")
            file.create_dataset("input/picture", data=explained.picture, compression="gzip")
            if explained.mask is not None:
                file.create_dataset("input/mask", data=explained.mask, compression="gzip")
            file.attrs.update({"source": explained.source, "target": explained.target, "model": explained.net.name})
            for card in (card for row in explained.rows for card in row.cards):
                write_h5(file.create_group(group_name(card)), arrays(card), card.found.record)
            made = explained.ledger.record
            _write_ledger(file.create_group(f"ledger/{made.parameters['mode']}"), explained)

    write_whole(path, write)


def group_name(card: Card) -> str:
    """Return where a card's arrays stand: "deconvolutional/guided", "reconstruction/inversion/relu5".

    What HDF5 cannot have in a name ("/", lone dots, control characters) is written as in web addresses, %2F.
    """
    head, dash, layer = card.key.partition("-")
    if not dash:
        return head
    member = "".join(c if c.isprintable() and c not in "/%" else f"%{ord(c):02X}" for c in layer)
    return f"{head}/{member if member.strip('.') else member.replace('.', '%2E') or '%'}"


def arrays(card: Card) -> dict[str, Array]:
    """Return the arrays of a card by name."""
    measures = {f"measures/{name}": moved(values, "numpy") for name, values in card.found.measures.items()}
    if isinstance(card.found, Heatmap):
        return {"values": card.found.values, "map": card.found.map, **measures}
    history = {f"history/{name}": values for name, values in card.found.history.items()}
    return {"x": card.found.x, "image": card.found.image, **history, **measures}


def _write_ledger(group: Any, explained: Explanation) -> None:
    """Write the ledger's columns, a value per layer from the top down; its ends and record are attributes."""
    kept = explained.ledger
    for name in ("node", "layer", "rule"):
        group.create_dataset(name, data=[getattr(entry, name).replace("\0", r"\x00") for entry in kept.entries])
    for name in (*AMOUNTS, "balanced"):
        group.create_dataset(name, data=[getattr(entry, name) for entry in kept.entries])
    ends = {"seed": sum(kept.seeds.values()), "inputs": sum(kept.inputs.values()), "error": kept.error}
    group.attrs.update(kept.record.flat() | ends)
