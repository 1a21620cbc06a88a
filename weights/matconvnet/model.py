"""What a model file is read into: nodes, meta data, and remarks on what was filled in, changed or left out."""

from dataclasses import dataclass
from typing import Any, Literal

from refvis.layers import Node


@dataclass(frozen=True)
class Remark:
    """One thing that loading did by itself at `place` in the file.

    `kind`: a "default" was filled in, something was "ignored" or "changed", or it is a "warning". `advice`: what mends
    it, if something does.
    """

    place: str
    kind: Literal["default", "ignored", "changed", "warning"]
    text: str
    advice: str = ""

    @property
    def words(self) -> str:
        """The text, and the advice in brackets."""
        return f"{self.text} ({self.advice})" if self.advice else self.text

    def __str__(self) -> str:
        return f"{self.place}: {self.words} ({self.kind})"


@dataclass(frozen=True)
class Model:
    """A network from a file: `nodes` in order of execution, `meta` in plain Python values, the load `report`.

    `stored` names a DagNN's layers in the order in which they stand in the file; it is empty for a simplenn model.
    """

    nodes: tuple[Node, ...]
    meta: dict[str, Any]
    report: list[Remark]
    stored: tuple[str, ...] = ()
