"""The score of what is explained: the sum of its map, a value for each row."""

from refvis.deconvolutional.backward.walk import of_rows
from refvis.layers import Array, Trace
from refvis.layers.base.arrays import moved
from refvis.targets import Target


def scores(goal: Target, values: Array) -> Array:
    """Return the score of each row for `values`, a row's own or one image's for all (N x H x W x C), in float64."""
    return goal.chosen(values).sum(axis=(1, 2), dtype="float64")


def score(goal: Target, trace: Trace) -> dict[str, Array]:
    """Return {"score": the score of each row for the images of the trace, float64 on the host}, as a measure."""
    return {"score": moved(scores(goal, of_rows(goal, trace[goal.variable])), "numpy")}
