"""The reason why an implementation differs: the known choice or mistake that gives its results on every case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case
from refvis.verify.comparison import Comparison, agrees, compare, form_error
from refvis.verify.foreign import Outcome
from refvis.verify.kind import Answer, Kind, Part, changed, joined
from refvis.verify.smallest import Clock
from refvis.verify.tolerance import APART, roundings

Run = Callable[[Case], Outcome]


@dataclass(frozen=True)
class Reason:
    """Why two implementations differ.

    name     of the answer; "unknown" if no known one fits
    text     what the other implementation does
    result   "acceptable", "invalid" or "unknown"
    flag     one of `kind.FLAGS`
    seen     who else does so
    page     the page of the documentation
    others   names of further answers that fit every case that was tried, too
    where    the cases on which the results differ, in words
    """

    name: str
    text: str
    result: str = "unknown"
    flag: str = ""
    seen: tuple[str, ...] = ()
    page: str = ""
    others: tuple[str, ...] = ()
    where: str = ""

    def __str__(self) -> str:
        """Return the reason as a sentence or two."""
        seen = f" (as in {', '.join(self.seen)})" if self.seen else ""
        others = f" The cases do not tell it from: {', '.join(self.others)}." if self.others else ""
        return f"{self.text}{seen}.{others}{' ' + self.where if self.where else ''}"


@dataclass(frozen=True)
class Reasons:
    """The search for the reason of a part's differences.

    kind   what is verified
    part   the part
    more   draws a further case, to separate answers that fit all the evidence
    run    the other implementation
    clock  when to stop
    within  how many tolerances an answer may be off
    """

    kind: Kind
    part: Part
    more: Callable[[], Case]
    run: Run
    clock: Clock
    within: float = APART

    def find(self, evidence: Sequence[Comparison], simple: Sequence[Comparison]) -> Reason:
        """Return the reason for the differences in `evidence`.

        `simple` is the part of the evidence without options that implementations often lack. If some of it differs and
        no reason fits everything, the reason is sought there: an implementation may have two mistakes.
        If some cases raise, the others have a reason of their own.
        """
        found = self._found(evidence, simple)
        valued = [one for one in evidence if one.outcome.values is not None]
        if found.name != "raises" or not any(one.differs for one in valued):
            return found
        other = self._found(valued, [one for one in simple if one.outcome.values is not None])
        if other.name == "unknown":
            return found
        return replace(found, name=f"{found.name} + {other.name}", text=f"{found.text}; in the others {other.text}")

    def _found(self, evidence: Sequence[Comparison], simple: Sequence[Comparison]) -> Reason:
        where = where_it_differs(self.kind, evidence)
        found = self._answer(evidence) or self._in_fewer_digits(evidence) or self._without_catalogue(evidence, where)
        if found.name != "unknown" or not any(one.differs for one in simple):
            return replace(found, where=where)
        fitting = [one for one in self._answers if self._fits(simple, one)]
        if fitting:
            return replace(_reason(self.kind, fitting), where=FURTHER)
        apart = _general(self.kind, simple, where)
        return found if apart.name == "unknown" else replace(apart, where=FURTHER)

    @property
    def _answers(self) -> list[Answer]:
        return [one for one in self.kind.answers if self.part in one.parts]

    def _answer(self, evidence: Sequence[Comparison]) -> Reason | None:
        """Return the reason of an answer, or of two together, that fits all the evidence; None if none does."""
        fitting = [one for one in self._answers if self._fits(evidence, one)]
        if not fitting:
            pair = self._pair(evidence)
            return None if pair is None else _reason(self.kind, [pair])
        return _reason(self.kind, self._separated(fitting))

    def _without_catalogue(self, evidence: Sequence[Comparison], where: str) -> Reason:
        """Return a reason that concerns no single kind: of the result, of its shape, or of the input."""
        found = _general(self.kind, evidence, where)
        if found.name == "shape":
            alike = [one for one in self._answers if self._has_shapes(evidence, one)]
            if alike:
                text = f"{found.text}, as it is where {alike[0].text}"
                return replace(found, name=f"shape + {alike[0].name}", text=text, page=alike[0].page or self.kind.page)
        if found.name in ("shape", "unknown"):
            fitting = [one for one in OTHER_INPUTS if self.part in one.parts and self._fits(evidence, one)]
            return _reason(self.kind, fitting[:1]) if fitting else found
        return found

    def _has_shapes(self, evidence: Sequence[Comparison], answer: Answer) -> bool:
        """Return whether all results have the shapes of an answer's."""
        for one in evidence:
            try:
                values = answer.parts[self.part](self.kind, one.case)
            except (ValueError, IndexError, ZeroDivisionError):
                if not one.about:
                    return False
                continue
            if form_error(one.outcome, values):
                return False
        return True

    def _in_fewer_digits(self, evidence: Sequence[Comparison]) -> Reason | None:
        """Return the reason where an implementation computes in fewer digits than it returns; None if it does not."""
        for dtype in SHORTER.get(str(np.dtype(evidence[0].outcome.dtype)), ()):
            shorter = [_compared_in(self.kind, self.part, one, dtype) for one in evidence]
            text = f"it computes in {dtype}"
            if all(one.apart <= 1 for one in shorter) and _typical_error(evidence) > roundings(dtype) / 8:
                return Reason("fewer_digits", text, "invalid", "NUMERICS", page="verify/tolerances.html")
            found = replace(self, run=_Short(self.run, dtype), within=1.0)._answer(shorter)
            if found is not None:
                return replace(found, text=f"{found.text}, and {text}")
        return None

    def _fits(self, evidence: Sequence[Comparison], answer: Answer) -> bool:
        """Return whether an answer agrees with every case; those that differ from the definition are asked first.

        Where an implementation raises, an answer that fails agrees. That alone says nothing: some case must have
        values.
        """
        ordered = sorted(evidence, key=lambda one: (not one.differs, one.outcome.values is None))
        if not ordered or ordered[0].outcome.values is None:
            return False
        return all(agrees(self.kind, self.part, one.case, one.outcome, answer, self.within) for one in ordered)

    def _pair(self, evidence: Sequence[Comparison]) -> Answer | None:
        """Return two answers that fit together: a change of the case, and another answer; None if no two do."""
        for first in (one for one in self._answers if one.change is not None):
            for second in self._answers:
                if self.clock.over:
                    return None
                if second is not first and self._fits(evidence, joined((first, second))):
                    return joined((first, second))
        return None

    def _separated(self, fitting: list[Answer], tries: int = 150) -> list[Answer]:
        """Return the answers that still fit after cases on which they give different results."""
        for _ in range(tries):
            if len(fitting) < 2 or self.clock.over:
                break
            case = self.more()
            if _disagree(self.kind, self.part, case, fitting):
                outcome = self.run(case)
                fitting = [one for one in fitting if agrees(self.kind, self.part, case, outcome, one, self.within)]
        return fitting


