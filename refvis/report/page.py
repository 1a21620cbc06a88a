"""The explanation as a self-contained HTML page."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from refvis.files import write_whole
from refvis.images.colours import Scale
from refvis.layers import Array
from refvis.report.explain import Card, Explanation
from refvis.report.ledger import ledger_view
from refvis.results import Heatmap, Reconstruction, png
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
        "notes": [one.words for one in explained.net.load_report if one.kind == "warning"],
        "rows": [
            {
                "title": row.title,
                "question": row.question,
                "cards": [card_view(card) for card in row.cards],
                "left_out": row.left_out,
            }
            for row in explained.rows
        ],
        "ledger": ledger_view(explained.ledger),
        "version": __version__,
    }


def card_view(card: Card) -> dict[str, Any]:
    """Return one card for the template."""
    found = card.found
    parameters = {name: value for name, value in found.record.parameters.items() if value is not None}
    shown = {"title": card.title, "reading": card.reading, "inside": card.inside, "parameters": parameters}
    if isinstance(found, Reconstruction):
        return shown | {
            "picture": data_uri(found.image),
            "scale": None,
            "missed": None,
            "measured": _measured(found),
            "wide": len(found.x) > 1,
        }
    return shown | {
        "picture": data_uri(found.overlay()),
        "scale": bar(found.scale, found.map),
        "missed": _missed(found),
        "measured": None,
        "wide": False,
    }


def _measured(found: Reconstruction) -> tuple[str, str, str] | None:
    """Return what was measured of a reconstruction: words before the figure, the figure, words behind it."""
    if len(found.x) > 1:
        return None
    if "norm" in found.measures:
        start = "".join(f"; at the start: {value:.3f}" for value in found.measures.get("norm_of_start", ()))
        figure, behind = f"{found.measures['norm'][0]:.3f}", f" of the code's squared norm (a code of zeros: 1{start})."
        return "Distance to the input's code: ", figure, behind
    reached, own = (float(found.measures[name][0]) for name in ("activation", "activation_of_input"))
    return "The score is ", f"{reached:.3g}", f"; that of the input is {own:.3g}."


def _missed(found: Heatmap) -> float | None:
    """Return by which part of what it should sum up to the first row's sum misses it, where that was measured."""
    measured = found.measures.get("relative_completeness_error")
    return None if measured is None else float(measured[0])


def bar(scale: Scale, shown: Array) -> dict[str, Any]:
    """Return a colour scale as CSS stops, its lower end, both ends as texts, and whether values lie beyond (`cut`)."""
    colours = scale.colour(np.linspace(scale.low, scale.high, STOPS))
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in colours)
    cut = bool(np.abs(shown).max(initial=0) > scale.high)
    ends = [f"{float(f'{end:.3g}'):g}" for end in (scale.low, scale.high)]  # 2170, not 2.17e+03
    return {"stops": stops, "low": scale.low, "ends": ends, "cut": cut}


def outlined(picture: Array, mask: Array) -> Array:
    """Return the picture with everything outside the mask faded to a light gray."""
    faded = (0.25 * picture + 0.75 * 235).astype(np.uint8)
    return np.where(mask[..., None], picture, faded).astype(np.uint8)


def data_uri(picture: Array) -> str:
    """Return a picture (H x W x 3 uint8) as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
