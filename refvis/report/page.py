"""The explanation as files: a self-contained HTML page, and the arrays as HDF5."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from refvis.colours import Scale
from refvis.files import write_whole
from refvis.layers import Array
from refvis.report.explain import Card, Explanation
from refvis.results import Heatmap, Reconstruction, png, write_h5
from refvis.version import __version__

STOPS = 16
"""Colours that a colour bar is drawn with."""


def write_page(explained: Explanation, path: str | Path) -> None:
    """Write the page, whole or not at all. It holds its pictures and loads nothing from elsewhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("refvis.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("page.html").render(view(explained))
    write_whole(path, lambda part: _write_text(part, text))


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
    if isinstance(card.found, Heatmap):
        return {"values": card.found.values, "map": card.found.map}
    history = {f"history/{name}": values for name, values in card.found.history.items()}
    return {"x": card.found.x, "image": card.found.image, **history}


def view(explained: Explanation) -> dict[str, Any]:
    """Return what the template needs, in plain texts and numbers."""
    return {
        "source": explained.source,
        "net": explained.net,
        "target": explained.target,
        "classes": explained.classes,
        "size": " x ".join(map(str, explained.x.shape[1:])),
        "input": data_uri(explained.picture),
        "outlined": None if explained.mask is None else data_uri(outlined(explained.picture, explained.mask)),
        "covered": None if explained.mask is None else float(explained.mask.mean()),
        "notes": [one.text for one in explained.net.load_report if one.kind == "warning"],
        "rows": [
            {"title": row.title, "question": row.question, "cards": [card_view(card) for card in row.cards]}
            for row in explained.rows
        ],
        "version": __version__,
    }


def card_view(card: Card) -> dict[str, Any]:
    """Return one card for the template."""
    shown = {"title": card.title, "reading": card.reading, "inside": card.inside}
    parameters = {name: value for name, value in card.found.record.parameters.items() if value is not None}
    if isinstance(card.found, Reconstruction):
        history = {name: (float(values[0]), float(values[-1])) for name, values in card.found.history.items()}
        return shown | {
            "picture": data_uri(card.found.image),
            "parameters": parameters,
            "scale": None,
            "history": history,
        }
    picture = card.found.overlay()
    return shown | {
        "picture": data_uri(picture),
        "parameters": parameters,
        "scale": bar(card.found.scale, card.found.map),
        "history": None,
    }


def bar(scale: Scale, shown: Array) -> dict[str, Any]:
    """Return a colour scale as CSS stops with its ends, and whether values lie beyond them (`cut`)."""
    colours = scale.colour(np.linspace(scale.low, scale.high, STOPS))
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in colours)
    cut = bool(np.abs(shown).max(initial=0) > scale.high)
    return {"stops": stops, "low": scale.low, "high": scale.high, "cut": cut}


def outlined(picture: Array, mask: Array) -> Array:
    """Return the picture with everything outside the mask faded to a light gray."""
    faded = (0.25 * picture + 0.75 * 235).astype(np.uint8)
    return np.where(mask[..., None], picture, faded).astype(np.uint8)


def data_uri(picture: Array) -> str:
    """Return a picture (H x W x 3 uint8) as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