@dataclass(frozen=True)
class _Short:
    """An implementation whose results are held to a dtype of fewer digits."""

    run: Run
    dtype: str

    def __call__(self, case: Case) -> Outcome:
        """Return the outcome with that dtype."""
        return replace(self.run(case), dtype=self.dtype)


FURTHER = "Cases with further options differ for a further reason."

SHORTER = {"float64": ("float32", "float16"), "float32": ("float16",)}
"""Dtypes of fewer digits."""


def _compared_in(kind: Kind, part: Part, one: Comparison, dtype: str) -> Comparison:
    """Return a comparison with the tolerances of another dtype."""
    return compare(kind, part, one.case, replace(one.outcome, dtype=dtype), one.answer)


def _typical_error(evidence: Sequence[Comparison]) -> float:
    """Return the root mean square of all differences over that of all right values."""
    off, right = 0.0, 0.0
    for one in evidence:
        for name, values in one.expected.items():
            if one.outcome.values is not None and not one.about and np.isfinite(values).all():
                off += float(((one.outcome.values[name] - values) ** 2).sum())
                right += float((np.asarray(values) ** 2).sum())
    return (off / right) ** 0.5 if right else 0.0


def _reason(kind: Kind, fitting: Sequence[Answer]) -> Reason:
    best, others = fitting[0], tuple(one.name for one in fitting[1:])
    return Reason(best.name, best.text, best.result, best.flag, best.seen, best.page or kind.page, others)


