"""Signals of the command line: they end a command, which writes what it has; the exit code is 128 + the signal.

Ctrl-C (SIGINT), SIGTERM, which batch systems send, and SIGHUP, for a closed terminal, are treated alike. A signal that
the caller made this process ignore stays ignored. This module is imported first, and imports nothing that takes time.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a command."""

REPEAT = 1.0
"""Seconds in which the same signal counts once, but for Ctrl-C: timeout(1) sends two."""

BROKEN_PIPE = 141
"""Exit code that shells report for a program whose output nobody reads any more."""

SAID = b"refvis: interrupted\n"

Handler = Callable[[int, FrameType | None], Any]

_received: list[tuple[int, float]] = []
"""The signals so far, with the times at which they came."""


def end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process: the handler for the time of the imports, when nothing is there to be kept."""
    os.write(2, SAID)
    os._exit(128 + number)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, on which methods return what they have."""
    now = time.monotonic()
    if _received and number != signal.SIGINT and now - _received[-1][1] < REPEAT:
        return
    _received.append((number, now))
    raise KeyboardInterrupt


def exit_code() -> int:
    """Return the exit code of a command that was interrupted: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (_received[0][0] if _received else signal.SIGINT)


def came() -> bool:
    """Return whether a signal has come."""
    return bool(_received)


def handle(handler: Handler) -> dict[int, Any]:
    """Let `handler` handle the signals that end a command; return the former handlers by signal."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        return {}
    former = {number: signal.getsignal(number) for number in ENDING}
    ours = {number: signal.signal(number, handler) for number in former if former[number] is not signal.SIG_IGN}
    return {number: one for number, one in ours.items() if one is not None}


@contextmanager
def as_interruptions() -> Iterator[None]:
    """Inside, the signals raise KeyboardInterrupt; the former handlers come back at the end."""
    _received.clear()
    former = handle(interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
