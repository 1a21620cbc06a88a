"""The bytes of a v5 file, read slice by slice: as they stand, or inflated chunk by chunk where they are compressed."""

import zlib
from collections.abc import Iterator
from typing import IO

from refvis.weights.errors import ModelFormatError, truncated_error
from refvis.weights.mat.layout import CHUNK
from refvis.weights.mat.tree import MAX_INFLATION, Budget


class FileBytes:
    """The bytes of an open file.

    They are read, and not mapped into memory: with a mapping, a file that another program shortens, or a disk that
    fails, would end the process.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = file.seek(0, 2)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        self.file.seek(part.start)
        data = self.file.read(part.stop - part.start)
        if len(data) < part.stop - part.start:
            raise truncated_error("")
        return data


class InflatedBytes:
    """The bytes that the compressed ones from `start` to `stop` inflate to, never more than the budget allows.

    Slices are taken in order: none starts before the last one. One chunk is kept in memory beside a slice.
    """

    def __init__(self, data: FileBytes, start: int, stop: int, budget: Budget) -> None:
        compressed = (data[at : min(at + CHUNK, stop)] for at in range(start, stop, CHUNK))
        self.chunks = inflate(compressed, budget)
        self.size = MAX_INFLATION * (stop - start)
        self.kept, self.first = b"", 0  # inflated bytes, and the position of the first of them

    def __len__(self) -> int:
        """Return an upper bound: the true length is known only at the end."""
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop = part.start - self.first, part.stop - self.first
        if stop > len(self.kept):
            self._advance(part.start, part.stop)
            start, stop = 0, part.stop - part.start
        if start < 0:
            raise ValueError("slices of inflated bytes have to be taken in order")
        return self.kept[start:stop]

    def finish(self) -> None:
        """Inflate the rest, which nobody asked for: a checksum of all bytes stands at the end."""
        for _ in self.chunks:
            pass

    def _advance(self, start: int, stop: int) -> None:
        """Keep at least the bytes from `start` to `stop`, and none before `start`."""
        while self.first + len(self.kept) < start:
            self.first, self.kept = self.first + len(self.kept), self._next_chunk()
        parts = [self.kept[start - self.first :]]
        missing = stop - start - len(parts[0])
        while missing > 0:
            parts.append(self._next_chunk())
            missing -= len(parts[-1])
        self.first, self.kept = start, b"".join(parts)

    def _next_chunk(self) -> bytes:
        for chunk in self.chunks:
            return chunk
        raise truncated_error("")


def inflate(compressed: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """Yield the bytes that the compressed ones inflate to, in chunks.

    Raises ModelFormatError for data that are not compressed by zlib, and above the budget.
    """
    decompressor = zlib.decompressobj()
    allowed = budget.size + 2**20  # beside the values there are tags and names
    while not decompressor.eof:
        data = decompressor.unconsumed_tail or next(compressed, b"")
        try:
            chunk = decompressor.decompress(data, CHUNK)
        except zlib.error as error:
            raise ModelFormatError("compressed data that zlib cannot inflate", "", "the file is damaged") from error
        if not (data or chunk):
            raise truncated_error("")
        allowed -= len(chunk)
        if allowed < 0:
            budget.spend("", 0, budget.size + 1)
        yield chunk
