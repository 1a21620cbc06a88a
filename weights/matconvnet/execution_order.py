"""The order in which a DagNN evaluates its layers."""

from collections.abc import Sequence

from refvis.weights.errors import ModelFormatError

Wiring = tuple[tuple[str, ...], tuple[str, ...]]
"""Variables that a layer reads, and those that it writes."""


def execution_order(wiring: Sequence[Wiring], places: Sequence[str]) -> list[int]:
    """Return the layers' indices in MatConvNet's order: the farthest from an output first, ties as stored.

    `places` says where each layer stands. Raises ModelFormatError for a variable with two writers, and for a cycle.
    """
    writers = writers_of(wiring, places)
    depths, waiting = [1] * len(wiring), readers_left(wiring, writers)
    ready = [index for index, left in enumerate(waiting) if not left]
    for index in ready:  # from the outputs back; it grows on the way
        for name in wiring[index][0]:
            writer = writers.get(name)
            if writer is not None:
                depths[writer] = max(depths[writer], depths[index] + 1)
                waiting[writer] -= 1
                if not waiting[writer]:
                    ready.append(writer)
    if len(ready) < len(wiring):
        stuck = next(index for index, left in enumerate(waiting) if left)
        raise ModelFormatError(
            "a layer that needs, through others, its own output", "a network without cycles", "", places[stuck]
        )
    return sorted(range(len(wiring)), key=lambda index: -depths[index])


def writers_of(wiring: Sequence[Wiring], places: Sequence[str]) -> dict[str, int]:
    """Return variable -> the index of the layer that writes it."""
    writers: dict[str, int] = {}
    for index, (_, outputs) in enumerate(wiring):
        for name in outputs:
            if name in writers:
                raise ModelFormatError(
                    f"the variable {name!r} is written a second time",
                    "one layer that writes it",
                    f"{places[writers[name]]} writes it too",
                    f"{places[index]}.outputs",
                )
            writers[name] = index
    return writers


def readers_left(wiring: Sequence[Wiring], writers: dict[str, int]) -> list[int]:
    """Return for each layer how often its outputs are read."""
    counts = [0] * len(wiring)
    for inputs, _ in wiring:
        for name in inputs:
            if name in writers:
                counts[writers[name]] += 1
    return counts
