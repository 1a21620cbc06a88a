"""What an image should have: a code that is given itself, or that of an image; the layer it is of."""

from dataclasses import dataclass
from hashlib import sha256

from refvis.layers import Array, Graph, ShapeError
from refvis.layers.base.arrays import moved, require_finite
from refvis.layers.graph.nodes import called
from refvis.network import Network
from refvis.targets import written_variable


@dataclass(frozen=True, eq=False)
class Wanted:
    """The code (N x h x w x c) at a variable, and the shape H x W x C of images that have codes of its shape."""

    variable: str
    code: Array
    image: tuple[int, ...]


def wanted(net: Network, target_or_x: Array, at: str | None, several: bool = False) -> Wanted:
    """Return the code that `target_or_x` is, or the code of that input, 1 x ... each (`several`: N x ...).

    It is a code if its shape is that of `at` for the network's input size, and not that of an input. `at` None: the
    last variable before the scores with more than one position. Raises ValueError for NaN, and where there is none;
    ShapeError where it is neither a code nor an input.
    """
    require_finite(target_or_x, "the target")
    count = len(target_or_x) if target_or_x.ndim == 4 else 0
    if count != 1 and not (several and count):
        how_many = "images or codes, N x H x W x C" if several else "one image or code, 1 x H x W x C"
        raise ShapeError(f"the target has shape {target_or_x.shape}, expected {how_many}")
    variable = _deepest_map(net, target_or_x) if at is None else written_variable(net, at)
    cut = net.upto(variable)
    size, channels = net.input_size, net.channels
    own = (count, *size, channels) if size and channels else None
    if own is not None and own != target_or_x.shape:
        expected = cut.shapes(**{net.inputs[0]: own})[variable]
        if target_or_x.shape == expected:
            return Wanted(variable, target_or_x, own[1:])
        _require_input(net, cut, target_or_x, f"a code at {called(net.nodes, variable)}, {expected}")
    return Wanted(variable, cut.forward(target_or_x)[variable], target_or_x.shape[1:])


def _require_input(net: Network, cut: Graph, x: Array, otherwise: str) -> None:
    """Raise ShapeError unless the network takes arrays of x's shape: what was given is neither input nor code."""
    try:
        cut.shapes(**{net.inputs[0]: x.shape})
    except ShapeError as fault:
        image = (len(x), *(net.input_size or ()), net.channels)
        message = f"the target has shape {x.shape}, expected {otherwise}, or an input, {image}"
        raise ShapeError(f"{message}; it is no input, since in {fault}") from None


def digest(array: Array) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of an array's values, for a record."""
    return sha256(moved(array, "numpy").tobytes()).hexdigest()[:16]


def _deepest_map(net: Network, x: Array) -> str:
    """Return the last variable before the scores that has more than one position."""
    shapes = net.upto(net.scores).shapes(**{net.inputs[0]: x.shape})
    maps = [name for name, shape in shapes.items() if shape[1] * shape[2] > 1 and name not in net.inputs]
    if not maps:
        raise ValueError("no layer has more than one position: name one with at=")
    return maps[-1]
