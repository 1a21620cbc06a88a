"""Losses, each kind of them: their cases, and what another choice or a mistake gives."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from refvis.layers import Array, Loss, SoftmaxLoss
from refvis.layers import loss as definition
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, Answer, Kind, backward_is, changed, forward_is
from refvis.verify.kinds.changes import with_fields

NAMES = tuple(definition.LOSSES)
ERRORS = ("classerror", "topkerror", "binaryerror")
PROBABILITIES = ("log", "binarylog")


def draw(choose: Chooser, simple: bool, names: tuple[str, ...] = NAMES) -> Case:
    """Return a loss, predictions and labels; simple: a label for each image or position, no option."""
    kind = choose.choice(names)
    categorical = definition.LOSSES[kind].categorical
    shape = (*(choose.integer(1, 3) for _ in range(3)), choose.integer(2, 5))
    random = np.random.default_rng(choose.integer(0, 999))
    x = random.integers(1, 8, shape) / 8 if kind in PROBABILITIES else filled(choose, shape, scale=0.5)
    size = (*shape[:3], 1 if categorical else shape[3])
    least = 1 if simple else 0
    labels = random.integers(least, shape[3] + 1, size) if categorical else random.integers(-1, 2, size)
    if simple and not categorical:
        labels = np.where(labels == 0, 1, labels)
    layer = Loss(kind)
    if not simple:
        weights = random.integers(0, 4, size) / 2 if choose.choice((False, True)) else None
        threshold = choose.choice((0.0, 0.25))
        layer = Loss(kind, choose.integer(1, 3), threshold, weights, choose.choice((True, False)))
    return Case(layer, (x, labels.astype("float64")))


def draw_block(choose: Chooser, simple: bool) -> Case:
    """Return the older block of softmax and loss, scores and labels."""
    case = draw(choose, simple, ("softmaxlog",))
    return Case(SoftmaxLoss(), case.inputs)


def loss_of(layer: Loss | SoftmaxLoss) -> Loss:
    """Return a layer as a loss: the older block is one."""
    return layer if isinstance(layer, Loss) else Loss("softmaxlog")


def scaled(
    factor: Callable[[Loss, Array, Array], float],
) -> tuple[Callable[..., Array], Callable[..., tuple[Array, ...]]]:
    """Return both passes times a number: ``(layer, x, labels) -> number``."""

    def forward(layer: Loss | SoftmaxLoss, x: Array, labels: Array) -> Array:
        own = loss_of(layer)
        return definition.forward(own, x, labels) * factor(own, x, labels)

    def backward(layer: Loss | SoftmaxLoss, signal: Array, output: Array, x: Array, labels: Array) -> tuple[Array, ...]:
        own = loss_of(layer)
        dx, rest = definition.gradient(own, signal, output, x, labels)
        return dx * factor(own, x, labels), rest

    return forward, backward


def scaled_answer(name: str, text: str, factor: Callable[[Loss, Array, Array], float], flag: str) -> Answer:
    """Return the answer that multiplies the loss and its gradient by a number."""
    forward, backward = scaled(factor)
    both = forward_is(name, text, forward, flag=flag)
    return replace(both, parts={**both.parts, **backward_is(name, text, backward).parts})


def undivided(layer: Loss, x: Array, labels: Array) -> float:
    """Return N where the definition divides by it."""
    return float(len(x)) if layer.normalise else 1.0


def by_instances(layer: Loss, x: Array, labels: Array) -> float:
    """Return N over the number of labels that count."""
    counted = max(1, int((labels != 0).sum()))
    return undivided(layer, x, labels) / counted if layer.normalise else 1.0


def by_all_instances(layer: Loss, x: Array, labels: Array) -> float:
    """Return N over the number of labels."""
    return undivided(layer, x, labels) / labels.size if layer.normalise else 1.0


def ignored_count(case: Case) -> Case:
    """Return the case in which labels of 0 count as the first class, or as +1."""
    labels = case.inputs[1]
    return case.with_arrays({"x1": np.where(labels == 0, 1.0, labels)})


def labels_from_zero(case: Case) -> Case:
    """Return the case whose labels count from 0: each is one class further."""
    if not definition.LOSSES[loss_of(case.layer).kind].categorical:
        return case
    labels = case.inputs[1]
    if labels.max() >= case.inputs[0].shape[3]:
        raise IndexError("a label is as large as the number of classes")
    return case.with_arrays({"x1": labels + 1})


def as_kind(kind: str) -> Callable[[Case], Case]:
    """Return the change to another kind of loss."""

    def change(case: Case) -> Case:
        own = loss_of(case.layer)
        if definition.LOSSES[own.kind].categorical != definition.LOSSES[kind].categorical:
            return case
        return replace(case, layer=replace(own, kind=kind))

    return change


def unsigned(layer: Loss | SoftmaxLoss, signal: Array, output: Array, x: Array, labels: Array) -> tuple[Array, ...]:
    """Return the gradient of a signal of one."""
    return definition.gradient(loss_of(layer), np.ones_like(signal), output, x, labels)


def flipped(layer: Loss | SoftmaxLoss, signal: Array, output: Array, x: Array, labels: Array) -> tuple[Array, ...]:
    """Return the gradient with the other sign."""
    dx, rest = definition.gradient(loss_of(layer), signal, output, x, labels)
    return -dx, rest


def label_only(layer: Loss | SoftmaxLoss, signal: Array, output: Array, x: Array, labels: Array) -> tuple[Array, ...]:
    """Return the gradient at the labels' own channels only."""
    own = loss_of(layer)
    dx, rest = definition.gradient(own, signal, output, x, labels)
    if not definition.LOSSES[own.kind].categorical:
        return dx, rest
    return np.where(np.arange(1, x.shape[3] + 1) == labels, dx, 0.0), rest


