"""What a compressed element of a v5 file holds, unpacked piece by piece while it is read."""

import zlib
from collections.abc import Iterator

from refvis.weights.errors import ModelFormatError, cut_off
from refvis.weights.mat.file_bytes import FileBytes
from refvis.weights.mat.layout import PIECE
from refvis.weights.mat.tree import Budget

UNPACKING = 1100
"""No packed byte unpacks to more than this many (deflate's own limit is 1032)."""


class Unpacked:
    """The unpacked bytes of the packed ones from `start` to `stop`, never more than the budget allows.

    Slices of them are taken in order: none starts before the one taken last. Beside a slice, a piece is in memory.
    """

    def __init__(self, data: FileBytes, start: int, stop: int, budget: Budget) -> None:
        packed = (data[at : min(at + PIECE, stop)] for at in range(start, stop, PIECE))
        self.pieces = unpacked(packed, budget)
        self.size = UNPACKING * (stop - start)
        self.kept, self.first = b"", 0  # bytes that are unpacked, and the place of the first

    def __len__(self) -> int:
        """Return the most that there can be: how many bytes there are shows at their end."""
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop = part.start - self.first, part.stop - self.first
        if stop > len(self.kept):
            self._keep(part.start, part.stop)
            start, stop = 0, part.stop - part.start
        if start < 0:
            raise ValueError("slices of what is unpacked are taken in order")
        return self.kept[start:stop]

    def finish(self) -> None:
        """Unpack what nobody asked for: the end holds the checksum of it all."""
        for _ in self.pieces:
            pass

    def _keep(self, start: int, stop: int) -> None:
        """Keep at least the bytes from `start` to `stop`, and none before."""
        while self.first + len(self.kept) < start:
            self.first, self.kept = self.first + len(self.kept), self._next()
        parts = [self.kept[start - self.first :]]
        missing = stop - start - len(parts[0])
        while missing > 0:
            parts.append(self._next())
            missing -= len(parts[-1])
        self.first, self.kept = start, b"".join(parts)

    def _next(self) -> bytes:
        for piece in self.pieces:
            return piece
        raise cut_off("")


def unpacked(packed: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """Yield what packed bytes unpack to, or raise ModelFormatError where they do not, or to more than is allowed."""
    machine = zlib.decompressobj()
    allowed = budget.size + 2**20  # beside the values there are tags and names
    while not machine.eof:
        data = machine.unconsumed_tail or next(packed, b"")
        try:
            piece = machine.decompress(data, PIECE)
        except zlib.error as error:
            raise ModelFormatError("compressed data that do not unpack", "", "the file is damaged") from error
        if not (data or piece):
            raise cut_off("")
        allowed -= len(piece)
        if allowed < 0:
            budget.take("", 0, budget.size + 1)
        yield piece
