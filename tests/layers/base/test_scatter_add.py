"""Amounts added up by place: both ways, and a loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refvis.layers.base import scatter_add as adding

VALUES = [0.0, -0.0, 1.0, -3.0, 0.1, 1e-30, 1e30, np.inf, -np.inf, np.nan]


def slowly(places, amounts, size):
    total = [[0.0] * amounts.shape[1] for _ in range(size)]
    for place, row in zip(places.tolist(), amounts.tolist(), strict=True):
        total[place] = [old + one for old, one in zip(total[place], row, strict=True)]
    return np.array(total)


@given(data=st.data())
def test_both_ways_add_in_order(data):
    size, channels = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, size - 1), *[st.sampled_from(VALUES)] * channels), min_size=1, max_size=12)
    )
    places = np.array([row[0] for row in rows], int)
    amounts = np.array([row[1:] for row in rows], dtype).reshape(-1, channels)
    with np.errstate(invalid="ignore"):
        expected = slowly(places, amounts, size)
        for way in (adding.by_bincount, adding.in_rounds, adding.scatter_add):
            found = way(places, amounts, size)
            assert found.dtype == np.float64
            np.testing.assert_array_equal(found, expected)


def test_a_gpu_gets_turns(cupy):
    places, amounts = cupy.asarray([[1, 1], [0, 1]]), cupy.asarray(np.float32([[[1], [2]], [[4], [8]]]))
    assert not hasattr(cupy, "bincount")
    assert adding.scatter_add(places, amounts, 3).tolist() == [[4], [11], [0]]
