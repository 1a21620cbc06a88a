"""Blocks: the structs that hold a layer in MatConvNet's models, in a simplenn chain and in a DagNN.

Layers know the names and defaults of these fields, as plain values. `refvis.weights` knows the files.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from refvis.layers.base.arrays import Array

Struct: TypeAlias = dict[str, Any]
"""Fields of a struct: numbers, tuples of numbers, texts, lists (cells), NumPy arrays in MATLAB's layout."""

ANY_NUMBER = range(1, 2**31)
"""Any number of inputs."""


class Fields(Protocol):
    """The fields of one struct of a model; a layer's `read` function takes its values from here.

    Every default that is filled in becomes a remark of the load report. A value that does not fit is an error that
    names the field in the file. `inputs` is the number of the layer's inputs.
    """

    inputs: int

    def has(self, name: str) -> bool:
        """Return whether the struct has the field."""

    def number(self, name: str, default: float) -> float:
        """Return a field of one number."""

    def numbers(self, name: str, default: tuple[float, ...], counts: Container[int]) -> tuple[float, ...]:
        """Return a field of numbers; `counts` are the lengths that it may have."""

    def flag(self, name: str, default: bool) -> bool:
        """Return a field that is true or false."""

    def text(self, name: str) -> str | None:
        """Return a text, or None where it is absent or empty."""

    def choice(self, name: str, default: str) -> str:
        """Return a text in lower case, or the default, with a remark, where it is absent."""

    def geometry(self, name: str, default: int | None) -> Any:
        """Return whole numbers, (y, x) or one; "pad" and "crop" may have four. No default: the field is required."""

    def whole(self, name: str, *values: float) -> tuple[int, ...]:
        """Return numbers of the field as ints; they have to be whole, 0 or more, and sizes that arrays have."""

    def matrix(self, name: str, shape: tuple[int, int]) -> tuple[tuple[float, ...], ...]:
        """Return a field of numbers of that shape as rows."""

    def arrays(self, *names: str) -> list[Array | None]:
        """Return the arrays in `weights`; files of older versions hold them in fields of these names."""

    def own_arrays(self) -> list[Array | None]:
        """Return all arrays in `weights`, as many as the file has, with four axes, the last one first."""

    def filters(self, array: Array) -> Array:
        """Return filters FH x FW x C x K as K x FH x FW x C."""

    def vector(self, array: Array) -> Array:
        """Return an array with one axis."""

    def weights_of_instances(self, as_number: bool = True) -> Any:
        """Return the field `instanceWeights`: an array with four axes, the last one first, or None.

        A single one is returned as a number, where `as_number`.
        """

    def option(self, name: str, default: float) -> float:
        """Return a field of one number that is usually absent; no remark says so."""

    def without_effect(self, name: str) -> None:
        """Ignore a field that MatConvNet takes and does not use; one that is not empty becomes a remark."""

    def without_labels(self) -> None:
        """Ignore the field `class`, which may hold the labels of the last training batch."""

    def remark(self, kind: Any, text: str, name: str = "", advice: str = "") -> None:
        """Add a remark ("default", "changed", "ignored", "warning") on the field, or on the struct, with advice."""

    def error(self, name: str, found: str, expected: str, advice: str = "") -> ValueError:
        """Return the error for the field, or for the struct."""

    def unknown(self, what: str) -> Any:
        """Return an unknown layer, which is shown but does not run; `what` names it in the remark."""


def no_fields(layer: Any) -> Struct:
    """Return no fields."""
    return {}


def fits(layer: Any) -> bool:
    """Return True: a chain can hold every layer of the type."""
    return True


@dataclass(frozen=True)
class Block:
    """How a layer is read from, and written to, MatConvNet's models.

    read          ``(fields) -> layer``
    type, older   the simplenn type that is written, and older types that are read; "": a chain cannot hold the layer
    block         the DagNN class, without "dagnn."; "": a DagNN cannot hold the layer
    older_blocks  other DagNN classes that are read as it
    fields        ``(layer) -> Struct``, the fields that both have
    arrays        the layer's arrays in the order of `weights`, each with the letter that ends its name in a DagNN
    read_block    as `read`, for a block whose defaults or fields differ
    renamed       fields that have another name in a block: (name in a chain, name in a block)
    more          ``(layer) -> Struct``, fields that only a block has
    inputs        numbers of inputs that a block may have; empty: blocks of this class are read as another layer
    unused        fields of a block that do not change what it computes
    in_chain      whether a chain can hold this layer
    options       fields that the cell `opts` {name, value, ...} of a block may hold, too; it has the last word
    chain_opts    whether MatConvNet passes the field `opts` of a simplenn layer on, too
    only_chain    ``(layer) -> Struct``, fields that only a chain has
    """

    read: Callable[[Fields], Any]
    type: str = ""
    block: str = ""
    fields: Callable[[Any], Struct] = no_fields
    arrays: tuple[tuple[str, str], ...] = ()
    older: tuple[str, ...] = ()
    read_block: Callable[[Fields], Any] | None = None
    renamed: tuple[tuple[str, str], ...] = ()
    more: Callable[[Any], Struct] = no_fields
    inputs: Container[int] = (1,)
    unused: tuple[str, ...] = ()
    in_chain: Callable[[Any], bool] = fits
    options: tuple[str, ...] = ()
    chain_opts: bool = False
    only_chain: Callable[[Any], Struct] = no_fields
    older_blocks: tuple[str, ...] = ()


def with_four_axes(weights: Any) -> Any:
    """Return weights as an array with four axes, as they broadcast; a number, or None, as it is."""
    shape = getattr(weights, "shape", None)
    return weights if shape is None else weights.reshape((1,) * (4 - len(shape)) + shape)


FILTERS = (("filters", "f"), ("biases", "b"))
"""The arrays of layers with filters."""


def filter_size(layer: Any) -> Struct:
    """Return the size of the filters in a block's order, FH x FW x C x K, and whether there are biases."""
    size = (1, 1, 0, 0) if layer.filters is None else tuple(layer.filters.shape[axis] for axis in (1, 2, 3, 0))
    return {"size": size, "hasBias": layer.biases is not None}
