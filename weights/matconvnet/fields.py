"""Typed access to the fields of one struct of a model file; every default and every leftover becomes a remark."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.matconvnet.model import Remark


class Fields:
    """The fields of the struct at `place`; `report` collects the remarks.

    `elsewhere` has the places of those fields that stand outside the struct. `made` keeps what was made of an array,
    so that layers that share it in the file share the result. `inputs` is the number of the layer's inputs.
    """

    def __init__(
        self,
        values: dict[str, Tree],
        place: str,
        report: list[Remark],
        elsewhere: dict[str, str] | None = None,
        made: dict[Any, Any] | None = None,
    ) -> None:
        self.values, self.place, self.report = values, place, report
        self.elsewhere, self.made = elsewhere or {}, {} if made is None else made
        self.used: set[str] = set()
        self.inputs = 1

    def where(self, name: str) -> str:
        """Return the place of the field `name` (or, if empty, of the struct)."""
        return self.elsewhere.get(name) or (f"{self.place}.{name}" if name else self.place)

    def once(self, array: Any, make: Callable[[Any], Any]) -> Any:
        """Return ``make(array)``, the same object each time for the same array."""
        if (id(array), make) not in self.made:
            self.made[id(array), make] = array, make(array)  # the array too: its id stays its own
        return self.made[id(array), make][1]

    def remark(self, kind: Any, text: str, name: str = "") -> None:
        """Add a remark on this struct, or on its field `name`."""
        self.report.append(Remark(self.where(name), kind, text))

    def error(self, name: str, found: str, expected: str, advice: str = "") -> ModelFormatError:
        """Return the error for the field `name` (or, if empty, for the struct)."""
        return ModelFormatError(found, expected, advice, self.where(name))

    def take(self, name: str) -> Tree | None:
        """Return the field `name` as it is, None where it is absent; it counts as used."""
        self.used.add(name)
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        """Return a text field; None where it is absent or empty."""
        value = self.take(name)
        if value is None or is_empty(value):
            return None
        if not isinstance(value, str):
            raise self.error(name, describe(value), "text")
        return value

    def numbers(self, name: str, default: tuple[float, ...], counts: tuple[int, ...]) -> tuple[float, ...]:
        """Return a field of numbers as a tuple, one of `counts` long; absent or empty: `default`, with a remark."""
        value = self.take(name)
        if value is None or is_empty(value):
            self.remark("default", f"{name} was {'absent' if value is None else 'empty'}, set to {show(default)}", name)
            return default
        expected = f"{' or '.join(map(str, counts))} number(s)"
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.size not in counts:
            raise self.error(name, describe(value), expected)
        if not np.isfinite(value).all():
            raise self.error(name, f"{value.ravel(order='F').tolist()}", expected)
        return tuple(value.ravel(order="F").tolist())

    def number(self, name: str, default: float) -> float:
        """Return a field of one number."""
        return float(self.numbers(name, (default,), (1,))[0])

    def flag(self, name: str, default: bool) -> bool:
        """Return a field that is true or false."""
        return bool(self.number(name, default))

    def leftover(self) -> None:
        """Add one remark that lists the fields that nothing asked for (empty ones say nothing)."""
        names = [name for name, value in self.values.items() if name not in self.used and not is_empty(value)]
        if names:
            self.remark("ignored", f"not used: {', '.join(names)}")


def is_empty(value: Tree) -> bool:
    """Whether a value is empty: {}, [], '' or a struct without fields."""
    return value.size == 0 if isinstance(value, np.ndarray) else not isinstance(value, Opaque) and len(value) == 0


def show(values: tuple[float, ...]) -> str:
    """Return numbers as MATLAB writes them."""
    listed = " ".join(f"{value:g}" for value in values)
    return listed if len(values) == 1 else f"[{listed}]"


def describe(value: Tree) -> str:
    """Return what a value is, in MATLAB's words."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of size {' x '.join(map(str, value.shape))}"
    if isinstance(value, Opaque):
        return f"an object of class {value.class_name}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if value is None:
        return "nothing"
    return "a struct" if isinstance(value, dict) else f"{len(value)} values in a cell or struct array"
