"""The rules of a mode, found by its name, with the bounds of pixels for the box rule."""

from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from refvis.layers import Array, Graph, array_module, modes
from refvis.layers.base.arrays import moved
from refvis.layers.modes.composites import is_open_box
from refvis.network import Network

if TYPE_CHECKING:
    from refvis.images.preparation import Preparation

METHODS = (
    "cam",
    "deeplift",
    "excitation_backprop",
    "grad_cam",
    "gradient_times_input",
    "guided_grad_cam",
    "integrated_gradients",
    "linear_approximation",
    "occlusion",
    "smoothgrad",
    "smoothgrad_squared",
    "vargrad",
)
"""Functions of `refvis` that explain a unit but are not modes."""

WHITE = 255.0


def find_mode(mode: str | modes.Mode) -> modes.Mode:
    """Return the mode of that name, or the table itself.

    Raises ValueError for an unknown name. If the name is really a separate method, the error says which function to
    call.
    """
    if isinstance(mode, str) and mode not in modes.MODES:
        for method in METHODS:
            if _letters(method) == _letters(mode):
                raise ValueError(
                    f"{mode!r} is not a mode but a separate method: call refvis.{method}(net, x) in Python"
                )
    return modes.find(mode)


def mode_text(mode: str | modes.Mode, graph: Graph) -> str:
    """Return the mode for a record: its name, or the rules that a table gives the layers of the network."""
    return mode if isinstance(mode, str) else modes.applied(mode, graph.nodes)


def bounded_rules(net: Network, graph: Graph, x: Array, mode: str | modes.Mode) -> tuple[modes.Mode, dict[str, str]]:
    """Return the rules of a mode, with bounds where it has the box rule without any, and a record's note: {"box": ...}.

    For a named mode the bounds are those of the pixels 0 ... 255 as preprocessing makes inputs of them, if the model
    stores its average image or scale and the box rule stands at the input of `graph`, the network up to what is
    explained; they are widened where resizing overshoots. Otherwise, and for a table of rules, the bounds are the least
    and largest value of each image of `x` (N x H x W x C).
    """
    rules = find_mode(mode)
    resolved = modes.resolved(rules, graph.nodes)
    boxes = [node for node in graph.nodes if is_open_box(resolved.get(node.name))]
    if not boxes:
        return rules, {}
    preparation = net.preparation
    if not isinstance(mode, str):
        return rules, {"box": "the range of each image: the mode is a table without bounds"}
    if any(node.inputs != graph.inputs[:1] for node in boxes):
        return rules, {"box": "the range of each image: the box rule is not at the input"}
    fit = _fits(preparation.average, x.shape) and _fits(preparation.std, x.shape)
    if not preparation.is_known or not fit:
        return rules, {"box": "the range of each image: the model stores no average image"}
    low, high, text = _pixel_bounds(preparation, x)
    return modes.with_box(rules, low, high), {"box": text}


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())


def _fits(values: Any, shape: tuple[int, ...]) -> bool:
    """Whether an average image, a deviation, or one value per channel belongs to inputs of that shape; None does."""
    if values is None:
        return True
    own = np.shape(values)
    return bool(own) and own[:-1] in ((), (1, 1), shape[1:3]) and own[-1] in (1, shape[3])


def _pixel_bounds(preparation: "Preparation", x: Array) -> tuple[Array, Array, str]:
    """Return the least and largest input, which broadcast against x, and what they are in words."""
    library = array_module(x).__name__
    average = np.zeros(1, "float32") if preparation.average is None else np.asarray(preparation.average, "float32")
    std = np.ones(1, "float32") if preparation.std is None else np.asarray(preparation.std, "float32")
    factor = np.float32(preparation.factor)
    ends = ((np.float32(end) * factor - average) / std for end in (0, WHITE))
    low, high = (moved(end, library).astype(x.dtype) for end in ends)
    unit = moved(factor / std, library).astype(x.dtype)
    below, above = _overshoot((low - x) / unit), _overshoot((x - high) / unit)
    what = "as net.preprocess scales them" if preparation.is_scaled else "minus the average image"
    return low - below * unit, high + above * unit, f"pixels {-below} ... {int(WHITE) + above} {what}"


def _overshoot(beyond: Array) -> int:
    """Return a whole number that is larger than any of these amounts; 0 where none is positive."""
    most = float(beyond.max())
    return floor(most) + 1 if most > 0 else 0
