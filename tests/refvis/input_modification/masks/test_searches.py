"""Meaningful and extremal perturbation: their games, their descent, and the known region that they find."""

import numpy as np
import pytest
from support.numeric import central, inner
from support.same import assert_same
from support.small_nets import classifier, inputs

import refvis
from refvis.input_modification.masks.games import GAMES, reward_and_gradient
from refvis.input_modification.masks.mask_objective import objective_of
from refvis.input_modification.masks.masks import blend, replacement_pyramids
from refvis.layers import Conv, FullyConnected, Pool, ReLU
from refvis.units import Selection

METHODS = {
    "meaningful": (refvis.meaningful_perturbation, {"cells": (6, 5), "steps": 12}),
    "extremal": (refvis.extremal_perturbation, {"cells": 6, "steps": 12, "sigma": 1.5}),
}
REGION = (slice(3, 8), slice(5, 10))
"""The only region of the 13 x 11 image that the network of `local` responds to."""


def local():
    """Return a network of two classes, the first of which scores the brightness of the region, and an image."""
    rng = np.random.default_rng(2)
    x = rng.random((1, 13, 11, 3))
    x[0][REGION] += 2
    weights = np.zeros((2, 13, 11, 4))
    weights[0][REGION] = 0.1 + rng.random((5, 5, 4))
    layers = {
        "conv": Conv(np.abs(rng.normal(size=(4, 1, 1, 3)))),
        "relu": ReLU(),
        "fc": FullyConnected(weights.reshape(2, -1)),
    }
    heatmap = refvis.chain(layers).forward(x).output[0, 0, 0, 0]
    weights *= 12 / heatmap
    layers["fc"] = FullyConnected(weights.reshape(2, -1), np.array([-6.0, 0.0]))  # 6 for the image, -6 for nothing
    return refvis.chain(layers), x


def share(heatmap, row=0):
    """The share of the heat that lies in the region."""
    heat = heatmap.maps[row]
    return heat[REGION].sum() / heat.sum()


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("output", ["score", "probability"])
@pytest.mark.parametrize("options", [{"channel": 2}, {"channel": 1, "against": 3}, {"at": "conv2", "channel": 4}])
def test_the_gradient_of_the_reward(game, output, options):
    net, x = classifier().astype("float64"), inputs(1, "float64")
    seen, _ = objective_of(net, x, Selection(**{"output": output, **options}))
    levels = replacement_pyramids("blur", x, None, 0, 4)(0)
    rng = np.random.default_rng(0)
    heat, along = 0.02 + 0.9 * rng.random((2, 13, 11, 1)), rng.normal(size=(2, 13, 11, 1))
    reward, slope = reward_and_gradient(seen, levels, heat, game)
    computed = [inner(slope[n], along[n]) for n in range(2)]
    step = central(lambda h: reward_and_gradient(seen, levels, h, game)[0], heat, along)
    np.testing.assert_allclose(computed, step, rtol=0, atol=1e-6 * np.abs(slope * along).sum())
    kept, hidden = (seen.levels(blend(levels, m))[:, 0] for m in (heat, 1 - heat))
    expected = {"preserve": kept, "delete": -hidden, "dual": kept - hidden}
    np.testing.assert_allclose(reward, expected[game], rtol=1e-12)


@pytest.mark.parametrize("fill", ["mean", -1.0])
@pytest.mark.parametrize("game", GAMES)
def test_meaningful_perturbation_finds_the_region(game, fill):
    net, x = local()
    options = {"cells": (13, 11), "jitter": 0, "steps": 60, "tv_weight": 1.0}
    heatmap = refvis.meaningful_perturbation(net, x, game, fill, channel=0, **options)
    assert share(heatmap) > 0.6
    image, changed, replaced = (heatmap.measures[name][0] for name in ("image", "changed", "replaced"))
    assert replaced < 0.1 < 0.9 < image
    assert changed < 0.1 if game == "delete" else changed > 0.9


