"""Typed access to the fields of one struct of a model file; every default and every leftover becomes a remark."""

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from refvis.layers import Unknown
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.tree import Opaque, Tree
from refvis.weights.mat.whole_numbers import whole_numbers
from refvis.weights.matconvnet.model import Remark
from refvis.weights.matconvnet.plain_values import opaque_advice, without_opaque

SWITCHES = ("cudnn", "nocudnn", "verbose", "noderdata", "noderfilters", "noderbiases")
"""Options without a value that say how to compute, not what, in lower case."""

HOW_TO_COMPUTE = ("cudnnworkspacelimit",)
"""Such options with a value."""


class Fields:
    """The fields of the struct at `place`; `report` collects the remarks.

    `elsewhere` has the places of those fields that stand outside the struct. `converted` keeps what was made of an
    array, so that layers that share it in the file share the result. `inputs` is the number of the layer's inputs.
    """

    def __init__(
        self,
        values: dict[str, Tree],
        place: str,
        report: list[Remark],
        elsewhere: dict[str, str] | None = None,
        converted: dict[Any, Any] | None = None,
    ) -> None:
        self.values, self.place, self.report = values, place, report
        self.elsewhere, self.converted = elsewhere or {}, {} if converted is None else converted
        self.used: set[str] = set()
        self.inputs = 1

    def where(self, name: str) -> str:
        """Return the place of the field `name` (or, if empty, of the struct)."""
        return self.elsewhere.get(name) or (f"{self.place}.{name}" if name else self.place)

    def remark(self, kind: Any, text: str, name: str = "", advice: str = "") -> None:
        """Add a remark on this struct, or on its field `name`, with advice for Python."""
        self.report.append(Remark(self.where(name), kind, text, advice))

    def error(self, name: str, found: str, expected: str, advice: str = "") -> ModelFormatError:
        """Return the error for the field `name` (or, if empty, for the struct)."""
        return ModelFormatError(found, expected, advice, self.where(name))

    def leftover(self) -> None:
        """Add one remark that lists the fields that nothing asked for (empty ones say nothing)."""
        names = [name for name, value in self.values.items() if name not in self.used and not is_empty(value)]
        if names:
            self.remark("ignored", f"not used: {', '.join(names)}")

    def take(self, name: str) -> Tree | None:
        """Return the field `name` as it is, None where it is absent; it counts as used."""
        self.used.add(name)
        return self.values.get(name)

    def has(self, name: str) -> bool:
        """Return whether the struct has the field."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """Return a text field; None where it is absent or empty."""
        value = self.take(name)
        if value is None or is_empty(value):
            return None
        if not isinstance(value, str):
            raise self.error(name, describe(value), "text")
        return value

    def choice(self, name: str, default: str) -> str:
        """Return a text in lower case, as MatConvNet compares it; the default, with a remark, where it is absent."""
        value = self.text(name)
        if value is None:
            self.remark("default", f"{name} was absent, set to {default}", name)
        return (value or default).lower()

    def numbers(self, name: str, default: tuple[float, ...], counts: Container[int]) -> tuple[float, ...]:
        """Return a field of numbers as a tuple, one of `counts` long; absent or empty: `default`, with a remark."""
        value = self.take(name)
        if value is None or is_empty(value):
            self.remark("default", f"{name} was {'absent' if value is None else 'empty'}, set to {show(default)}", name)
            return default
        expected = f"{' or '.join(map(str, counts))} number(s)" if isinstance(counts, tuple) else "finite numbers"
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

    def geometry(self, name: str, default: int | None) -> Any:
        """Return whole numbers: one or two, or up to four for "pad" and "crop". Without a default, they are needed."""
        if default is None and name not in self.values:
            raise self.error(name, "nothing", "the window's size")
        values = self.numbers(name, (default or 1,) if default is None else (default,), GEOMETRY.get(name, (1, 2)))
        whole = self.whole(name, *values)
        return whole[0] if len(whole) == 1 else whole

    def whole(self, name: str, *values: float) -> tuple[int, ...]:
        """Return numbers of the field `name` as ints; they have to be whole, 0 or more, and sizes that arrays have."""
        return whole_numbers(values, self.where(name))

    def matrix(self, name: str, shape: tuple[int, int]) -> tuple[tuple[float, ...], ...]:
        """Return a field of numbers of that shape as rows."""
        value = self.take(name)
        if not isinstance(value, np.ndarray) or value.shape != shape:
            raise self.error(name, describe(value), f"{shape[0]} x {shape[1]} numbers")
        return tuple(tuple(float(number) for number in row) for row in value)

    def arrays(self, *names: str) -> list[Any]:
        """Return a layer's arrays, None for those absent or empty, from `weights` or the fields of older files."""
        weights = self.take("weights")
        if weights is None:
            if names[0] not in self.values:
                raise self.error("", "neither weights nor filters", "a cell weights = {filters, biases}")
            weights = [self.take(name) for name in names]
            places = list(names)
            self.remark("changed", f"the older fields {' and '.join(names)} were read as weights")
        else:
            if not isinstance(weights, list):
                raise self.error("weights", describe(weights), "a cell {filters, biases}")
            places = [f"weights{{{i + 1}}}" for i in range(max(len(weights), len(names)))]
        if len(weights) > len(names):
            self.remark("ignored", f"{len(weights)} arrays, of which {len(names)} are used", "weights")
        if not weights or is_empty(weights[0] if weights[0] is not None else []):
            self.remark("warning", "no filters: each channel passes through", places[0])
        arrays = [self.array(value, place) for value, place in zip(weights, places, strict=False)]
        return (arrays + [None] * len(names))[: len(names)]

    def own_arrays(self) -> list[Any]:
        """Return all arrays in `weights` with four axes, the last one first."""
        arrays = [self.array(value, f"weights{{{i + 1}}}") for i, value in enumerate(self.values["weights"])]
        return [None if array is None else self.once(array, last_axis_first) for array in arrays]

    def array(self, value: Tree | None, place: str) -> Any:
        """Return one array of weights, float32 or float64 as stored; None where there is none."""
        if value is None or is_empty(value):
            return None
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            raise self.error(place, describe(value), "an array of real single or double numbers", opaque_advice(value))
        if value.dtype.kind != "f":
            self.remark("changed", f"{value.dtype} was made float32", place)
            value = self.once(value, single)
        bad = not_finite(value)
        if bad:
            self.remark("warning", f"{bad} of {value.size} numbers are NaN or infinite", place)
        return value

    def once(self, array: Any, convert: Callable[[Any], Any]) -> Any:
        """Return ``convert(array)``, the same object each time for the same array."""
        if (id(array), convert) not in self.converted:
            self.converted[id(array), convert] = array, convert(array)  # the array too: its id stays its own
        return self.converted[id(array), convert][1]

    def filters(self, array: Any) -> Any:
        """Return filters of FH x FW x C x K (MATLAB drops trailing axes of 1) as K x FH x FW x C, contiguous."""
        if array.ndim > 4:
            raise self.error("weights{1}", describe(array), "at most four axes, FH x FW x C x K")
        return self.once(array, last_axis_first)

    def vector(self, array: Any) -> Any:
        """Return an array as one row of numbers, in MATLAB's order."""
        return self.once(array, flat)

    def weights_of_instances(self, as_number: bool = True) -> Any:
        """Return the field `instanceWeights`: an array with the last axis first, a single one as a number, or None."""
        weights = self.array(self.take("instanceWeights"), "instanceWeights")
        if weights is None:
            return None
        return weights.item() if as_number and weights.size == 1 else self.once(weights, last_axis_first)

    def option(self, name: str, default: float) -> float:
        """Return a field of one number that is usually absent; no remark says so."""
        return self.number(name, default) if name in self.values else default

    def take_options(self, known: tuple[str, ...]) -> list[str]:
        """Make the options in `opts`, a cell {name, value, ...}, fields of the struct; return those not `known`.

        As in MatConvNet, names are compared without case, and the last value counts, also against the field itself.
        Options that say how to compute, not what, are left out.
        """
        cell = self.take("opts")
        listed = list(cell) if isinstance(cell, list) else [] if cell is None or is_empty(cell) else [cell]
        names, unknown = {name.lower(): name for name in known}, []
        self.values, listed = dict(self.values), listed[::-1]
        while listed:
            option = listed.pop()
            key = option.lower() if isinstance(option, str) else ""
            if key in SWITCHES:
                continue
            if isinstance(option, dict):
                listed += [entry for pair in option.items() for entry in pair][::-1]
                continue
            if key in names and not listed:
                raise self.error("opts", f"the option {option} without a value", "a cell {name, value, ...}")
            value = listed.pop() if listed else None
            if key in names:
                self.values[names[key]] = value
                self.elsewhere[names[key]] = self.where("opts")
            elif key not in HOW_TO_COMPUTE:
                unknown.append(option if isinstance(option, str) else describe(option))
        return unknown

    def without_effect(self, name: str) -> None:
        """Ignore a field that MatConvNet takes and does not use; one that is not empty becomes a remark."""
        if not is_empty(self.take(name) if name in self.values else []):
            self.remark("ignored", f"{name} has no effect: MatConvNet takes this option and does not use it", name)

    def without_labels(self) -> None:
        """Ignore the labels of the last training batch, which stay in a loss layer's field `class`."""
        if not is_empty(self.take("class") if "class" in self.values else []):
            self.remark("ignored", "labels of the last training batch", "class")

    def unknown(self, what: str = "") -> Unknown:
        """Return a layer without an implementation (`what`: said in the remark); it keeps its readable fields."""
        kind = self.values["type"]
        self.remark("warning", f"{what or f'layers of type {kind!r}'} are shown but cannot be run", "type")
        self.used.update(self.values)
        return Unknown(kind, self.readable())

    def readable(self) -> dict[str, Tree]:
        """Return all fields but type and name, without what only MATLAB can read, which is named in remarks."""
        kept = {name: value for name, value in self.values.items() if name not in ("type", "name")}

        def add_remark(place: str, kind: Any, text: str) -> None:
            self.remark(kind, text, place)

        return dict(without_opaque(kept, "", add_remark))


GEOMETRY = {"pad": (1, 2, 4), "crop": (1, 2, 4)}
"""How many numbers a field of geometry may have, where these are not one or two."""


def last_axis_first(array: Any) -> Any:
    """Return an array of up to four axes with four, the last one first, contiguous."""
    array = array.reshape(array.shape + (1,) * (4 - array.ndim))
    return np.ascontiguousarray(array.transpose(3, 0, 1, 2))


def single(array: Any) -> Any:
    """Return an array as float32."""
    return array.astype("float32")


def flat(array: Any) -> Any:
    """Return an array as one row of numbers, in MATLAB's order."""
    return array.reshape(-1, order="F")


def not_finite(value: Any) -> int:
    """Return how many numbers are NaN or infinite."""
    with np.errstate(all="ignore"):
        if np.isfinite(value.sum()):  # neither leaves a sum again, and a sum takes no memory
            return 0
    return int(value.size - np.isfinite(value).sum())


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
