"""Reader of v7.3 .mat files, which are HDF5 with MATLAB's conventions, by h5py.

Axes are stored in reverse; cells and the fields of struct arrays are references to values in ``#refs#``; the class of
each value stands in the attribute MATLAB_class; an empty value has MATLAB_empty = 1 and holds its dimensions instead.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from refvis.weights.errors import ModelFormatError, no_variables_error
from refvis.weights.mat.layout import complex_numbers
from refvis.weights.mat.strings import StringObjects
from refvis.weights.mat.tree import MAX_INFLATION, Budget, Limits, Opaque, Tree, memory_of
from refvis.weights.mat.whole_numbers import MOST_AXES, MOST_VALUES, whole_numbers

NUMBERS = {
    "double": "float64",
    "single": "float32",
    "logical": "bool",
    **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
}


def read_hdf5(path: Path, limits: Limits) -> dict[str, Tree]:
    """Return the variables of the v7.3 file `path`."""
    try:
        with h5py.File(path, "r") as file:
            reader = Reader(file, Budget(limits), path.stat().st_size)
            links = hard_links(file, "")
            names = sorted(
                name for name in links if not name.startswith("#")
            )  # #refs# and #subsystem# are no variables
            variables = {name: reader.value(links[name], partial(file.__getitem__, name), name) for name in names}
    except ModelFormatError:
        raise
    except Exception as error:  # a damaged file makes h5py raise OSError, RuntimeError, KeyError, ...
        raise ModelFormatError(
            f"h5py cannot read the file ({error})", "a complete v7.3 file", "the file is cut off or damaged"
        ) from error
    if not variables:
        raise no_variables_error()
    return variables


def hard_links(group: Any, place: str) -> dict[str, Any]:
    """Return name -> address of a group's members; ModelFormatError for other links, which may lead to another file.

    All names are read in one go: to open each member takes a hundred times as long, and many may be the same object.
    """
    links: list[tuple[bytes, int, Any]] = []
    group.id.links.iterate(lambda raw, link: links.append((raw, link.type, link.u)), info=True)
    found: dict[str, Any] = {}
    for raw, kind, address in links:
        name = raw.decode("utf-8", "replace")
        where = f"{place}.{name}" if place else name
        if kind != h5py.h5l.TYPE_HARD:
            raise ModelFormatError("a link", "a value (MATLAB writes no links)", "the file is not MATLAB's", where)
        if name.encode() != raw:
            raise ModelFormatError("a name that is no UTF-8", "a name", "the file is damaged", where)
        found[name] = address
    return found


def member(group: Any, name: str) -> Any:
    """Return a group's member; ModelFormatError for other links than hard ones."""
    hard_links(group, "")
    return group[name]


@dataclass(frozen=True)
class Known:
    """A value that was read, and what it cost: values, bytes, and levels of nesting below it."""

    value: Tree
    values: int
    size: int
    levels: int