@pytest.mark.parametrize("game", GAMES)
def test_extremal_perturbation_finds_the_region(game):
    net, x = local()
    areas = (25 / 143, 0.4)
    heatmap = refvis.extremal_perturbation(net, x, areas, game, "mean", channel=0, cells=11, sigma=1.5, steps=80)
    np.testing.assert_allclose(heatmap.measures["area"], areas, atol=0.06)
    assert share(heatmap) > 0.6
    assert 0 <= heatmap.values.min() <= heatmap.values.max() <= 1
    assert [len(one) for one in heatmap.history.values()] == [81, 81]
    alone = refvis.extremal_perturbation(net, x, areas[1], game, "mean", channel=0, cells=11, sigma=1.5, steps=80)
    np.testing.assert_allclose(heatmap.values[1], alone.values[0], rtol=0, atol=1e-9)
    apart = refvis.extremal_perturbation(net, x, areas, game, "mean", channel=0, cells=11, sigma=1.5, steps=80, batch=1)
    np.testing.assert_allclose(heatmap.values, apart.values, rtol=0, atol=1e-9)
    np.testing.assert_allclose(heatmap.history["area"], apart.history["area"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["lime", "kernel_shap", "rise"])
def test_other_methods_find_it_too(name):
    net, x = local()
    options = {"masks": 500} if name == "rise" else {"samples": 400}
    heatmap = getattr(refvis, name)(net, x, channel=0, output="score", **options)
    positive = np.maximum(heatmap.map, 0)
    assert positive[REGION].sum() / positive.sum() > (0.3 if name == "rise" else 0.55)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", METHODS)
def test_rows_are_images_and_units(name, dtype):
    method, few = METHODS[name]
    net, x = classifier().astype(dtype), inputs(2, dtype)
    whole = method(net, x, channel=(1, 2), jitter=1, **few)
    assert (whole.values.shape, whole.values.dtype, whole.signed) == ((4, 13, 11, 1), dtype, False)
    assert all(one.shape == (13, 4) for one in whole.history.values())
    alone = method(net, x[1:], channel=2, jitter=1, **few)
    assert_same(alone.values[0], whole.values[3])
    assert_same(method(net, x[1:], channel=2, jitter=1, **few).values, alone.values)
    assert np.abs(method(net, x[1:], channel=2, jitter=1, seed=1, **few).values - alone.values).max() > 0


@pytest.mark.parametrize("name", METHODS)
def test_the_history_is_of_the_terms(name):
    method, few = METHODS[name]
    net, x = classifier().astype("float64"), inputs(1, "float64")
    options = {"weights": (2.0, 8.0)} if name == "extremal" else {"area_weight": 0.7, "tv_weight": 2.0}
    heatmap = method(
        net, x, "preserve" if name == "meaningful" else 0.3, channel=2, fill="mean", **{**few, "steps": 0, **options}
    )
    if name == "meaningful":  # all of the image is kept
        np.testing.assert_allclose(heatmap.history["score"], -heatmap.measures["image"][:, None], rtol=1e-9)
        np.testing.assert_allclose((heatmap.history["area"], heatmap.history["tv"]), ([[0.7]], [[0]]))
    else:
        gap = heatmap.measures["image"] - heatmap.measures["replaced"]
        scale = 2 * np.abs(gap)
        np.testing.assert_allclose(heatmap.history["score"][0], -heatmap.measures["changed"] / scale, rtol=1e-9)
        assert 0 < heatmap.history["area"][0, 0] < 0.7
    assert heatmap.measures["area"][0] > 0.5


@pytest.mark.parametrize("name", METHODS)
def test_patience_and_interruptions_end_it(name):
    method, few = METHODS[name]
    net, x = classifier(), inputs(2)
    ended = method(net, x[:1], rate=0.0, patience=3, jitter=0, fill="mean", **{**few, "steps": 40})
    assert len(ended.history["area"]) == 4

    asked = []

    def fill(image, box, rng):
        asked.append(box)
        if len(asked) == 8:
            raise KeyboardInterrupt
        return 0 * image[:1, :1]

    with pytest.warns(UserWarning, match=r"interrupted: this .* is of \d of 13 steps"):
        heatmap = method(net, x, channel=2, fill=fill, **few)
    assert len(heatmap.values) == 1
    done = len(heatmap.history["area"])
    assert heatmap.record.parameters["partial"] == f"{done} of 13 steps"
    assert 3 < done < 8


def test_a_batch_that_layers_mix_is_computed_one_by_one():
    """Batch normalisation by the batch's own moments would let each area change the masks of the others."""
    from refvis.layers import BatchNorm

    net = refvis.chain(
        {
            "norm": BatchNorm(np.ones(3), np.zeros(3)),
            "pool": Pool(3, 2, method="avg"),
            "fc": Conv(np.random.default_rng(0).normal(size=(4, 6, 5, 3))),
        }
    )
    x, options = inputs(1, "float64"), {"channel": 1, "cells": 6, "steps": 6, "fill": 3.0}
    heatmap = refvis.extremal_perturbation(net, x, (0.1, 0.4), **options)
    level = net.forward(x).output[0, 0, 0, 1]
    np.testing.assert_allclose(heatmap.measures["image"], level, rtol=1e-12)
    for row, area in enumerate((0.1, 0.4)):
        np.testing.assert_allclose(heatmap.values[row], refvis.extremal_perturbation(net, x, area, **options).values[0])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("meaningful", {"game": "win"}, "game is 'win', expected one of 'preserve', 'delete', 'dual'"),
        ("extremal", {"jitter": -1}, "jitter is -1, expected 0 or more pixels"),
        ("meaningful", {"steps": -1}, "steps is -1, expected 0 or more"),
        ("extremal", {"area": 1.0}, r"area is 1\.0, expected shares of the image between 0 and 1"),
        ("extremal", {"area": ()}, r"area is \(\), expected shares"),
        ("extremal", {"weights": (0, 3)}, r"weights is \(0, 3\), expected two numbers above 0"),
        ("extremal", {"fill": inputs(), "channel": 1}, "the level is .* for the image and for its replacement"),
        ("extremal", {"degrees": 1}, "degrees is 1, expected 2 or more"),
        ("extremal", {"cells": 0}, "cells is 0 and sigma 1.5, expected cells of 1 or more, and a sigma above 0"),
        ("meaningful", {"fill": "magic"}, "fill is 'magic'"),
        ("meaningful", {"patience": 0}, "patience is 0"),
        ("extremal", {"output": "logit"}, "output is 'logit'"),
    ],
)
def test_wrong_choices_are_refused(name, options, message):
    method, few = METHODS[name]
    with pytest.raises(ValueError, match=message):
        method(classifier(), inputs(), **{**few, **options})


@pytest.mark.parametrize("name", METHODS)
def test_it_is_saved_with_its_history(name, tmp_path):
    h5py = pytest.importorskip("h5py")
    method, few = METHODS[name]
    heatmap = method(classifier(), inputs(), **few)
    heatmap.save(tmp_path / "heat.h5")
    with h5py.File(tmp_path / "heat.h5") as file:
        for term, values in heatmap.history.items():
            np.testing.assert_array_equal(file[f"history/{term}"], values)
        assert file.attrs["parameter game"] == heatmap.record.parameters["game"]
    heatmap.save(tmp_path / "heat.png")
    several = refvis.extremal_perturbation(classifier(), inputs(), (0.1, 0.3), channel=(2, 1), cells=6, steps=2)
    assert several.record.units[1:3] == ("2 (cat), 0.3 of the area", "1 (bee), 0.1 of the area")
    assert "changed" in repr(heatmap)
