"""Pieces side by side: all of them, in threads of one BLAS thread each; errors and the caller's context cross over."""

import os
import threading
import time
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from refvis import layers
from refvis.layers import winograd, winograd_outputs
from refvis.layers.base.geometry import spans
from refvis.layers.fast import threads
from refvis.layers.fast.threads import parts, side_by_side, workers

X = np.zeros(1, "float32")
needs_two = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor has no two threads of BLAS")


def blas_threads() -> set[int]:
    """Return the threads of what was there when NumPy was asked first; what SciPy brings later computes no layer."""
    blas = threads._blas()
    return {one.num_threads for one in blas.lib_controllers} if blas else set()


@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 40))
def test_spans_cover_each_row_of_each_image_once(count: int, rows: int, at_once: int) -> None:
    seen = np.zeros((count, rows), int)
    for images, some in spans(count, rows, at_once):
        seen[images, some] += 1
        assert (images.stop - images.start) * (some.stop - some.start) <= max(at_once, 1)
    assert (seen == 1).all()


@given(st.integers(1, 50), st.integers(1, 9))
def test_parts_cover_all_in_nearly_equal_pieces(length: int, count: int) -> None:
    found = parts(length, count)
    assert [i for one in found for i in range(one.start, one.stop)] == list(range(length))
    assert len(found) <= count
    assert max(one.stop - one.start for one in found) == -(-length // count)


@needs_two
@pytest.mark.parametrize("count", [1, 2])
def test_every_piece_is_called_once_and_in_threads_where_the_blas_has_some(count: int) -> None:
    seen: list[tuple[int, str]] = []

    def piece(i: int) -> None:
        time.sleep(0.01)
        seen.append((i, threading.current_thread().name))
        assert blas_threads() == {1}

    with threadpool_limits(count, "blas"):
        assert workers(X) == count
        side_by_side(piece, ((i,) for i in range(6)), X)
        assert blas_threads() == {count}
    assert sorted(i for i, _ in seen) == list(range(6))
    assert len({name for _, name in seen}) == count


@needs_two
def test_an_error_in_a_piece_is_raised_when_all_have_stopped() -> None:
    running = []

    def piece(i: int) -> None:
        if i == 0:
            raise ValueError("piece 0")
        running.append(i)
        time.sleep(0.02)
        running.remove(i)

    with threadpool_limits(2, "blas"):
        with pytest.raises(ValueError, match="piece 0"):
            side_by_side(piece, [(i,) for i in range(5)], X)
        assert running == []
        assert blas_threads() == {2}


@needs_two
def test_pieces_see_the_switches_and_error_state_of_the_caller() -> None:
    seen = []
    with threadpool_limits(2, "blas"), winograd(4), np.errstate(over="ignore"):
        side_by_side(lambda i: seen.append((winograd_outputs(), np.geterr()["over"])), [(0,), (1,)], X)
    assert seen == [(4, "ignore")] * 2


@needs_two
def test_a_second_caller_meanwhile_stays_in_its_own_thread() -> None:
    counts = []

    def second() -> None:
        counts.append(workers(X))

    def piece(i: int) -> None:
        other = threading.Thread(target=second)
        other.start()
        other.join()

    with threadpool_limits(2, "blas"):
        side_by_side(piece, [(0,), (1,)], X)
    assert counts == [1, 1]


@needs_two
@pytest.mark.parametrize(("outputs", "rounding"), [(2, 2e-6), (4, 2e-5)])
def test_a_layer_is_the_same_in_one_thread_and_in_two(outputs: int, rounding: float) -> None:
    """To rounding: the BLAS adds up in another order where pieces are of another size."""
    random = np.random.default_rng(0)
    layer = layers.Conv(random.standard_normal((70, 3, 3, 66), "float32"), pad=1)
    x = random.standard_normal((2, 33, 27, 66), "float32")
    found = []
    for count in (1, 2):
        with threadpool_limits(count, "blas"), winograd(outputs):
            y = layers.forward(layer, x)
            found.append((y, *layers.backward(layer, y, None, x)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=rounding * np.abs(one).max())


@needs_two
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    with threadpool_limits(2, "blas"):
        side_by_side(lambda i: time.sleep(0.01), [(0,), (1,)], X)
        child = os.fork()
        if child == 0:
            done: list[int] = []
            try:
                side_by_side(done.append, [(0,), (1,)], X)
            finally:
                os._exit(0 if sorted(done) == [0, 1] else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert threads._Users.count == 0


def test_without_threadpoolctl_everything_runs_in_the_thread_that_calls() -> None:
    threads._blas.cache_clear()
    seen: list[int] = []
    try:
        with mock.patch.dict("sys.modules", threadpoolctl=None):
            assert workers(X) == 1
            side_by_side(seen.append, [(0,), (1,)], X)
    finally:
        threads._blas.cache_clear()
    assert seen == [0, 1]
