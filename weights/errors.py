"""The error that every unreadable, damaged or nonsensical model file ends in."""

from pathlib import Path


class ModelFormatError(ValueError):
    """A file is not a model, or is damaged.

    The message names the file, the place in it, what was found there, what was expected, and what to do.

    Attributes:

        found      what the file holds
        expected   what it should hold; "" where `found` says enough
        advice     what to do; "" if there is nothing to advise
        place      the place in the file in MATLAB's notation, which counts from 1: net.layers{3}.weights{1}
        path       the file, or None

    >>> import refvis
    >>> error = refvis.ModelFormatError("2 biases", "one for each of the 5 filters", place="net.layers{1}.weights{2}")
    >>> print(error)
    net.layers{1}.weights{2}: 2 biases, expected one for each of the 5 filters
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


def truncated_error(place: str) -> ModelFormatError:
    """Return the error for data that end before everything declared has been read."""
    return ModelFormatError("the data end too early", "more bytes", "the file is cut off or damaged", place)


def no_variables_error() -> ModelFormatError:
    """Return the error for a .mat file that holds nothing."""
    return ModelFormatError("a .mat file without variables", "a network", "fetch the file again, or save it again")
