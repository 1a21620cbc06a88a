"""Lent memory: nobody holds the same at the same time, it comes back with its last view, and little of it is kept."""

import gc
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refvis import layers
from refvis.layers.fast import buffers

LIKE = np.zeros(1, "float32")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    gc.collect()
    buffers.release()


def address(array: np.ndarray) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


shapes = st.tuples(st.integers(1, 3), st.integers(50, 90), st.integers(100, 120), st.integers(6, 12))


@given(st.lists(st.tuples(shapes, st.sampled_from(["float32", "float64", "bool"]), st.integers(0, 7)), max_size=30))
def test_what_is_held_stays_as_it_was_written(steps: list[tuple[tuple[int, ...], str, int]]) -> None:
    held: dict[int, tuple[np.ndarray, int]] = {}
    for number, (shape, dtype, place) in enumerate(steps):
        held.pop(place, None)
        array = buffers.empty(shape, LIKE, dtype)
        assert (array.shape, array.dtype) == (shape, dtype)
        assert array.flags.c_contiguous
        array[...] = number % 2 if dtype == "bool" else number
        held[place] = array[:, ::2, 1:], array[0, 0, 1, 0].item()
        assert all((view == value).all() for view, value in held.values())


def test_memory_comes_back_with_the_last_view() -> None:
    array = buffers.empty((1, 40, 50, 30), LIKE)
    place, view = address(array), array[0, 1:, ::2].T
    del array
    other = buffers.empty((1, 40, 50, 30), LIKE)
    assert address(other) != place
    del view
    assert address(buffers.empty((1, 40, 50, 29), LIKE)) == place  # of about that size


@pytest.mark.parametrize("size", [buffers.SMALLEST - 4, buffers.LARGEST + 4])
def test_small_and_very_large_arrays_are_their_own(size: int) -> None:
    assert buffers.empty((1, 1, 1, size // 4), LIKE).base is None
    assert not buffers._FREE


def test_little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "MOST", 3 << 20)
    held = [buffers.empty((1, 1, 1, 1 << 18), LIKE) for _ in range(5)]
    held.clear()
    kept = [size * len(some) for size, some in buffers._FREE.items()]
    assert sum(kept) == 3 << 20
    buffers.scratch(LIKE)("some", 1 << 20)
    buffers.release()
    assert not buffers._FREE
    assert not buffers.scratch(LIKE).arrays


def test_sizes_are_rounded_up_by_an_eighth_at_most() -> None:
    for size in (buffers.SMALLEST, 150_000, 131_073, 10**6, buffers.LARGEST):
        assert size <= buffers._round_size(size) <= size * 9 / 8


def test_threads_do_not_meet() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            array = buffers.empty((1, 16, 64, 40), LIKE)
            array[...] = number
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_results_that_are_held_do_not_meet() -> None:
    random = np.random.default_rng(0)
    filters = random.standard_normal((64, 3, 3, 64), "float32")
    net = layers.Graph(
        layers.chain(
            {
                "conv": layers.Conv(filters, random.standard_normal(64), pad=1),
                "relu": layers.ReLU(),
                "lrn": layers.LRN(),
                "norm": layers.BatchNorm(np.ones(64), np.ones(64), np.ones((64, 2))),
                "pool": layers.Pool(2, 2),
            }
        )
    )
    held: list[tuple[np.ndarray, np.ndarray]] = []
    for outputs in (2, 0, 4, 2):
        with layers.winograd(outputs):
            trace = net.forward(random.standard_normal((1, 32, 32, 64), "float32"))
            signals = net.backward(trace, {"pool": trace["pool"]})
        held += [(array, array.copy()) for array in (*trace.values(), *signals.values())]
    assert all((array == copy).all() for array, copy in held)
