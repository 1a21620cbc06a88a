import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refvis.scenes.clutter import GAP, Spot, distractor, free_spot
from refvis.scenes.objects import OBJECTS
from refvis.scenes.placing import LEAST_AREA, MARGIN, MOST_AREA, place
from refvis.scenes.primitives import disc
from refvis.scenes.textures import TEXTURES

Y, X = np.mgrid[:64, :64].astype("float32") + np.float32(0.5)
SEEDS = st.integers(0, 2**40)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_distractor_stays_in_its_spot_and_its_window(seed):
    spot = Spot(30.5, 12.5, 9.3)
    distance = distractor(np.random.default_rng(seed), X, Y, spot)
    assert distance.min() < -1
    assert distance[disc(X, Y, (spot.x, spot.y), spot.radius) > 0].min() > 0
    outside = np.ones((64, 64), bool)
    outside[spot.window()] = False
    assert distance[outside].min() > 0.5


def test_a_window_at_the_border_is_cut_off():
    rows, columns = Spot(2.5, 61.5, 6.0).window()
    assert X[rows, columns].shape == (10, 10)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_free_spot_keeps_its_distance(seed):
    spot = free_spot(np.random.default_rng(seed), disc(X, Y, (30.0, 30.0), 12.0))
    assert spot is not None
    assert np.hypot(spot.x - 30, spot.y - 30) - spot.radius > 12 + GAP


def test_a_full_picture_has_no_free_spot():
    assert free_spot(np.random.default_rng(1), np.full((64, 64), 5.0)) is None


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("shape", [(64, 64), (9, 21)])
def test_a_texture_mixes_two_tones(texture, shape):
    shares = [
        texture(np.random.default_rng(seed), X[: shape[0], : shape[1]], Y[: shape[0], : shape[1]], 7.0)
        for seed in range(20)
    ]
    for share in shares:
        assert (share.shape, share.dtype) == (shape, np.float32)
        assert share.min() >= 0
        assert share.max() <= 1
    assert np.unique(np.round(shares, 3)).size >= 10
    assert texture.__name__ == "plain" or min(np.ptp(share) for share in shares) > 0.5


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_two_visible_parts_and_is_placed_as_agreed(name):
    draw, freedom = OBJECTS[name]
    for seed in range(10):
        where = place(np.random.default_rng(seed), np.random.default_rng(seed + 50), draw, freedom, 64)
        u, v = where.frame(X, Y)
        drawing = draw(np.random.default_rng(seed + 50), u / where.scale, v / where.scale)
        whole = np.minimum(drawing.body, drawing.accent) < 0
        assert 0.9 * LEAST_AREA < whole.mean() < 1.1 * MOST_AREA
        rows, columns = np.nonzero(whole)
        assert min(rows.min(), columns.min()) >= MARGIN - 1
        assert max(rows.max(), columns.max()) <= 64 - MARGIN
        accent = (drawing.accent < 0).sum() / whole.sum()
        assert 0.02 < accent < 0.75
        assert freedom == 180 or abs(np.degrees(np.arctan2(where.sine, where.cosine))) <= freedom
