"""Files of known differences, so that a verification can run in the other implementation's own checks."""

from collections.abc import Iterable
from pathlib import Path


def known_differences(known: str | Path | Iterable[str]) -> frozenset[str]:
    """Return the names of known differences: given ones, or those of a text file.

    A file has one name in each line, "pool/backward/tie_first_of_row"; what follows a # is a comment.
    Raises ValueError for a file that is not there.
    """
    if not isinstance(known, str | Path):
        return frozenset(known)
    path = Path(known)
    if not path.is_file():
        raise ValueError(f"{path} is not there, expected a text file with the names of known differences")
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line)
