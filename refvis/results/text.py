"""What results say of themselves in one line."""

from refvis.layers import Array
from refvis.results.files import on_host

LISTED = 8
"""Values of a measure that one line lists."""


def shape(array: Array) -> str:
    """Return the array's shape, "1 x 5 x 7 x 3"."""
    return " x ".join(map(str, array.shape))


def measured(measures: dict[str, Array]) -> list[str]:
    """Return each measure's name with its values, the first few of many."""
    return [f"{name} {_some(on_host(values).ravel())}" for name, values in measures.items()]


def _some(values: Array) -> str:
    listed = ", ".join(f"{one:.3g}" for one in values[:LISTED])
    return listed if len(values) <= LISTED else f"{listed}, ... ({len(values)} in all)"
