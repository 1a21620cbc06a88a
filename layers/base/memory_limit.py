"""The memory limit: the most bytes that one pass may take, the switch that sets it, and the error above it.

A model file of a kilobyte can ask for terabytes: by its image size, a pad, a factor of upsampling. Sizes follow from
the shapes of inputs, so a pass is refused before it allocates anything. Layers know no limit; `graph/memory.py` adds up
what they need.

    with refvis.memory_limit("20 GB"):
        trace = net.forward(x)

Outside such a block the limit is that of the environment variable REFVIS_MEMORY_LIMIT, or else three quarters of the
machine's memory. The switch is a context variable, as that of `exact` is. The environment variable is read each time,
so it holds in all threads.
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

VARIABLE = "REFVIS_MEMORY_LIMIT"
"""The environment variable that holds the limit."""

UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
"""Units of sizes, in steps of 1,024. KiB, MiB, GiB and TiB are the same."""

SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?(B?)", re.IGNORECASE)
"""A size as text: 8GB, 1.5 GB, 500 MB, 8GiB, 8G, or a number of bytes."""

UNKNOWN_MACHINE = 8 << 30
"""The memory in bytes that a machine is taken to have if the system does not tell."""

CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux keeps the memory of a container, which may be less than the machine's."""

_LIMIT: ContextVar[int | None] = ContextVar("refvis_memory_limit", default=None)


class MemoryLimitError(MemoryError):
    """What was asked for needs more memory than `refvis.memory_limit` allows. Nothing was computed.

    Attributes:

        needed        bytes that are needed, at least
        limit         bytes that are allowed
        command_text  the message with the command line's option in place of the Python call

    >>> import numpy as np
    >>> import refvis
    >>> net = refvis.chain({"conv1": refvis.layers.Conv(np.ones((1, 1, 1, 1)), pad=20_000)})
    >>> try:
    ...     with refvis.memory_limit("1 GB"):
    ...         net.forward(np.ones((1, 4, 5, 1)))
    ... except refvis.MemoryLimitError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    layer 'conv1' (Conv): a forward pass needs ... GB up to here, more than the memory limit of 1.0 GB...
    """

    def __init__(self, what: str, needed: int, advice: str, place: str = "") -> None:
        """Take what needs so many bytes, what makes it smaller, and words that follow the number of bytes."""
        limit, enough = memory_limit_bytes(), f"{math.ceil(needed / UNITS['GB'])}GB"
        found = f"{what} {size_text(needed)}{place}, more than the memory limit of {size_text(limit)}"
        super().__init__(f'{found}: {advice}, or raise the limit with refvis.memory_limit("{enough}")')
        self.command_text = f"{found}: {advice}, or raise the limit with refvis --memory-limit {enough}"
        self.needed, self.limit = needed, limit


@contextmanager
def memory_limit(limit: int | float | str) -> Iterator[None]:
    """Set the memory limit inside a ``with`` block, or in a function decorated with ``@memory_limit(...)``.

    `limit` is a number of bytes, or a text such as "8 GB" or "500MB" (1 KB = 1,024 bytes). Passes, methods and files
    that need more raise MemoryLimitError or ModelFormatError before they allocate anything large. Default: the
    environment variable REFVIS_MEMORY_LIMIT, or three quarters of the memory of the machine or of its container. The
    limit belongs to the running thread, as the switch of `exact` does; the environment variable holds in all threads.

    What is compared with the limit is an estimate of one pass: all variables, and what the layer that needs most holds
    beside them. Memory that the caller holds is not counted. Raises ValueError for anything that is no size.

    >>> import refvis
    >>> with refvis.memory_limit("500 MB"):
    ...     refvis.layers.memory_limit_bytes()
    524288000
    """
    token = _LIMIT.set(parse_size(limit, "memory_limit"))
    try:
        yield
    finally:
        _LIMIT.reset(token)


def memory_limit_bytes() -> int:
    """Return the memory limit for the caller, in bytes.

    Raises ValueError if the environment variable REFVIS_MEMORY_LIMIT holds no size.

    >>> import refvis
    >>> refvis.layers.memory_limit_bytes() > 0
    True
    """
    limit = _LIMIT.get()
    if limit is not None:
        return limit
    given = os.environ.get(VARIABLE)
    return default_limit() if given is None else parse_size(given, VARIABLE)


def parse_size(size: int | float | str, what: str) -> int:
    """Return a size in bytes; ValueError naming `what` it was given for, unless it is a positive size."""
    match = SIZE.fullmatch(str(size).strip()) if isinstance(size, str) else None
    if match:
        size = float(match[1]) * UNITS[f"{match[2]}B".upper()]
    if isinstance(size, str) or not (math.isfinite(size) and size >= 1):
        raise ValueError(f'{what} is {size!r}, expected a number of bytes, or a text such as "8 GB" or "500 MB"')
    return int(size)


def require_memory(what: str, needed: int, advice: str) -> None:
    """Raise MemoryLimitError if more bytes are needed than the limit.

    The message is "`what` SIZE, more than the memory limit ...: `advice`, or raise the limit".
    """
    if needed > memory_limit_bytes():
        raise MemoryLimitError(what, needed, advice)


def size_text(size: int) -> str:
    """Return a size for a person: 1.5 GB, 24.0 MB."""
    unit = next((name for name in ("TB", "GB", "MB") if size >= UNITS[name]), "KB")
    return f"{size / UNITS[unit]:,.1f} {unit}" if size < UNITS["TB"] << 20 else "over a million TB"


@cache
def default_limit() -> int:
    """Return three quarters of the memory of the machine or of its container."""
    return machine_memory() * 3 // 4


def machine_memory() -> int:
    """Return the bytes of memory of the machine, or of the container if it has less."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no such call
        machine = UNKNOWN_MACHINE
    texts = (path.read_text().strip() for path in CONTAINER_LIMITS if path.exists())
    return min([machine, *(int(text) for text in texts if text.isdigit())])
