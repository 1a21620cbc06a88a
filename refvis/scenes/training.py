"""Shared parts of training: parameters by name, Adam, batches, augmentation, and a state that can be resumed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from refvis.layers import Array, Graph
from refvis.weights.whole_files import write_whole

FIRST_MOMENT, SECOND_MOMENT, TINY = 0.9, 0.999, 1e-8
SHIFT = 4
"""Largest random shift in pixels."""

Parameters = dict[tuple[str, str], Array]
"""{(node name, field): array}"""

State = dict[str, Parameters]


def parameters(graph: Graph) -> Parameters:
    """Return {(node name, field): array} for all filters and biases."""
    return {
        (node.name, field): getattr(node.layer, field)
        for node in graph.nodes
        for field in ("filters", "biases")
        if getattr(node.layer, field, None) is not None
    }


def fresh_state(values: Parameters) -> State:
    """Return Adam's moments before the first step."""
    return {name: {key: np.zeros_like(value) for key, value in values.items()} for name in ("first", "second")}


def adam(values: Parameters, gradients: Parameters, state: State, step: int, rate: float, decay: float) -> None:
    """Take one step of Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019), in place."""
    for key, gradient in gradients.items():
        first, second = state["first"][key], state["second"][key]
        first += (1 - FIRST_MOMENT) * (gradient - first)
        second += (1 - SECOND_MOMENT) * (gradient * gradient - second)
        unbiased = first / (1 - FIRST_MOMENT**step), second / (1 - SECOND_MOMENT**step)
        values[key] -= rate * unbiased[0] / (np.sqrt(unbiased[1]) + TINY)
        if key[1] == "filters":
            values[key] *= 1 - rate * decay


def rate_at(step: int, steps: int, rate: float) -> float:
    """Return the learning rate: it rises over 200 steps, then falls to zero along half a cosine."""
    return float(rate * min(1.0, step / 200) * (1 + np.cos(np.pi * step / steps)) / 2)


def batches(count: int, size: int, random: np.random.Generator) -> Iterator[Array]:
    """Yield the indices of all scenes in random order, `size` at a time; an incomplete last batch is dropped."""
    order = random.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def augment(images: Array, random: np.random.Generator) -> Array:
    """Return images (N x H x W x 3), each mirrored with probability 1/2 and shifted by up to SHIFT pixels."""
    side = images.shape[1]
    wide = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    out = np.empty_like(images)
    for i, (y, x) in enumerate(random.integers(0, 2 * SHIFT + 1, (len(images), 2))):
        out[i] = wide[i, y : y + side, x : x + side]
    mirrored = random.random(len(images)) < 0.5
    out[mirrored] = out[mirrored, :, ::-1]
    return out


def save_state(path: Path, values: Parameters, state: State, epochs: int) -> None:
    """Write values and moments, whole or not at all."""
    write_whole(path, lambda file: np.savez(file, epochs=epochs, **_by_name(values, state)))


def load_state(path: Path, values: Parameters, state: State) -> int:
    """Copy a saved state into `values` and `state`; return its number of finished epochs, 0 if there is no file."""
    if not path.exists():
        return 0
    with np.load(path) as stored:
        for name, array in _by_name(values, state).items():
            array[...] = stored[name]
        return int(stored["epochs"])


def _by_name(values: Parameters, state: State) -> dict[str, Array]:
    named = {"value": values, **state}
    return {f"{kind} {node} {field}": array for kind, group in named.items() for (node, field), array in group.items()}