def _disagree(kind: Kind, part: Part, case: Case, answers: Sequence[Answer]) -> bool:
    """Return whether some answer differs from the first on this case."""
    try:
        with np.errstate(all="ignore"):
            first = Outcome(answers[0].parts[part](kind, case))
            return not all(agrees(kind, part, case, first, one) for one in answers[1:])
    except (ValueError, IndexError, ZeroDivisionError):
        return False


def where_it_differs(kind: Kind, evidence: Sequence[Comparison]) -> str:
    """Return the property that all cases that differ have and few others have, in words; "" if there is none."""
    differing = [one.case for one in evidence if one.differs]
    same = [one.case for one in evidence if not one.differs]
    shared = {name: holds for name, holds in kind.features.items() if all(holds(case) for case in differing)}
    if not same or not differing or not shared:
        return ""
    number, name = min((sum(map(holds, same)), name) for name, holds in shared.items())
    if number == 0:
        return f"It differs exactly where the case has {name}."
    return f"It differs only where the case has {name}." if number <= len(same) // 4 else ""


def _general(kind: Kind, evidence: Sequence[Comparison], where: str) -> Reason:
    """Return a reason that needs no catalogue: an error, another shape, a constant factor, a moved map."""
    differing = [one for one in evidence if one.differs]
    raised = [one for one in differing if one.outcome.values is None]
    if raised and len(raised) == len(differing):
        return Reason("raises", f"it raises {raised[0].outcome.error}", "invalid", "UNSUPPORTED", where=where)
    if raised:
        text = f"it raises {raised[0].outcome.error} in {len(raised)} of the {len(differing)} cases that differ"
        return Reason("raises", text, "invalid", "UNSUPPORTED", where=where)
    for name, text, transform in GENERAL:
        if all(_is_transform(one, transform) for one in evidence):
            return Reason(name, text, "invalid", "LAYOUT", page=kind.page, where=where)
    shaped = [one for one in differing if one.about]
    if shaped and len(shaped) == len(differing):
        return Reason("shape", shaped[0].about, "invalid", "LAYOUT", where=where)
    factor = constant_factor(evidence)
    if factor is not None:
        text = f"all its values are {factor:.6g} times the right ones"
        return Reason("factor", text, "invalid", "CONVENTION", page=kind.page, where=where)
    everywhere = len(differing) == len(evidence)
    text = "no known choice or mistake gives these results" + (ADAPTER if everywhere else "")
    return Reason("unknown", text, page=kind.page, where=where)


ADAPTER = "; even the simplest cases differ, so look at the adapter first: the layout, the order of its arguments"


def constant_factor(evidence: Sequence[Comparison]) -> float | None:
    """Return the number by which the right values have to be multiplied in all cases; None if there is none."""
    pairs = [
        (one.outcome.values[name].ravel(), np.ravel(values))
        for one in evidence
        if one.outcome.values is not None and not one.about
        for name, values in one.expected.items()
    ]
    if len(pairs) < len(evidence):
        return None
    theirs, ours = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    if not (ours @ ours) or not np.isfinite(theirs).all() or not np.isfinite(ours).all():
        return None
    factor = float(theirs @ ours / (ours @ ours))
    return factor if np.allclose(theirs, factor * ours, rtol=1e-5, atol=1e-7 * np.abs(ours).max()) else None


def _shifted(dy: int, dx: int) -> Callable[[Array], Array]:
    def transform(values: Array) -> Array:
        moved = np.zeros_like(values)
        height, width = values.shape[1:3]
        rows, columns = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
        from_rows, from_columns = slice(max(-dy, 0), height + min(-dy, 0)), slice(max(-dx, 0), width + min(-dx, 0))
        moved[:, rows, columns] = values[:, from_rows, from_columns]
        return moved

    return transform


