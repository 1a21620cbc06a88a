"""Fields of layers that check their values, and convert them to one form, when a layer is made.

    @dataclass(frozen=True)
    class Pool:
        size: PairField = PairField()       # no default: it is required
        stride: PairField = PairField(1)

    Pool(3).size is (3, 3)

Each field is a descriptor, which converts a value when it is written. ``dataclasses.replace`` and the initialiser of a
frozen dataclass write fields through it. So layers stay frozen, and need no code to convert their fields.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from refvis.layers.base.arrays import Array, require_array
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.geometry import integers, pair, quad

Given = TypeVar("Given")
Kept = TypeVar("Kept")

REQUIRED: Any = object()
"""The default of a required field."""


class CheckedField(Generic[Given, Kept]):
    """A field that takes all forms that users write (`Given`) and stores one of them (`Kept`)."""

    def __init__(self, default: Given = REQUIRED) -> None:
        """Take the default in any form."""
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        """Store the field's name."""
        self.name = name

    @overload
    def __get__(self, layer: None, owner: Any = None) -> Given: ...

    @overload
    def __get__(self, layer: object, owner: Any = None) -> Kept: ...

    def __get__(self, layer: object | None, owner: Any = None) -> Given | Kept:
        """Return the layer's value; of the class, the default, which the dataclass asks for."""
        if layer is not None:  # layers are asked often: this takes half the time of vars(layer)[...]
            kept: Kept = layer.__dict__[self.name]
            return kept
        if self.default is REQUIRED:
            raise AttributeError(self.name)
        return self.default

    def __set__(self, layer: object, value: Given) -> None:
        """Store the value in its one form; the layer's own ``__setattr__`` refuses later changes."""
        vars(layer)[self.name] = self.normal(value, f"{type(layer).__name__} {self.name}")

    def normal(self, value: Given, what: str) -> Kept:
        """Return the value in its stored form; `what` names the field in an error, "Pool stride"."""
        raise NotImplementedError


class PairField(CheckedField[int | tuple[int, int], tuple[int, int]]):
    """(y, x), each a whole number of at least `least`; one number stands for both."""

    def __init__(self, default: int | tuple[int, int] = REQUIRED, least: int = 1) -> None:
        """Take the default and the least value."""
        super().__init__(default)
        self.least = least

    def normal(self, value: int | tuple[int, int], what: str) -> tuple[int, int]:
        """Return (y, x), or raise ShapeError."""
        return pair(value, what, self.least)


class QuadField(CheckedField[int | tuple[int, int] | tuple[int, int, int, int], tuple[int, int, int, int]]):
    """(top, bottom, left, right) in pixels, each 0 or more; (y, x) or one number stand for opposite sides or all."""

    def normal(self, value: int | tuple[int, int] | tuple[int, int, int, int], what: str) -> tuple[int, int, int, int]:
        """Return (top, bottom, left, right), or raise ShapeError."""
        return quad(value, what)


class WholeField(CheckedField[int, int]):
    """A whole number of at least `least`."""

    def __init__(self, default: int = REQUIRED, least: int = 1) -> None:
        """Take the default and the least value."""
        super().__init__(default)
        self.least = least

    def normal(self, value: int, what: str) -> int:
        """Return the number as an int, or raise ShapeError."""
        return integers(value, what, (1,), self.least)[0]


class NumberField(CheckedField[float, float]):
    """A number, stored as a float."""

    def normal(self, value: float, what: str) -> float:
        """Return the number as a float."""
        return float(value)


class ArrayField(CheckedField[Array, Array]):
    """An array of NumPy or CuPy; with `optional` also None. With `empty_is_none`, an array without values is None."""

    def __init__(self, default: Array = REQUIRED, *, optional: bool = False, empty_is_none: bool = False) -> None:
        """Take the default, and how the array may be absent."""
        super().__init__(default)
        self.optional, self.empty_is_none = optional or empty_is_none, empty_is_none

    def normal(self, value: Array, what: str) -> Array:
        """Return the array, or None; raise TypeError for anything else."""
        require_array(value, what, self.optional)
        return None if self.empty_is_none and value is not None and value.size == 0 else value


class VectorField(ArrayField):
    """An array that is stored with one axis."""

    def normal(self, value: Array, what: str) -> Array:
        """Return the array with one axis, or None; raise TypeError for anything else."""
        array = super().normal(value, what)
        return None if array is None else array.reshape(-1)


class ChoiceField(CheckedField[str, str]):
    """One of several names."""

    def __init__(self, default: str, names: tuple[str, ...]) -> None:
        """Take the default and the names."""
        super().__init__(default)
        self.names = names

    def normal(self, value: str, what: str) -> str:
        """Return the name, or raise ShapeError listing the possible ones."""
        if value not in self.names:
            raise ShapeError(f"{what} is {value!r}, expected {' or '.join(map(repr, self.names))}")
        return value


class ConvertedField(CheckedField[Any, Any]):
    """A value converted by a function of the layer's own file."""

    def __init__(self, convert: Callable[[Any], Any], default: Any = REQUIRED) -> None:
        """Take the function, which raises ShapeError or TypeError for values that it refuses, and the default."""
        super().__init__(default)
        self.convert = convert

    def normal(self, value: Any, what: str) -> Any:
        """Return the converted value."""
        return self.convert(value)


class NamesField(CheckedField[str | tuple[str, ...], tuple[str, ...]]):
    """Names; one may be given as a plain string."""

    def normal(self, value: str | tuple[str, ...], what: str) -> tuple[str, ...]:
        """Return the names as a tuple."""
        return (value,) if isinstance(value, str) else tuple(value)
