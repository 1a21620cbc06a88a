"""Changes of a case that answers share: a layer with other fields, or with its pads in another order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from refvis.verify.case import Case

Change = Callable[[Case], Case]


def pads(*order: int) -> Change:
    """Return the change that takes the pads in another order."""
    return reordered("pad", *order)


def reordered(field: str, *order: int) -> Change:
    """Return the change that takes the numbers of a field in another order."""
    return with_fields(**{field: lambda layer: tuple(getattr(layer, field)[i] for i in order)})


def with_fields(**fields: Any) -> Change:
    """Return the change that gives the layer other fields; a value that is a function gets the layer."""

    def change(case: Case) -> Case:
        values = {name: value(case.layer) if callable(value) else value for name, value in fields.items()}
        return replace(case, layer=replace(case.layer, **values))

    return change