def others(categorical: bool) -> tuple[Answer, ...]:
    """Return the answers that compute another kind of loss. The gradient of all errors is zero: one stands for them."""
    names = [name for name in NAMES if definition.LOSSES[name].categorical == categorical]
    return tuple(
        changed(f"is_{name}", f"it computes {name}", as_kind(name), ("forward",) if name == "topkerror" else BOTH)
        for name in names
    )


COMMON: tuple[Answer, ...] = (
    scaled_answer("sum", "it does not divide by the number of images", undivided, "CONVENTION"),
    scaled_answer("mean_over_labels", "it divides by the number of labels that count", by_instances, "CONVENTION"),
    scaled_answer("mean_over_instances", "it divides by the number of all labels", by_all_instances, "CONVENTION"),
    changed("always_divides", "it always divides by the number of images", with_fields(normalise=True), BOTH),
    changed("no_weights", "it ignores the weights", with_fields(instance_weights=None), BOTH, flag="UNSUPPORTED"),
    changed(
        "ignored_labels_count", "it counts labels of 0 as the first class", ignored_count, BOTH, flag="UNSUPPORTED"
    ),
    backward_is("signal_ignored", "its backward pass ignores the signal", unsigned),
    backward_is("descent", "its backward pass has the other sign", flipped),
)
CATEGORICAL: tuple[Answer, ...] = (
    changed(
        "labels_from_zero", "it counts labels from 0", labels_from_zero, BOTH, flag="LAYOUT", seen=("PyTorch", "Caffe")
    ),
    *others(True),
    backward_is("label_only", "only the label's own channel gets a signal", label_only),
)
ATTRIBUTE: tuple[Answer, ...] = (*others(False),)


def answers(kind: str) -> tuple[Answer, ...]:
    """Return the answers for one kind of loss: those that are not the definition itself, and that can differ."""
    own = COMMON + (CATEGORICAL if definition.LOSSES[kind].categorical else ATTRIBUTE)
    alone = tuple(one for one in own if one.name != f"is_{kind}")
    if kind in ERRORS:  # their gradient is zero, whatever is wrong
        return tuple(replace(one, parts={"forward": one.parts["forward"]}) for one in alone if "forward" in one.parts)
    return tuple(one for one in alone if one.name != "label_only" or kind in ("softmaxlog", "mshinge"))


FEATURES = {
    "labels of 0": lambda case: bool((case.inputs[1] == 0).any()),
    "weights": lambda case: getattr(case.layer, "instance_weights", None) is not None,
    "no division by N": lambda case: not getattr(case.layer, "normalise", True),
    "several images": lambda case: len(case.inputs[0]) > 1,
    "several positions": lambda case: case.inputs[0].shape[1] * case.inputs[0].shape[2] > 1,
}


def terms(case: Case) -> int:
    """Return the number of instances, the classes, and some for exponentials."""
    return int(case.inputs[1].size + case.inputs[0].shape[3]) + 6


FIXED = frozenset({"x1"})
PAGE = "operators/loss.html"


def kind_of(name: str) -> Kind:
    """Return the kind of one loss."""
    return Kind(
        f"{name}_loss",
        partial(draw, names=(name,)),
        terms,
        answers(name),
        FEATURES,
        selects=name in ("mhinge", "mshinge", "hinge"),
        fixed=FIXED,
        page=PAGE,
    )


LOSS_KINDS = tuple(map(kind_of, NAMES))
LOSS = Kind("loss", draw, terms, COMMON, FEATURES, selects=True, fixed=FIXED, page=PAGE)
SOFTMAX_LOSS = Kind(
    "softmax_loss",
    draw_block,
    terms,
    tuple(one for one in answers("softmaxlog") if one.name not in ("no_weights", "always_divides")),
    FEATURES,
    fixed=FIXED,
    page=PAGE,
)