class Reader:
    """Turns HDF5 objects of one open file into plain values.

    An object is read once, however many references and links lead to it; it counts every time, since whoever goes
    through the values meets it every time.
    """

    def __init__(self, file: Any, budget: Budget, file_size: int) -> None:
        self.file, self.budget, self.file_size = file, budget, file_size
        self.ancestors: list[Any] = []  # addresses of the value being read and of those around it
        self.deepest = 0  # the deepest level so far in the value being read
        self.known: dict[Any, Known] = {}  # by address
        self.strings = StringObjects(self.subsystem_cell, budget)

    def value(self, address: Any, item: Callable[[], Any], place: str) -> Tree:
        """Return the plain value of the dataset or group at an address, which ``item()`` opens."""
        return (self.again(address, place) or self.read(address, item(), place)).value

    def again(self, address: Any, place: str) -> Known | None:
        """Return what is known of the object at an address, counted once more; None if it was not read yet."""
        known = self.known.get(address)
        if known is not None:
            self.spend(place, known.size, known.values, known.levels)
        return known

    def read(self, address: Any, item: Any, place: str) -> Known:
        """Read a dataset or group at its first place, and keep it."""
        if address in self.ancestors:
            raise ModelFormatError("a value that contains itself", "a tree", "the file is damaged", place)
        values, size, depth, around = self.budget.values, self.budget.size, len(self.ancestors), self.deepest
        self.deepest = depth
        self.spend(place)
        self.ancestors.append(address)
        value = self._value(item, place)
        self.ancestors.pop()
        levels, self.deepest = self.deepest - depth, max(self.deepest, around)
        self.known[address] = Known(value, values - self.budget.values, size - self.budget.size, levels)
        return self.known[address]

    def spend(self, place: str, size: int = 0, values: int = 1, levels: int = 0) -> None:
        """Count values at the present level, of so many bytes and down to so many `levels` below."""
        depth = len(self.ancestors) + levels
        self.deepest = max(self.deepest, depth)
        self.budget.spend(place, depth, size, values)

    def _value(self, item: Any, place: str) -> Tree:
        kind = text(item.attrs.get("MATLAB_class", ""))
        if not kind:
            raise ModelFormatError(
                "HDF5 data without the attribute MATLAB_class", "a v7.3 file that MATLAB wrote", "", place
            )
        if "MATLAB_object_decode" in item.attrs or kind not in (*NUMBERS, "char", "cell", "struct"):
            text_of_object = self.strings.decode(self.array(item, place), place) if kind == "string" else None
            return Opaque(kind) if text_of_object is None else text_of_object
        if "MATLAB_sparse" in item.attrs:
            return Opaque("sparse")
        if item.attrs.get("MATLAB_empty", 0):
            return empty_value(kind, self.array(item, place), place)
        if isinstance(item, h5py.Group):
            return self.struct(item, place)
        self.spend(place, converted_size(item, kind), values=0)
        data = self.array(item, place)
        if kind == "cell":
            # The reversed axes, read row by row, are MATLAB's column-major order.
            return [self.dereference(data, i, f"{place}{{{i + 1}}}") for i in range(data.size)]
        if kind == "char":
            self.spend(place, values=len(np.atleast_2d(data.T)) - 1)  # each row becomes a str
            return characters(data.T, place)
        return numbers(data.T, kind, place)

    def array(self, item: Any, place: str) -> np.ndarray[Any, Any]:
        """Return the data of a dataset as stored; its declared size is checked first."""
        if not isinstance(item, h5py.Dataset):
            raise ModelFormatError("an HDF5 group", "a dataset", "the file is damaged", place)
        if item.is_virtual or item.external:
            raise ModelFormatError("data kept in another file", "data in this file", "the file is not MATLAB's", place)
        size = math.prod(item.shape or ()) * item.dtype.itemsize
        if size > MAX_INFLATION * self.file_size:
            declared = f"{size:,} bytes declared in a file of {self.file_size:,}"
            expected = f"at most {MAX_INFLATION} times the file's size"
            raise ModelFormatError(declared, expected, "the file is damaged", place)
        self.spend(place, size)
        return np.asarray(item[()])

    def dereference(self, references: np.ndarray[Any, Any], index: int, place: str) -> Tree:
        """Return the value that reference number `index` points to."""
        reference = references.ravel()[index]
        if not isinstance(reference, h5py.Reference) or not reference:
            raise ModelFormatError("an empty reference", "a reference to a value", "the file is damaged", place)
        address = h5py.h5o.get_info(h5py.h5r.dereference(reference, self.file.id)).addr
        return self.value(address, partial(self.file.__getitem__, reference), place)

    @cached_property
    def subsystem(self) -> np.ndarray[Any, Any]:
        """References to the cells of the subsystem, which has the contents of objects."""
        return self.array(member(member(self.file, "#subsystem#"), "MCOS"), "#subsystem#")

    def subsystem_cell(self, number: int) -> Tree:
        """Return a cell of the subsystem; the numbers count from 0."""
        depth = len(self.ancestors)
        try:
            return self.dereference(self.subsystem, number, "#subsystem#")
        finally:  # an error here costs the caller an object, not the file
            del self.ancestors[depth:]

    def struct(self, group: Any, place: str) -> Tree:
        """Return a struct as a dict, a struct array (one dataset of references for each field) as a list of dicts."""
        # Alphabetical order. MATLAB_fields holds MATLAB's own order, but not every file has it, and HDF5 crashes on
        # a damaged one (it is the only data of variable length).
        links = dict(sorted(hard_links(group, place).items()))
        names = {address: name for name, address in links.items()}
        items = {address: group[name] for address, name in names.items()}
        if not items or any("MATLAB_class" in item.attrs for item in items.values()):
            return {
                name: self.value(at, partial(items.__getitem__, at), f"{place}.{name}") for name, at in links.items()
            }
        self.spend(place, values=len(links) - len(items))
        arrays = {at: self.array(item, place) for at, item in items.items()}
        columns = {name: arrays[at] for name, at in links.items()}
        sizes = {column.size for column in columns.values()}
        if len(sizes) > 1:
            raise ModelFormatError(
                f"fields of {sorted(sizes)} values", "as many values in each field", "the file is damaged", place
            )
        return [
            {name: self.dereference(column, i, f"{place}({i + 1}).{name}") for name, column in columns.items()}
            for i in range(sizes.pop())
        ]


