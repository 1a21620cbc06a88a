"""All vectors as files in a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from refvis.verify.kinds import find, kinds
from refvis.verify.vectors.documents import document, text_of
from refvis.weights.whole_files import write_bytes


def write_vectors(folder: str | Path, names: Sequence[str] | None = None, seed: int = 0) -> Iterator[Path]:
    """Write the vectors of the named kinds (None: of all) as JSON, one file for each, and yield the files.

    The folder is made if it is not there. Raises ValueError for an unknown kind before anything is written.
    """
    chosen = [find(name) for name in (names or kinds())]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in chosen:
        path = folder / f"{kind.name.replace(' ', '_')}.json"
        write_bytes(path, text_of(document(kind, seed)).encode())
        yield path
