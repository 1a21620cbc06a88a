"""Threads for pieces of one layer: as many as the BLAS has, each with a BLAS of a single thread.

A BLAS divides one matrix product among its threads. They wait while NumPy copies and adds between two products. Threads
that take whole pieces have work all the time. Their number is that of the BLAS, so OPENBLAS_NUM_THREADS and
threadpoolctl set both; with one thread, everything runs in the thread that calls.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.geometry import spans

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import ThreadpoolController


THREAD_BYTES = 1 << 23
"""Bytes of the smallest array for which `in_pieces` uses several threads: to wake one takes as long as to add 1 MB."""


def side_by_side(function: Callable[..., None], pieces: Iterable[tuple[Any, ...]], like: Array) -> None:
    """Call ``function(*piece)`` for all pieces, in several threads if `like` is a NumPy array.

    Pieces must not overlap. The caller's thread is one of the threads. Every thread sees the caller's context (the
    switches of `exactness`, NumPy's error state). An error in one piece is raised here, after all threads have stopped.
    """
    pieces = list(pieces)
    waiting = iter(pieces)  # all threads take from it

    def work() -> None:
        try:
            for piece in waiting:
                function(*piece)
        except BaseException:
            list(waiting)  # no further piece begins
            raise

    others = min(len(pieces), workers(like)) - 1 if len(pieces) > 1 else 0
    if not others:
        work()
        return
    from concurrent.futures import wait

    with _blas_of_one_thread():
        running = [_pool().submit(copy_context().run, work) for _ in range(others)]
        try:
            work()
        finally:
            wait(running)
    for one in running:
        one.result()


def in_pieces(function: Callable[..., Any], *arrays: Array) -> None:
    """Call ``function(*rows)`` with the same rows of all `arrays` (N x H x ...), until all rows are done.

    That is one call for small arrays, and one in each thread for large ones. No row may depend on another.
    """
    first = arrays[0]
    threads = workers(first) if first.nbytes >= THREAD_BYTES else 1
    if threads == 1:
        function(*arrays)
        return
    count, rows = first.shape[:2]
    pieces = spans(count, rows, -(-count * rows // threads))
    side_by_side(lambda *piece: function(*(array[piece] for array in arrays)), pieces, first)


def parts(length: int, count: int) -> list[slice]:
    """Return slices that cover `length`, at most `count` of them, of nearly equal size."""
    each = -(-length // count)
    return [slice(first, min(first + each, length)) for first in range(0, length, each)]


def workers(like: Array) -> int:
    """Return how many threads `side_by_side` has: as many as the BLAS; 1 for arrays other than NumPy's."""
    blas = _blas() if array_module(like) is np else None
    return min((library.num_threads for library in blas.lib_controllers), default=1) if blas else 1


@cache
def _blas() -> "ThreadpoolController | None":
    """Return the object that sets the threads of the BLAS; None without threadpoolctl, which is optional."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


@cache
def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="refvis")


class _Users:
    """The number of callers that need a BLAS of one thread, and the limits to restore after the last of them."""

    lock, count = Lock(), 0
    limits: Any = None


@contextmanager
def _blas_of_one_thread() -> Iterator[None]:
    with _Users.lock:
        if not _Users.count:
            _Users.limits = _blas().limit(limits=1)  # type: ignore[union-attr]
        _Users.count += 1
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if not _Users.count:
                _Users.limits.restore_original_limits()


def _forget() -> None:
    """Forget the threads of the parent process, which a forked process does not have."""
    _pool.cache_clear()
    _Users.lock, _Users.count = Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
