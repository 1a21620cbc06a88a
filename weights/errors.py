"""The one error that every unreadable, broken or nonsensical model file ends in."""

from pathlib import Path


class ModelFormatError(ValueError):
    """A file is no model, or is broken. Says which file, the place in it, what was found and what was expected.

    `place` is written as MATLAB writes it and counts from 1: ``net.layers{3}.weights{1}``.
    """

    def __init__(
        self, found: str, expected: str = "", advice: str = "", place: str = "", path: str | Path | None = None
    ) -> None:
        super().__init__(found, expected, advice, place, path)
        self.found, self.expected, self.advice, self.place, self.path = found, expected, advice, place, path

    def __str__(self) -> str:
        where = ": ".join(str(part) for part in (self.path, self.place) if part)
        what = self.found + (f", expected {self.expected}" if self.expected else "")
        return (f"{where}: " if where else "") + what + (f": {self.advice}" if self.advice else "")


def cut_off(place: str) -> ModelFormatError:
    """Return the error for data that end before what they should hold."""
    return ModelFormatError("the data end too early", "more bytes", "the file is cut off or damaged", place)
