"""The target code for inversion, given directly or computed from an image, and its layer."""

from dataclasses import dataclass

from refvis.layers import Array, Graph, ShapeError
from refvis.layers.base.arrays import require_finite
from refvis.layers.graph.nodes import label_of
from refvis.network import Network, require_network
from refvis.targets import layer_variable


@dataclass(frozen=True, eq=False)
class TargetCode:
    """A code (N x h x w x c), its variable, and the shape H x W x C of images with codes of this shape."""

    variable: str
    code: Array
    image: tuple[int, ...]


def target_code(net: Network, target_or_x: Array, at: str | None, several: bool = False) -> TargetCode:
    """Return `target_or_x` if it is a code, or the code of `target_or_x` if it is an input.

    It is a code if its shape is that of `at` for the network's input size, and not that of an input. `at` defaults to
    the last variable before the scores with more than one position. Both are 1 x ..., or N x ... with `several`.
    Raises ValueError for NaN, and if no variable has several positions; ShapeError for neither a code nor an input.
    """
    require_network(net)
    require_finite(target_or_x, "the target")
    count = len(target_or_x) if target_or_x.ndim == 4 else 0
    if count != 1 and not (several and count):
        how_many = "images or codes, N x H x W x C" if several else "one image or code, 1 x H x W x C"
        raise ShapeError(f"the target has shape {target_or_x.shape}, expected {how_many}")
    variable = _deepest_map(net, target_or_x) if at is None else layer_variable(net, at)
    cut = net.upto(variable)
    size, channels = net.input_size, net.channels
    own = (count, *size, channels) if size and channels else None
    if own is not None and own != target_or_x.shape:
        expected = cut.shapes(**{net.inputs[0]: own})[variable]
        if target_or_x.shape == expected:
            return TargetCode(variable, target_or_x, own[1:])
        _require_input(net, cut, target_or_x, f"a code at {label_of(net.nodes, variable)}, {expected}")
    _, trace = net.checked_trace(variable, target_or_x)
    return TargetCode(variable, trace[variable], target_or_x.shape[1:])


def _require_input(net: Network, cut: Graph, x: Array, otherwise: str) -> None:
    """Raise ShapeError unless the network takes inputs of x's shape; `otherwise` says which code was expected."""
    try:
        cut.shapes(**{net.inputs[0]: x.shape})
    except ShapeError as fault:
        image = (len(x), *(net.input_size or ()), net.channels)
        message = f"the target has shape {x.shape}, expected {otherwise}, or an input, {image}"
        raise ShapeError(f"{message}; the network rejects it as an input: {fault}") from None


def _deepest_map(net: Network, x: Array) -> str:
    """Return the last variable before the scores that has more than one position."""
    shapes = net.upto(net.scores).shapes(**{net.inputs[0]: x.shape})
    maps = [name for name, shape in shapes.items() if shape[1] * shape[2] > 1 and name not in net.inputs]
    if not maps:
        raise ValueError("no layer has more than one position: give a layer with at=")
    return maps[-1]