GENERAL: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    ("absolute_value", "it gives the absolute values", np.abs),
    ("positive_part", "it gives the positive part only", lambda v: np.maximum(v, 0)),
    ("negated", "it gives the values with the other sign", np.negative),
    ("flipped_rows", "its rows are in reverse order", lambda v: v[:, ::-1]),
    ("flipped_columns", "its columns are in reverse order", lambda v: v[:, :, ::-1]),
    ("flipped_both", "its rows and columns are in reverse order", lambda v: v[:, ::-1, ::-1]),
    ("channels_reversed", "its channels are in reverse order (RGB for BGR)", lambda v: v[..., ::-1]),
    ("swapped_axes", "its rows and columns are swapped", lambda v: v.swapaxes(1, 2)),
    ("read_as_nchw", "it reads N x H x W x C as N x C x H x W", lambda v: _channels_last_as_first(v)),
    ("read_as_nhwc", "it reads N x C x H x W as N x H x W x C", lambda v: _channels_first_as_last(v)),
    ("first_image_again", "it gives every image the result of the first", lambda v: _all_alike(v[:1], v)),
    ("first_image_only", "only its first image is right, the others are zero", lambda v: _first_only(v)),
    (
        "sum_of_batch",
        "it gives every image the sum over the batch",
        lambda v: _all_alike(v.sum(axis=0, keepdims=True), v),
    ),
    (
        "mean_of_batch",
        "it gives every image the mean over the batch",
        lambda v: _all_alike(v.mean(axis=0, keepdims=True), v),
    ),
    *(
        (f"moved_{dy}_{dx}", f"its map is moved by {dy} rows and {dx} columns", _shifted(dy, dx))
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if (dy, dx) != (0, 0)
    ),
)
"""Mistakes that can happen to any result of four axes: name, text, and what it does to the right result."""


def _channels_last_as_first(values: Array) -> Array:
    n, height, width, channels = values.shape
    return values.reshape(n, channels, height, width).transpose(0, 2, 3, 1)


def _channels_first_as_last(values: Array) -> Array:
    return values.transpose(0, 3, 1, 2).reshape(values.shape)


def _other_input(name: str, text: str, transform: Callable[[Array], Array]) -> Answer:
    """Return the answer of an implementation that takes another input for the first one."""

    def change(case: Case) -> Case:
        return replace(case, inputs=(transform(case.inputs[0]), *case.inputs[1:]))

    return changed(name, text, change, parts=("forward",), flag="LAYOUT")


OTHER_INPUTS = (
    _other_input(
        "input_channels_reversed",
        "it takes the input's channels in reverse order (RGB for BGR)",
        lambda v: v[..., ::-1],
    ),
    _other_input("input_swapped_axes", "it swaps the input's rows and columns", lambda v: v.swapaxes(1, 2)),
    _other_input("input_read_as_nchw", "it reads its input, N x H x W x C, as N x C x H x W", _channels_last_as_first),
    _other_input("input_read_as_nhwc", "it reads its input, N x C x H x W, as N x H x W x C", _channels_first_as_last),
)
"""Mistakes that can happen to any input of four axes."""


def _first_only(values: Array) -> Array:
    kept = np.zeros_like(values)
    kept[:1] = values[:1]
    return kept


def _all_alike(one: Array, values: Array) -> Array:
    return np.broadcast_to(one, values.shape)


def _is_transform(one: Comparison, transform: Callable[[Array], Array]) -> bool:
    """Return whether an outcome is the transformed right result."""
    if one.outcome.values is None:
        return False
    for name, values in one.expected.items():
        if np.ndim(values) != 4 or name not in one.outcome.values:
            return False
        right, theirs = transform(np.asarray(values)), one.outcome.values[name]
        scale = float(np.abs(values).max(initial=0)) or 1.0
        near = 64 * float(np.finfo(one.outcome.dtype).eps) * values.size
        if right.shape != theirs.shape or not np.allclose(theirs, right, rtol=near, atol=near * scale, equal_nan=True):
            return False
    return True
