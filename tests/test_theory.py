"""The checks that need no dataset, in small: what the page says of the methods holds."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import refvis

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "theory"
recovery, convergence, randomisation, saving = (
    SimpleNamespace(**runpy.run_path(str(FOLDER / f"{name}.py")))
    for name in ("recovery", "convergence", "randomisation", "saving")
)


@pytest.fixture(scope="module")
def recovered():
    return {pooled: recovery.measure(pooled, widths=(8, 512), seeds=range(2)) for pooled in (False, True)}


def test_guided_recovers_the_image_and_the_others_do_not(recovered):
    """The noise of a correlation over 4096 pixels is about 1 / 64."""
    plain = recovered[False]
    assert (plain["guided"][0] > 0.5).all()
    assert (plain["guided"][1] > plain["guided"][0] + 0.15).all()
    for mode in ("gradient", "deconvnet"):
        assert (abs(plain[mode]) < 5 / 64).all(), mode


def test_pooling_gives_the_deconvnet_a_hold_on_the_image(recovered):
    pooled = recovered[True]
    assert (pooled["guided"][1] > pooled["deconvnet"][1] + 0.1).all()
    assert (pooled["deconvnet"][1] > 0.3).all()
    assert (abs(pooled["gradient"]) < 5 / 64).all()


def test_guided_tends_to_its_limit():
    """The formula is right for every image and size of filters; 1 - correlation falls as one over their number."""
    x = np.random.default_rng(4).normal(0.5, 1, (1, 19, 23, 2)).astype("float32")
    gaps = []
    for filters in (50, 500, 5000):
        net = recovery.network(np.random.default_rng(3), x, filters, side=5)
        gaps.append(1 - recovery.correlation(recovery.signals(net, x)["guided"], recovery.limit(x, side=5)))
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2]
    assert gaps[2] < 0.005


def test_limit_is_the_sum_of_windows_each_divided_by_its_length():
    x = np.random.default_rng(0).standard_normal((1, 6, 5, 2))
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)))
    total = np.zeros_like(padded)
    for i in range(6):
        for j in range(5):
            window = padded[i : i + 3, j : j + 3]
            total[i : i + 3, j : j + 3] += window / np.linalg.norm(window)
    np.testing.assert_allclose(recovery.limit(x, side=3)[0], total[1:-1, 1:-1], rtol=1e-12)


@pytest.fixture(scope="module")
def converged():
    cosines = convergence.measure(depths=(1, 2, 4, 6), seeds=range(4))
    return {name: [float(abs(one).mean()) for one in depths] for name, depths in cosines.items()}


def test_z_plus_converges_to_one_map_for_all_outputs(converged):
    first, second, fourth, sixth = converged["z+"]
    assert abs(first - 1 / np.pi) < 0.05
    assert 0.8 < second < 0.95
    assert 1e-4 < 1 - fourth < 2e-3
    assert 0 < 1 - sixth < 1e-5


def test_gamma_and_alpha_beta_follow_and_lrp_0_does_not(converged):
    assert converged["LRP-0"][-1] < 0.5
    for name in ("alpha2-beta1", "gamma 0.25", "guided"):
        assert converged["LRP-0"][-1] + 0.3 < converged[name][-1] < converged["z+"][-1] - 0.01, name


def test_unrelated_maps_have_the_cosine_of_random_vectors(converged):
    """One layer's gradients are its rows; two normal vectors of 64 values have a mean |cosine| of sqrt(2 / 64 pi)."""
    assert abs(converged["gradient"][0] - np.sqrt(2 / (64 * np.pi))) < 0.01


def test_cosines_are_those_of_every_pair():
    rows = np.array([[1.0, 0.0], [0.0, 0.0], [3.0, 3.0], [0.0, -2.0]])
    np.testing.assert_allclose(convergence.cosines(rows), [0.5**0.5, 0, -(0.5**0.5)], atol=1e-15)


@pytest.fixture(scope="module")
def randomised():
    return randomisation.measure(refvis.load("scenes"), seeds=range(3))


def test_guided_and_z_plus_do_not_notice_that_the_last_layers_are_random(randomised):
    """Columns: trained, and random down to fc8, fc7, fc6, conv5, conv4, conv3, conv2, conv1."""
    for name in ("guided", "z+"):
        assert (randomised[name][:, 1:3] > 0.95).all(), name
        assert (randomised[name][:, 3] > 0.85).all(), name


def test_gradient_deconvnet_epsilon_and_grad_cam_do(randomised):
    for name in ("gradient", "deconvnet", "epsilon", "Grad-CAM"):
        assert randomised[name][:, 3].mean() < 0.7, name
        assert randomised[name][:, 3].mean() + 0.2 < randomised["guided"][:, 3].mean(), name


def test_every_method_starts_equal_and_ends_changed(randomised):
    for name, values in randomised.items():
        assert values.shape == (3, 9)
        np.testing.assert_allclose(values[:, 0], 1, rtol=1e-12)
        assert values[:, -1].mean() < 0.8, name


def test_randomising_changes_one_layer_only():
    net = refvis.load("scenes")
    other = randomisation.randomise_layer(net, "fc6", np.random.default_rng(0))
    for before, after in zip(net.nodes, other.nodes, strict=True):
        assert (before is after) == (before.name != "fc6")
    before, after = net.node("fc6").layer, other.node("fc6").layer
    assert after.filters.dtype == before.filters.dtype
    np.testing.assert_allclose(after.filters.std(), before.filters.std(), rtol=0.02)
    assert randomisation.similarity(before.filters[0], after.filters[0]) < 0.2


def table(name):
    """The page's table: row -> the means in its cells, those that are written as mean ± deviation."""
    rows = (line.strip("| ").split(" | ") for line in (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()[2:])
    return {row[0]: [float(cell.partition("±")[0]) for cell in row[1:] if "±" in cell] for row in rows}


def test_tables_on_the_page_hold_what_is_measured():
    """Their first columns, anew with all seeds. Rounding is half of the last digit."""
    for mode, values in recovery.measure(False, widths=(8,)).items():
        np.testing.assert_allclose(table("recovery")[mode][0], values.mean(), atol=6e-4, rtol=0)
    for name, (values,) in convergence.measure(depths=(1,)).items():
        np.testing.assert_allclose(table("convergence")[name][0], abs(values).mean(), atol=6e-4, rtol=0)


def test_table_of_randomisation_says_what_the_small_run_says(randomised):
    means = table("randomisation")
    assert set(means) == set(randomised)
    for name in ("guided", "z+", "gradient"):
        np.testing.assert_allclose(means[name], randomised[name].mean(axis=0)[1:], atol=0.25, rtol=0)


def test_pictures_are_written_where_their_pixels_changed(tmp_path):
    picture, path = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype("uint8"), tmp_path / "a.png"

    def figure(pixels, level):
        shown = Image.fromarray(pixels)
        return SimpleNamespace(savefig=lambda file, **_: shown.save(file, "png", compress_level=level))

    saving.save(figure(picture, 0), path)
    first = path.read_bytes()
    saving.save(figure(picture, 9), path)
    saving.save(figure(picture ^ 1, 0), path)
    assert path.read_bytes() == first
    for changed in (picture ^ 2, picture[:3]):
        saving.save(figure(changed, 0), path)
        np.testing.assert_array_equal(np.asarray(Image.open(path)), changed)
