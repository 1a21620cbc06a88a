"""The layout of a recording: as said, or guessed where the sizes tell, and then aloud."""

from collections.abc import Mapping
from itertools import permutations

from refvis.layers import Array
from refvis.verify.layouts import OURS, from_layout, require_layout

USUAL = ("NHWC", "NCHW", "HWCN", "CHWN")


class LayoutError(ValueError):
    """The sizes do not tell the layout, or contradict it."""


def find_layout(
    arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], layout: str | None
) -> tuple[str, str]:
    """Return the layout of all arrays, and a remark if it was guessed.

        arrays  theirs, by variable
        shapes  ours, N x H x W x C, by variable
        layout  what the user says; None: guess

    Arrays of other sizes are left out: they are wrong in any layout. Raises LayoutError where several layouts fit, and
    where none does.
    """
    if layout is not None:
        return require_layout(layout), ""
    known = {
        name: array
        for name, array in arrays.items()
        if array.ndim == 4 and sorted(array.shape) == sorted(shapes.get(name, ()))
    }
    fitting = [one for one in USUAL if all(_fits(array, shapes[name], one) for name, array in known.items())]
    if not fitting:
        others = ("".join(one) for one in permutations(OURS))
        fitting = [one for one in others if all(_fits(array, shapes[n], one) for n, array in known.items())]
    if len({_moved_shapes(known, one) for one in fitting}) == 1 and len(fitting) > 1 and _same_bytes(known, fitting):
        return fitting[0], ""
    if len(fitting) == 1:
        if fitting[0] == OURS or not known:
            return fitting[0], ""
        name = next(name for name in known if known[name].shape != shapes[name])
        return fitting[0], f"the layout is taken to be {fitting[0]}: {name!r} has shape {_text(known[name].shape)}"
    if not fitting:
        name = next(iter(known))
        raise LayoutError(
            f"no order of axes fits all variables: {name!r} has shape {_text(known[name].shape)}, expected "
            f"{_text(shapes[name])} (N x H x W x C) in the same order as the others"
        )
    raise LayoutError(f"the sizes do not tell the layout, {' or '.join(fitting)}: say it with layout='{fitting[-1]}'")


def ours(array: Array, shape: tuple[int, ...], layout: str) -> Array:
    """Return an array of theirs as N x H x W x C in float64; axes of size 1 may be missing.

    Raises ValueError if the sizes do not fit.
    """
    if array.ndim == 4:
        moved = from_layout(array, layout)
    else:
        theirs = [dict(zip(OURS, shape, strict=True))[axis] for axis in layout]
        if sorted(n for n in array.shape if n > 1) != sorted(n for n in theirs if n > 1) or array.size != _size(shape):
            raise ValueError(f"it has shape {_text(array.shape)}, expected {_text(shape)} (N x H x W x C)")
        moved = from_layout(array.reshape(theirs), layout)
    if moved.shape != tuple(shape):
        raise ValueError(f"it has shape {_text(moved.shape)} as N x H x W x C, expected {_text(shape)}")
    return moved.astype("float64")


def _fits(array: Array, shape: tuple[int, ...], layout: str) -> bool:
    return tuple(array.shape) == tuple(dict(zip(OURS, shape, strict=True))[axis] for axis in layout)


def _moved_shapes(arrays: Mapping[str, Array], layout: str) -> tuple[tuple[int, ...], ...]:
    return tuple(from_layout(array, layout).shape for array in arrays.values())


def _same_bytes(arrays: Mapping[str, Array], layouts: list[str]) -> bool:
    """Return whether all these layouts read the arrays alike: only axes of size 1 differ in place."""

    def order(array: Array, layout: str) -> str:
        return "".join(axis for axis, size in zip(layout, array.shape, strict=True) if size > 1)

    return all(len({order(array, one) for one in layouts}) == 1 for array in arrays.values())


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
