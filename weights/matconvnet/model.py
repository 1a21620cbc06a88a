"""The contents of a model file: nodes, meta data, and remarks on what was filled in, changed or left out."""

from dataclasses import dataclass
from typing import Any, Literal

from refvis.layers import Node


@dataclass(frozen=True)
class Remark:
    """One entry of a load report: something that loading filled in, changed or ignored, or a warning.

    Fields:

        place    the place in the file in MATLAB's notation: net.layers{1}.pad
        kind     "default" (filled in), "changed", "ignored" or "warning" (look at it before you trust a result)
        text     the remark itself
        advice   what to do about it; "" if nothing has to be done

    >>> from refvis.weights import Remark
    >>> print(Remark("net.layers{1}.pad", "default", "pad was absent, set to 0"))
    net.layers{1}.pad: pad was absent, set to 0 (default)
    """

    place: str
    kind: Literal["default", "ignored", "changed", "warning"]
    text: str
    advice: str = ""

    @property
    def words(self) -> str:
        """The text, followed by the advice in brackets."""
        return f"{self.text} ({self.advice})" if self.advice else self.text

    def __str__(self) -> str:
        return f"{self.place}: {self.words} ({self.kind})"


@dataclass(frozen=True)
class Model:
    """A network as it was read from a file; ``refvis.load`` makes a `Network` of it.

    Fields:

        nodes    the layers with their names and variables, in order of execution
        meta     class names and preprocessing, in plain Python values
        report   the remarks on what was filled in, changed or ignored
        stored   the names of a DagNN's layers in the order of the file; empty for a simplenn model

    >>> from refvis.weights import bundled_path, read_model
    >>> model = read_model(bundled_path("scenes"))
    >>> len(model.nodes), model.report, model.stored
    (23, [], ())
    """

    nodes: tuple[Node, ...]
    meta: dict[str, Any]
    report: list[Remark]
    stored: tuple[str, ...] = ()
