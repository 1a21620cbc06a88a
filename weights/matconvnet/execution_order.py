"""MatConvNet's order of execution of a DagNN's layers."""

from collections.abc import Sequence

from refvis.weights.errors import ModelFormatError

Wiring = tuple[tuple[str, ...], tuple[str, ...]]
"""The variables that a layer reads, and those that it writes."""


def execution_order(wiring: Sequence[Wiring], places: Sequence[str]) -> list[int]:
    """Return the layers' indices in MatConvNet's order: the farthest from an output first, ties in the file's order.

    `places` are the layers' places in the file. Raises ModelFormatError for a variable with two writers, and for a
    cycle.
    """
    writers = writers_by_variable(wiring, places)
    depths, readers = [1] * len(wiring), reader_counts(wiring, writers)
    ready = [index for index, count in enumerate(readers) if not count]
    for index in ready:  # from the outputs back to the inputs; the list grows on the way
        for name in wiring[index][0]:
            writer = writers.get(name)
            if writer is not None:
                depths[writer] = max(depths[writer], depths[index] + 1)
                readers[writer] -= 1
                if not readers[writer]:
                    ready.append(writer)
    if len(ready) < len(wiring):
        cyclic = next(index for index, count in enumerate(readers) if count)
        raise ModelFormatError(
            "a layer whose input depends on its own output", "a network without cycles", "", places[cyclic]
        )
    return sorted(range(len(wiring)), key=lambda index: -depths[index])


def writers_by_variable(wiring: Sequence[Wiring], places: Sequence[str]) -> dict[str, int]:
    """Return the index of the layer that writes each variable."""
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


def reader_counts(wiring: Sequence[Wiring], writers: dict[str, int]) -> list[int]:
    """Return, for each layer, how often its outputs are read."""
    counts = [0] * len(wiring)
    for inputs, _ in wiring:
        for name in inputs:
            if name in writers:
                counts[writers[name]] += 1
    return counts
