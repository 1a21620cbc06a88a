"""The reason why one layer of a network differs: the known choices and mistakes, tried on that layer's own data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refvis.layers import Array, Node, backward, modes
from refvis.layers.operators import OPERATORS, Rule, operator
from refvis.verify.case import Case
from refvis.verify.kind import Answer, Kind, Part
from refvis.verify.kinds import OPERATOR_KINDS
from refvis.verify.kinds.of_layer import is_same_rule, kinds_of
from refvis.verify.networks.rows import APART
from refvis.verify.reason import GENERAL, Reason
from refvis.verify.smallest import Clock


@dataclass(frozen=True)
class Place:
    """A layer of a network, with theirs and ours at it.

    node      the layer
    part      "forward" or "backward"
    inputs    its inputs, theirs
    signal    the signal at its output, theirs; None for a forward pass
    theirs    their result: the output, or the signal at `variable`
    ours      ours, from their inputs and signal
    rest      of a backward pass: what other layers add to `ours`
    index     which of the layer's inputs `theirs` is the signal of
    allowed   what rounding may make of the difference
    rule      the rule of the mode
    """

    node: Node
    part: Part
    inputs: tuple[Array, ...]
    theirs: Array
    ours: Array
    allowed: float
    signal: Array | None = None
    rest: Array | None = None
    index: int = 0
    rule: Rule | None = None

    @property
    def case(self) -> Case:
        """The layer's own data as a case."""
        return Case(self.node.layer, self.inputs, self.signal)

    @property
    def whole(self) -> Array:
        """Our result with what other layers add to it."""
        return self.ours if self.rest is None else self.ours + self.rest

    def is_theirs(self, values: Array) -> bool:
        """Return whether values for this layer are what theirs gave, and not ours."""
        whole = values if self.rest is None else values + self.rest
        if whole.shape != self.theirs.shape:
            return False
        with np.errstate(invalid="ignore"):
            near = float(np.abs(whole - self.theirs).max(initial=0.0))
        return near <= APART * self.allowed


def reason_at(place: Place, clock: Clock) -> Reason:
    """Return the known choice or mistake that gives theirs at this place; others that do, too, are named in it."""
    found: list[Reason] = []
    page = ""
    wanted = place.rule or (operator(place.node.layer).gradient if place.part == "backward" else None)
    for kind in kinds_of(place.node.layer, place.rule, tuple(OPERATOR_KINDS.values())):
        page = page or kind.page
        if wanted is not None and not is_same_rule(kind.rule or operator(place.node.layer).gradient, wanted):
            continue
        for answer in kind.answers:
            if clock.over:
                break
            if place.part in answer.parts and _gives_theirs(kind, answer, place):
                found.append(_of(answer, kind))
    if place.part == "backward":
        found += [one for one in _other_modes(place, clock) if not found]
    if found:
        first, others = found[0], tuple(dict.fromkeys(one.name for one in found[1:] if one.name != found[0].name))
        return Reason(first.name, first.text, first.result, first.flag, first.seen, first.page, others)
    return general_reason(place.theirs, place.ours, place.allowed, page)


def _of(answer: Answer, kind: Kind) -> Reason:
    return Reason(answer.name, answer.text, answer.result, answer.flag, answer.seen, answer.page or kind.page)


def _gives_theirs(kind: Kind, answer: Answer, place: Place) -> bool:
    try:
        with np.errstate(all="ignore"):
            values = answer.parts[place.part](kind, place.case)
    except (ValueError, IndexError, ZeroDivisionError, TypeError):
        return False
    chosen = list(values.values())
    return place.index < len(chosen) and place.is_theirs(np.asarray(chosen[place.index]))


def _other_modes(place: Place, clock: Clock) -> Iterator[Reason]:
    """Yield a reason for each named mode whose rule at this layer gives theirs."""
    if type(place.node.layer) not in OPERATORS or place.signal is None:
        return
    seen: list[Rule] = [place.rule] if place.rule else []
    for name, table in modes.MODES.items():
        rule = modes.resolved(table, (place.node,)).get(place.node.name)
        if rule is None or clock.over or any(is_same_rule(rule, one) for one in seen):
            continue
        seen.append(rule)
        try:
            passed = backward(place.node.layer, place.signal, None, *place.inputs, rule=rule)
        except (ValueError, TypeError):
            continue
        if place.is_theirs(passed[place.index]):
            text = f"its backward pass here is that of the mode {name!r}"
            yield Reason(f"mode_{name}", text, "invalid", "CONVENTION", page=f"modes/index.html#{name}")


def general_reason(theirs: Array, ours: Array, allowed: float, page: str = "") -> Reason:
    """Return a reason that needs no catalogue: another order of values, a factor, a constant that is added."""
    for name, text, transform in GENERAL:
        moved = transform(ours)
        if moved.shape == theirs.shape and np.abs(moved - theirs).max(initial=0.0) <= APART * allowed:
            return Reason(name, text, "invalid", "LAYOUT", page=page)
    product = float((ours * ours).sum())
    if product and np.isfinite(theirs).all():
        factor = float((theirs * ours).sum()) / product
        if factor and np.abs(theirs - factor * ours).max(initial=0.0) <= APART * allowed * max(1.0, abs(factor)):
            return Reason(
                "factor", f"all its values are {_number(factor)} times ours", "invalid", "CONVENTION", page=page
            )
        offset = (theirs - ours).mean(axis=(0, 1, 2), keepdims=True)
        if np.abs(theirs - ours - offset).max(initial=0.0) <= APART * allowed:
            added = ", ".join(f"{value:.6g}" for value in offset.ravel()[:8])
            return Reason(
                "constant", f"to each channel a constant is added: {added}", "invalid", "MISSING_STEP", page=page
            )
    return Reason("unknown", "no known choice or mistake gives these values", page=page)


def _number(factor: float) -> str:
    inverse = 1 / factor
    whole = round(inverse)
    return f"1/{whole}" if abs(inverse) > 1 and abs(inverse - whole) < 1e-4 * abs(inverse) else f"{factor:.6g}"


def input_reason(theirs: Array, ours: Array, allowed: float) -> Reason:
    """Return why the network's input differs: the colours' order, the range, an average that was not taken away."""
    for factor, text in ((1 / 255, "divided by 255"), (255.0, "multiplied by 255")):
        if np.abs(theirs - factor * ours).max(initial=0.0) <= APART * allowed * factor:
            return Reason("range", f"its input is ours {text}", "invalid", "MISSING_STEP", page="guide/loading.html")
    found = general_reason(theirs, ours, allowed, "guide/loading.html")
    if found.name == "constant":
        return Reason(
            "average",
            f"its average image or colour is another: {found.text}",
            "invalid",
            "MISSING_STEP",
            page=found.page,
        )
    return found