def text(value: Any) -> str:
    """Return an attribute as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def converted_size(item: Any, kind: str) -> int:
    """Return the bytes of a dataset's values as numbers of class `kind`, beside those stored; 0 for other data.

    Numbers may be stored in fewer bytes than their class has. Integers become float32 where they are weights.
    """
    if kind not in NUMBERS or not isinstance(item, h5py.Dataset):
        return 0
    size = 32 if item.dtype.names else memory_of(np.dtype(NUMBERS[kind]))
    return math.prod(item.shape or ()) * size


def characters(codes: np.ndarray[Any, Any], place: str) -> str | list[str]:
    """Return the text of an array of UTF-16 codes: str, or a list of str for several rows."""
    if codes.dtype.kind not in "ui":
        raise ModelFormatError(f"data of type {codes.dtype}", "codes of text", "the file is damaged", place)
    rows = [row.astype("<u2").tobytes().decode("utf-16-le", "replace") for row in np.atleast_2d(codes)]
    return rows[0] if len(rows) == 1 else rows


def numbers(data: np.ndarray[Any, Any], kind: str, place: str) -> np.ndarray[Any, Any]:
    """Return numbers as MATLAB has them: two axes or more, of class `kind`, or complex."""
    if data.dtype.names == ("real", "imag"):
        return np.atleast_2d(complex_numbers(data["real"], data["imag"]))
    if data.dtype.kind not in "fiub":
        raise ModelFormatError(f"data of type {data.dtype}", f"numbers of class {kind}", "the file is damaged", place)
    return np.atleast_2d(data.astype(NUMBERS[kind], copy=False))


def empty_value(kind: str, dimensions: np.ndarray[Any, Any], place: str) -> Tree:
    """Return the empty value of class `kind` with the given `dimensions`; raise ModelFormatError if they are none."""
    shape = whole_numbers(dimensions.ravel().tolist(), place, most=MOST_VALUES)
    if len(shape) > MOST_AXES or math.prod(extent for extent in shape if extent) > MOST_VALUES:
        raise ModelFormatError(f"dimensions {shape[:8]}", "those of an array", "the file is damaged", place)
    if kind == "char":
        return ""
    if kind == "struct":
        return {} if math.prod(shape) == 1 else []  # a struct without fields counts as empty, even if 1 x 1
    return [] if kind == "cell" else np.zeros(shape if 0 in shape else (0, 0), NUMBERS[kind])
