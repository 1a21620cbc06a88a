"""The explanation as a self-contained HTML page."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from refvis.images.colours import ColourScale
from refvis.layers import Array
from refvis.report.explain import Card, Explanation
from refvis.report.ledger import ledger_view
from refvis.results import Heatmap, Reconstruction, png
from refvis.version import __version__
from refvis.weights import LoadReport
from refvis.weights.whole_files import write_bytes

STOPS = 16
"""Number of colours in the gradient of a colour bar."""


def write_page(explanation: Explanation, path: str | Path) -> None:
    """Write the page, whole or not at all. It contains its pictures and loads nothing from elsewhere.

    >>> import tempfile
    >>> import numpy as np
    >>> import refvis
    >>> from refvis import report
    >>> from refvis.layers import Conv, ReLU
    >>> ones = np.ones((2, 3, 3, 3), "float32")
    >>> net = refvis.chain({"conv1": Conv(ones), "relu1": ReLU(), "fc2": Conv(ones[:, :, :, :2])})
    >>> image = np.arange(75, dtype="uint8").reshape(5, 5, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report.write_page(report.explain(net, image, steps=1), f"{folder}/explanation.html")
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("refvis.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = environment.get_template("page.html").render(view(explanation))
    write_bytes(path, text.encode())


def view(explanation: Explanation) -> dict[str, Any]:
    """Return the values of the template as plain texts and numbers."""
    return {
        "source": explanation.source,
        "net": explanation.net,
        "target": explanation.target,
        "classes": explanation.classes,
        "lacks_classes": explanation.lacks_classes,
        "size": " x ".join(map(str, explanation.x.shape[1:])),
        "input": data_uri(explanation.picture),
        "object": None if explanation.mask is None else data_uri(fade_outside(explanation.picture, explanation.mask)),
        "covered": None if explanation.mask is None else float(explanation.mask.mean()),
        "notes": [one.words for one in LoadReport(explanation.net.load_report).warnings.groups()],
        "rows": [
            {
                "title": row.title,
                "question": row.question,
                "cards": [card_view(card) for card in row.cards],
                "left_out": row.left_out,
            }
            for row in explanation.rows
        ],
        "ledger": ledger_view(explanation.ledger),
        "version": __version__,
    }


def card_view(card: Card) -> dict[str, Any]:
    """Return the values of one card."""
    result = card.result
    parameters = {name: value for name, value in result.record.parameters.items() if value is not None}
    common = {"title": card.title, "reading": card.reading, "inside": card.inside, "parameters": parameters}
    if isinstance(result, Reconstruction):
        return common | {
            "picture": data_uri(result.image),
            "scale": None,
            "error": None,
            "measured": _measured(result),
            "wide": len(result.x) > 1,
        }
    return common | {
        "picture": data_uri(result.overlay()),
        "scale": colour_bar(result.scale, result.map),
        "error": _completeness_error(result),
        "measured": None,
        "wide": False,
    }


def _measured(result: Reconstruction) -> tuple[str, str, str] | None:
    """Return the measure of a reconstruction: the words before the figure, the figure, and the words after it."""
    if len(result.x) > 1:
        return None
    measures = result.measures
    if "norm" in measures:
        start = "".join(f"; at the start: {value:.3f}" for value in measures.get("norm_of_start", ()))
        figure, behind = f"{measures['norm'][0]:.3f}", f" of the code's squared norm (a code of zeros: 1{start})."
        return "Distance to the input's code: ", figure, behind
    reached, own = (float(measures[name][0]) for name in ("activation", "activation_of_input"))
    return "The score is ", f"{reached:.3g}", f"; that of the input is {own:.3g}."


def _completeness_error(result: Heatmap) -> float | None:
    """Return the relative completeness error of the first row; None if it was not measured."""
    errors = result.measures.get("relative_completeness_error")
    return None if errors is None else float(errors[0])


def colour_bar(scale: ColourScale, values: Array) -> dict[str, Any]:
    """Return a colour scale as CSS stops, its lower end, both ends as texts, and whether `values` exceed it (`cut`)."""
    colours = scale.colour(np.linspace(scale.low, scale.high, STOPS))
    stops = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in colours)
    cut = bool(np.abs(values).max(initial=0) > scale.high)
    ends = [f"{float(f'{end:.3g}'):g}" for end in (scale.low, scale.high)]  # 2170, not 2.17e+03
    return {"stops": stops, "low": scale.low, "ends": ends, "cut": cut}


def fade_outside(picture: Array, mask: Array) -> Array:
    """Return the picture with everything outside the mask faded to a light gray."""
    faded = (0.25 * picture + 0.75 * 235).astype(np.uint8)
    return np.where(mask[..., None], picture, faded).astype(np.uint8)


def data_uri(picture: Array) -> str:
    """Return a picture (H x W x 3 uint8) as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")
