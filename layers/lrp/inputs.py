"""Rules for a first layer, whose inputs are pixels and no activations: w-square, flat, and the box rule z-B.

    w-square:  R_d = sum_k  w_kd^2 / sum_d' w_kd'^2 * R_k                    (any real input; Montavon et al. 2017)
    flat:      R_d = sum_k  1 / (number of inputs that reach k) * R_k        (Lapuschkin et al. 2019)
    box:       R_d = sum_k  c_kd / sum_d' c_kd' * R_k,    c_kd = x_d w_kd - l_d w+_kd - h_d w-_kd
                                                          (inputs with l <= x <= h; Montavon et al. 2017)

The papers have no bias in these denominators, as here by default; "booked" adds b^2, 1 and b (zennit adds b^2 for
w-square). The first two denominators are sums of squares: they need no stabiliser, and have none unless told.
"""

from typing import Any

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.linear import linear, negative, ones, positive
from refvis.layers.lrp.shares import Division, added, changed
from refvis.layers.lrp.signs import passed, present, summed
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser


def w_square(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = 0.0,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """w-square rule (Montavon et al. 2017): in proportion to squared weights, whatever the input."""
    return _constant(lambda w: w * w, Division(eps, bias, book), layer, signal, inputs)


def flat(
    layer: Any,
    signal: Array,
    output: Array,
    *inputs: Array,
    eps: float | Stabiliser = 0.0,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Flat rule (Lapuschkin et al. 2019): in equal parts to all inputs that reach the output, whatever they are."""
    return _constant(ones, Division(eps, bias, book), layer, signal, inputs)


def _constant(
    change: Any, division: Division, layer: Any, signal: Array, inputs: tuple[Array, ...]
) -> tuple[Array, ...]:
    """Return relevance in proportion to changed weights alone: all inputs count as 1."""
    part = linear(layer, *inputs)
    weighted = part.weighted(change)
    assert weighted is not None  # neither squares nor ones are zero for weights that are equal and positive
    alike = weighted.on(ones)
    share, dealt = division.shares(part, signal, alike.forward(), changed(part.bias, change))
    return part.to_inputs(added(alike.gradient(share), dealt))


def box(
    layer: Any,
    signal: Array,
    output: Array,
    x: Array,
    *,
    low: float | Array | None = None,
    high: float | Array | None = None,
    eps: float | Stabiliser = EPSILON,
    bias: str = "absent",
    book: Booking | None = None,
) -> tuple[Array, ...]:
    """Box rule z-B (Montavon et al. 2017), for a layer that reads pixels between `low` and `high`.

    `low` and `high` are numbers, or arrays that broadcast against x (N x H x W x C); None: the smallest and largest
    value of each image, the tightest box that holds it. Raises ValueError where x lies outside.
    """
    part, division = linear(layer, x), Division(eps, bias, book)
    low, high = _bound(x, low, "min"), _bound(x, high, "max")
    if (x < low).any() or (x > high).any():
        raise ValueError(
            f"the input lies in {float(x.min()):g} ... {float(x.max()):g}, outside the box that was given: "
            "low and high are bounds of the network's input, after the average was subtracted"
        )
    # x w - l w+ - h w- = (x - l) w+ + (x - h) w-: neither term is negative, so that nothing cancels.
    up, down = part.weighted(positive), part.weighted(negative)
    pieces = present(up and up.on(lambda x: x - low), down and down.on(lambda x: x - high))
    share, dealt = division.shares(part, signal, summed(pieces, signal), part.bias)
    return part.to_inputs(added(passed(pieces, share), dealt))


def _bound(x: Array, value: float | Array | None, extreme: str) -> Array:
    if value is None:
        value = getattr(x, extreme)(axis=tuple(range(1, x.ndim)), keepdims=True)
    xp = array_module(x)
    return xp.broadcast_to(xp.asarray(value, x.dtype), x.shape)
