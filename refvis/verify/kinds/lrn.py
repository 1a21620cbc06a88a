"""Local response normalisation: its cases, and what another choice or a mistake gives."""

import numpy as np

from refvis.layers import LRN, Array
from refvis.layers import lrn as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, both, changed, forward_is
from refvis.verify.kinds.changes import with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return an LRN and an input; simple: a window of odd size."""
    size = choose.choice((3, 5, 1)) if simple else choose.integer(1, 6)
    layer = LRN(size, choose.choice((1.0, 2.0, 0.5)), choose.choice((1.0, 0.5, 0.25)), choose.choice((1.0, 0.75, 0.5)))
    channels, count = choose.integer(1, 7), choose.integer(1, 4)
    x = filled(choose, (count, choose.integer(1, 3), choose.integer(1, 3), channels), scale=0.5)
    return Case(layer, (x,))


def mirrored_window(layer: LRN, x: Array) -> Array:
    """Return y of a window that holds one more channel below than above, for even sizes."""
    below, above = definition.neighbours(layer)
    return x * (layer.kappa + layer.alpha * definition.window_sum(x * x, above, below)) ** -layer.beta


def mirrored_gradient(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient of that."""
    (back,) = definition.gradient(layer, signal[..., ::-1], output, np.ascontiguousarray(x[..., ::-1]))
    return (back[..., ::-1],)


def images_for_channels(layer: LRN, x: Array) -> Array:
    """Return y whose sums are computed for as many channels as there are images; the others' sums are zero."""
    if len(x) > x.shape[3]:
        raise IndexError("there are more images than channels")
    y = x * layer.kappa**-layer.beta
    y[..., : len(x)] = definition.forward(layer, x)[..., : len(x)]
    return y


def across_rows(layer: LRN, x: Array) -> Array:
    """Return the normalisation of windows in the image, as in other libraries' within-channel form."""
    swapped = np.ascontiguousarray(x.swapaxes(1, 3))
    return definition.forward(layer, swapped).swapaxes(1, 3)


def without_cross_terms(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient that takes the denominator as constant."""
    return (signal * definition.denominator(layer, x) ** -layer.beta,)


def unmirrored_gradient(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient whose second sum runs over the forward window."""
    below, above = definition.neighbours(layer)
    L = definition.denominator(layer, x)
    total = definition.window_sum(signal * x * L ** (-layer.beta - 1), below, above)
    return (signal * L**-layer.beta - 2 * layer.alpha * layer.beta * x * total,)


def half_gradient(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient without the factor 2 of the square."""
    (whole,) = definition.gradient(layer, signal, output, x)
    (direct,) = without_cross_terms(layer, signal, output, x)
    return ((whole + direct) / 2,)


def plus_gradient(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient whose second term has the other sign."""
    (whole,) = definition.gradient(layer, signal, output, x)
    (direct,) = without_cross_terms(layer, signal, output, x)
    return (2 * direct - whole,)


def own_channel_only(layer: LRN, signal: Array, output: Array, x: Array) -> tuple[Array]:
    """Return the gradient whose second term counts the own channel only."""
    L = definition.denominator(layer, x)
    own = 2 * layer.alpha * layer.beta * x * x * signal * L ** (-layer.beta - 1)
    return (signal * L**-layer.beta - own,)


def absolute_sum(layer: LRN, x: Array) -> Array:
    """Return y whose sum is over sizes instead of squares."""
    sizes = definition.window_sum(np.abs(x), *definition.neighbours(layer))
    return x * (layer.kappa + layer.alpha * sizes) ** -layer.beta


PAGE = "operators/lrn.html"
ANSWERS: tuple[Answer, ...] = (
    changed(
        "alpha_over_n",
        "it divides alpha by the size of the window",
        with_fields(alpha=lambda layer: layer.alpha / layer.size),
        BOTH,
        result="acceptable",
        flag="CONVENTION",
        seen=("Caffe", "PyTorch", "ONNX"),
        page=PAGE,
    ),
    changed(
        "alpha_times_n",
        "it multiplies alpha by the size of the window",
        with_fields(alpha=lambda layer: layer.alpha * layer.size),
        BOTH,
        page=PAGE,
    ),
    both(
        "mirrored_window",
        "a window of even size holds one more channel below than above",
        mirrored_window,
        mirrored_gradient,
        result="acceptable",
        flag="CONVENTION",
        seen=("PyTorch",),
    ),
    forward_is(
        "images_for_channels",
        "its loop runs over images where it means channels, so that later channels have no sum",
        images_for_channels,
        flag="KNOWN_BUG",
        seen=("ONNX 1.23.2's reference evaluator",),
    ),
    changed("no_kappa", "it has no kappa", with_fields(kappa=0.0), BOTH),
    changed("kappa_one", "it takes 1 for kappa", with_fields(kappa=1.0), BOTH),
    changed(
        "window_one_larger", "its window has one channel too many", with_fields(size=lambda layer: layer.size + 1), BOTH
    ),
    changed(
        "window_one_smaller",
        "its window has one channel too few",
        with_fields(size=lambda layer: max(1, layer.size - 1)),
        BOTH,
    ),
    changed(
        "window_doubled",
        "it takes the size for the number of neighbours on each side",
        with_fields(size=lambda layer: 2 * layer.size + 1),
        BOTH,
    ),
    changed("all_channels", "it sums over all channels", with_fields(size=1000), BOTH),
    changed("beta_one", "it takes 1 for beta", with_fields(beta=1.0), BOTH),
    changed("square_root", "it takes the square root for the power beta", with_fields(beta=0.5), BOTH),
    changed(
        "power_of_the_other_sign",
        "it multiplies by the power instead of dividing",
        with_fields(beta=lambda layer: -layer.beta),
        BOTH,
    ),
    forward_is("absolute_sum", "it sums sizes, not squares", absolute_sum),
    forward_is(
        "across_rows", "it normalises along the rows of the image, not across channels", across_rows, flag="LAYOUT"
    ),
    backward_is("constant_denominator", "its backward pass takes the denominator as constant", without_cross_terms),
    backward_is(
        "unmirrored_gradient",
        "its backward pass sums over the forward window, not the mirrored one",
        unmirrored_gradient,
        flag="KNOWN_BUG",
    ),
    backward_is("half_gradient", "its backward pass lacks the factor 2 of the square", half_gradient),
    backward_is("plus_gradient", "its backward pass adds the second term", plus_gradient),
    backward_is("own_channel_only", "its backward pass leaves out what other channels contribute", own_channel_only),
)
FEATURES = {
    "a window of even size": lambda case: case.layer.size % 2 == 0,
    "a window larger than the channels": lambda case: case.layer.size > case.inputs[0].shape[3],
    "more channels than images": lambda case: case.inputs[0].shape[3] > len(case.inputs[0]),
    "fewer channels than images": lambda case: case.inputs[0].shape[3] < len(case.inputs[0]),
    "several channels": lambda case: case.inputs[0].shape[3] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "kappa other than 1": lambda case: case.layer.kappa != 1,
}


def terms(case: Case) -> int:
    """Return the squares in a sum, and some for the power."""
    return int(min(case.layer.size, case.inputs[0].shape[3])) + 4


LOCAL_RESPONSE = Kind("lrn", draw, terms, ANSWERS, FEATURES, page=PAGE)
