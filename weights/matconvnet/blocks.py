"""MatConvNet's layer types and block classes -> how their structs are read and written.

The rows stand in the layers' own files (`refvis.layers.base.blocks.Block`); this module finds them by type and class,
and those of layers that users registered.
"""

from collections.abc import Callable
from typing import Any

from refvis.layers import OPERATORS
from refvis.layers.base.blocks import Block
from refvis.layers.graph.registry import BY_NAME
from refvis.weights.errors import ModelFormatError
from refvis.weights.matconvnet.fields import Fields
from refvis.weights.matconvnet.plain_values import plain

Read = Callable[[Fields], Any]
"""The function that makes a layer of a struct's fields."""

BLOCKS: dict[type, Block] = {kind: row.matconvnet for kind, row in OPERATORS.items() if row.matconvnet is not None}
"""Layer type -> how MatConvNet's models hold it. Unknown and registered layers are written as they were read."""

TYPES: dict[str, Block] = {name: block for block in BLOCKS.values() for name in (block.type, *block.older) if name}
"""Type of a simplenn layer -> how it is read."""

CLASSES: dict[str, Block] = {
    name: block
    for block in BLOCKS.values()
    if block.inputs != ()
    for name in (block.block, *block.older_blocks)
    if name
}
"""Class of a DagNN block, without "dagnn." -> how it is read."""

LABELLED = tuple(block.type for kind, block in BLOCKS.items() if OPERATORS[kind].objective)
"""Simplenn types with a second input: labels, or what a distance is taken from."""


def read_chained(kind: str, fields: Fields) -> Any:
    """Return the layer of a simplenn struct of that type."""
    block = TYPES.get(kind)
    own = registered(kind)
    if own is not None or block is None:
        return read_safely(own or Fields.unknown, fields)
    if block.chain_opts:
        return read_with_options(block, block.read, fields)
    return read_safely(block.read, fields)


def read_with_options(block: Block, read: Read, fields: Fields) -> Any:
    """Return the layer, with the options in `opts` applied; a layer with an option that is not known is unknown."""
    unknown = fields.take_options(block.options)
    if unknown:
        return fields.unknown(
            f"layers of type {fields.values['type']!r} with the option {', '.join(map(repr, unknown))}"
        )
    return read_safely(read, fields)


def registered(kind: str) -> Read | None:
    """Return the reader for a layer type or block class that a user registered, None if there is none."""
    entry = BY_NAME.get(kind.removeprefix("dagnn."))
    if entry is None:
        return None

    def read(fields: Fields) -> Any:
        fields.used.update(fields.values)
        kept = fields.readable()
        try:
            return entry.build({name: value if name == "weights" else plain(value) for name, value in kept.items()})
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            what = f"{type(error).__name__}: {error}"
            raise fields.error("", f"the registered build function ended in {what}", "fields that it knows") from error

    return read


def read_safely(read: Read, fields: Fields) -> Any:
    """Return the layer that `read` makes of the fields; what the layer itself refuses is a ModelFormatError."""
    try:
        return read(fields)
    except ModelFormatError:
        raise
    except ValueError as error:
        raise fields.error("", str(error), f"fields of a sound {fields.values['type']} layer") from error
