"""The load report: remarks in order of weight, and grouped for reading."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from refvis.weights.matconvnet.model import Remark

KINDS = ("warning", "changed", "default", "ignored")
"""Kinds of remarks, the weightiest first."""

LAYER = re.compile(r"layers[({](\d+)[)}]")
"""A layer in a place of a file: net.layers{3}.pad."""

LISTED = 8
"""Most places that a group names."""


@dataclass(frozen=True)
class RemarkGroup:
    """Remarks that say the same, of the same field of several layers or of several other places.

    Fields:

        remarks   the remarks, in their order

    >>> from refvis.weights import LoadReport, Remark
    >>> remarks = [Remark(f"net.layers{{{n}}}.pad", "default", "pad was absent, set to 0") for n in (1, 2, 5, 7)]
    >>> print(LoadReport(remarks).groups()[0])
    net.layers{1, 2, ... 7}.pad: pad was absent, set to 0 (default; 4 layers)
    """

    remarks: tuple[Remark, ...]

    @property
    def words(self) -> str:
        """The text, followed by the advice in brackets."""
        return self.remarks[0].words

    @property
    def place(self) -> str:
        """The places in one text: the numbers of several layers together, other places one after the other."""
        places = [one.place for one in self.remarks]
        numbers = [found[1] for found in map(LAYER.search, places) if found]
        if len(places) == 1 or not numbers:
            more = f", and {len(places) - LISTED} more" if len(places) > LISTED else ""
            return ", ".join(places[:LISTED]) + more
        first = LAYER.search(places[0])
        assert first is not None
        start, stop = first.span(1)
        return places[0][:start] + listed(numbers) + places[0][stop:]

    def __str__(self) -> str:
        first, count = self.remarks[0], len(self.remarks)
        of_layers = f"; {count} layers" if count > 1 and LAYER.search(first.place) else ""
        return f"{self.place}: {self.words} ({first.kind}{of_layers})"


def listed(numbers: list[str]) -> str:
    """Return up to three numbers, or the first two and the last of more; "3 ... 9" if none is left out between."""
    if len(numbers) <= 3:
        return ", ".join(numbers)
    if [int(one) for one in numbers] == list(range(int(numbers[0]), int(numbers[-1]) + 1)):
        return f"{numbers[0]} ... {numbers[-1]}"
    return f"{numbers[0]}, {numbers[1]}, ... {numbers[-1]}"


class LoadReport(tuple[Remark, ...]):
    """Remarks of loading: warnings, then what was changed, what was filled in, and what was ignored.

    It is a tuple of remarks (`Remark`). Printed, it has a line for each group of remarks that say the same.

    >>> from refvis.weights import LoadReport, Remark
    >>> remarks = [Remark(f"net.layers{{{n}}}", "ignored", "not used: weightDecay") for n in (1, 3)]
    >>> report = LoadReport([*remarks, Remark("net.layers{2}.weights{2}", "warning", "1 of 4 numbers is NaN")])
    >>> print(report)
    net.layers{2}.weights{2}: 1 of 4 numbers is NaN (warning)
    net.layers{1, 3}: not used: weightDecay (ignored; 2 layers)
    >>> len(report), report[2].place
    (3, 'net.layers{3}')
    """

    __slots__ = ()

    def __new__(cls, remarks: Iterable[Remark] = ()) -> "LoadReport":
        """Sort the remarks by kind; those of a kind keep their order."""
        return super().__new__(cls, sorted(remarks, key=lambda one: KINDS.index(one.kind)))

    @property
    def warnings(self) -> "LoadReport":
        """The warnings."""
        return LoadReport(one for one in self if one.kind == "warning")

    def groups(self) -> tuple[RemarkGroup, ...]:
        """Return the remarks, those together that say the same of the same field, in the order of the first of each."""
        found: dict[tuple[str, ...], list[Remark]] = {}
        for one in self:
            where = LAYER.sub("layers", one.place) if LAYER.search(one.place) else ""
            found.setdefault((one.kind, one.text, one.advice, where), []).append(one)
        return tuple(RemarkGroup(tuple(remarks)) for remarks in found.values())

    def __str__(self) -> str:
        return "\n".join(map(str, self.groups()))
