"""The bytes of a file, read as slices of them are asked for."""

from typing import IO

from refvis.weights.errors import cut_off


class FileBytes:
    """The bytes of an open file.

    They are read, and not mapped into memory: a file that another program shortens, or that lies on a disk that fails,
    would end the process.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, 2)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        self.file.seek(part.start)
        found = self.file.read(part.stop - part.start)
        if len(found) < part.stop - part.start:
            raise cut_off("")
        return found
