"""Layouts: where the axes of an ONNX value lie in a variable of N x H x W x C.

ONNX has N x C x H x W, and reshapes and transposes freely; a variable of refvis keeps its four axes. So a value of ONNX
is a variable and an account of its axes: each consists of atoms, pieces of the variable's axes. A map is

    dims  (N) (C) (H) (W)        axes  N: (N)  H: (H)  W: (W)  C: (C)

`Flatten` makes the dims (N) (C H W) of it, and the variable stays as it is. A dense layer that reads these dims has its
weights' columns in the order C, H, W; `layout` says how to bring them into the order of the variable, H, W, C.
Axes of size 1 have no atoms, except for N, which is always one atom: a network is for any number of images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAP_ORDER = (0, 3, 1, 2)
"""The axes of a variable, N, H, W, C, in ONNX's order."""


class Unmapped(Exception):  # noqa: N818  # no error of the user: it tells the builder that a layer is unknown
    """An operator has no layer here; the message says why."""


@dataclass(frozen=True, eq=False)
class Atom:
    """A piece of an axis; two atoms are the same if they are one object."""

    size: int


Dims = tuple[tuple[Atom, ...], ...]


def product(atoms: Sequence[Atom]) -> int:
    """Return the number of places of atoms together."""
    return math.prod(atom.size for atom in atoms)


@dataclass(frozen=True, eq=False)
class Feature:
    """A value that depends on the network's input.

    variable   the variable that holds it
    dims       the atoms of each axis that ONNX sees; None: its shape is not known
    axes       the atoms of each axis of the variable, N, H, W, C; None likewise
    gate       whether it is made to be a factor: the output of a sigmoid or softmax
    """

    variable: str
    dims: Dims | None = None
    axes: Dims | None = None
    gate: bool = False

    @property
    def known(self) -> tuple[Dims, Dims]:
        """The dims and axes; raises Unmapped where they are not known."""
        if self.dims is None or self.axes is None:
            raise Unmapped("it follows an unknown layer, so the size of its input is not known")
        return self.dims, self.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that ONNX sees."""
        return tuple(map(product, self.known[0]))

    @property
    def own_shape(self) -> tuple[int, ...]:
        """The shape of the variable, N x H x W x C."""
        return tuple(map(product, self.known[1]))

    @property
    def batch(self) -> Atom:
        """The atom of the images."""
        return self.known[1][0][0]

    @property
    def is_map(self) -> bool:
        """Whether ONNX sees N x C x H x W, N x C x W or N x C, and so does the variable, in its own order."""
        dims, (n, h, w, c) = self.known
        orders = {4: (n, c, h, w), 3: (n, c, w), 2: (n, c)}
        expected = orders.get(len(dims))
        hidden = {3: h, 2: h + w}.get(len(dims), ())
        return expected is not None and dims == expected and not hidden


def as_map(variable: str, shape: Sequence[int], rank: int, batch: Atom) -> Feature:
    """Return the feature of a variable of N x H x W x C `shape` that ONNX sees as N x C x H x W, N x C x W or N x C."""
    h, w, c = (tuple(Atom(extent) for extent in (extent,) if extent > 1) for extent in shape[1:])
    n = (batch,)
    dims = {4: (n, c, h, w), 3: (n, c, w), 2: (n, c)}[rank]
    return Feature(variable, dims, (n, h, w, c))


def transposed(value: Feature, order: Sequence[int]) -> Feature:
    """Return the value with the axes that ONNX sees in another order."""
    dims, _ = value.known
    if sorted(order) != list(range(len(dims))):
        raise Unmapped(f"it transposes {len(dims)} axes by {list(order)}")
    return replace(value, dims=tuple(dims[axis] for axis in order))


def reshaped(value: Feature, shape: Sequence[int]) -> Feature:
    """Return the value as ONNX reshapes it; an atom is split in two where a new axis ends inside it."""
    dims, axes = value.known
    waiting = [atom for atoms in dims for atom in atoms]
    splits: dict[Atom, tuple[Atom, Atom]] = {}
    made: list[tuple[Atom, ...]] = []
    for number, extent in enumerate(shape):
        taken: list[Atom] = []
        if number == 0 and waiting and waiting[0] is value.batch and value.batch.size == 1:
            taken.append(waiting.pop(0))
        while product(taken) != extent:
            if not waiting or extent % product(taken) or extent == 0:
                raise Unmapped(f"it reshapes {value.shape} to {tuple(shape)}")
            room, atom = extent // product(taken), waiting.pop(0)
            if room % atom.size:  # the axis ends inside the atom
                if atom is value.batch or atom.size % room:
                    raise Unmapped(f"it reshapes {value.shape} to {tuple(shape)}")
                outer, inner = Atom(room), Atom(atom.size // room)
                splits[atom] = (outer, inner)
                waiting.insert(0, inner)
                atom = outer
            taken.append(atom)
        made.append(tuple(taken))
    if waiting or not made or value.batch not in made[0]:
        raise Unmapped(f"it reshapes {value.shape} to {tuple(shape)}")

    def pieces(atom: Atom) -> tuple[Atom, ...]:
        return tuple(part for half in splits[atom] for part in pieces(half)) if atom in splits else (atom,)

    split_axes = tuple(tuple(part for atom in atoms for part in pieces(atom)) for atoms in axes)
    return replace(value, dims=tuple(made), axes=split_axes)


def constant_in(value: Feature, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that ONNX broadcasts against the value, as it broadcasts against the variable: four axes."""
    dims, axes = value.known
    if array.ndim > len(dims):
        raise Unmapped(f"a constant of shape {array.shape} meets a value of shape {value.shape}")
    array = array.reshape((1,) * (len(dims) - array.ndim) + array.shape)
    if any(extent not in (1, own) for extent, own in zip(array.shape, value.shape, strict=True)):
        raise Unmapped(f"a constant of shape {array.shape} meets a value of shape {value.shape}")
    places = [atom for atoms in dims for atom in atoms]
    ones = [extent == 1 for extent, atoms in zip(array.shape, dims, strict=True) for _ in atoms]
    spread = array.reshape([1 if one else atom.size for one, atom in zip(ones, places, strict=True)])
    order = [places.index(atom) for atoms in axes for atom in atoms]
    moved = spread.transpose(order)
    sizes, full, merged = iter(moved.shape), [], []
    for atoms in axes:
        extents = [next(sizes) for _ in atoms]
        if max(extents, default=1) > 1:
            extents = [atom.size for atom in atoms]
        full += extents
        merged.append(math.prod(extents))
    return np.ascontiguousarray(np.broadcast_to(moved, full).reshape(merged))


def columns_in(value: Feature, matrix: NDArray[Any]) -> NDArray[Any]:
    """Return a matrix K x D for the values that ONNX sees as N x D with its columns in the order H, W, C."""
    dims, axes = value.known
    if len(dims) != 2 or dims[0] != (value.batch,):
        raise Unmapped(f"a dense layer reads a value of shape {value.shape}, not one row for each image")
    order = [dims[1].index(atom) + 1 for atoms in axes[1:] for atom in atoms]
    if matrix.shape[1] != product(dims[1]):
        raise Unmapped(f"the weights have {matrix.shape[1]} columns, the input {product(dims[1])} values")
    spread = matrix.reshape(len(matrix), *(atom.size for atom in dims[1]))
    return np.ascontiguousarray(spread.transpose(0, *order).reshape(matrix.shape))
