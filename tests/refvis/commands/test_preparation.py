"""Options of commands for the preparation of inputs, and for one of several networks."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from support.command_line import fill, run
from support.shared_files import shared
from support.small_nets import classifier

import refvis
from refvis.commands.average_files import read_average
from refvis.commands.options import load_network


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def test_inputs_of_0_to_1(monkeypatch, capsys):
    code, out, _ = run(
        monkeypatch, capsys, "classify", "a.png", "-m", "small.mat", "--scale-input", "1/255", "--std", ".2,.3,.4"
    )
    assert code == 0
    expected = classifier().with_images(factor=1 / 255, std=[0.2, 0.3, 0.4]).classify("a.png")
    assert out.splitlines() == [f"{100 * probability:6.2f} %  {label}" for label, probability in expected]


@pytest.mark.parametrize("given", ["0", "-1", "x", "1/0", "", "1,2", "inf", "nan"])
def test_a_factor_is_one_positive_number(monkeypatch, capsys, given):
    code, out, err = run(monkeypatch, capsys, "classify", "a.png", "-m", "small.mat", f"--scale-input={given}")
    assert (code, out) == (2, "")
    assert "--scale-input is" in err


def test_one_of_several_networks(monkeypatch, capsys):
    variables = scipy.io.loadmat("small.mat")
    nets = np.empty(2, object)
    nets[:] = [variables["net"], variables["net"]]
    scipy.io.savemat("several.mat", {"nets": nets})
    code, _, err = run(monkeypatch, capsys, "show", "several.mat")
    assert code == 2
    assert "nets{1}, nets{2}" in err
    for command in (("show", "several.mat"), ("classify", "a.png", "-m", "several.mat")):
        assert run(monkeypatch, capsys, *command, "--network", "nets{2}")[0] == 0


AVERAGE = np.arange(12, dtype="float64").reshape(2, 2, 3)


@pytest.mark.parametrize(
    "variables",
    [
        {"images": {"data_mean": AVERAGE, "labels": np.ones(5)}},
        {"averageImage": AVERAGE, "n": 1.0},
        {"net": {"normalization": {"averageImage": AVERAGE}}},
        {"whatever": AVERAGE},
    ],
)
def test_an_average_in_a_mat_file(variables):
    scipy.io.savemat("imdb.mat", variables)
    net = load_network("small.mat", "2x2", Path("imdb.mat"))
    np.testing.assert_array_equal(net.normalization["averageImage"], AVERAGE)


BAD_AVERAGES = {
    "scalar.npy": (np.array(3.0), "expected numbers: H x W x C"),
    "four.npy": (np.ones((1, 2, 2, 3)), "expected numbers: H x W x C"),
    "objects.npy": (np.array([{}], object), "Python objects"),
    "nan.npy": (np.full(3, np.nan), "NaN or infinite"),
    "text.npy": (b"text", "neither a .npy file"),
    "empty.npy": (b"", "neither a .npy file"),
    "zip.npy": (b"PK\x03\x04", "expected a .npy file"),
}


@pytest.mark.parametrize("name", BAD_AVERAGES)
def test_files_that_hold_no_average(folder, name):
    content, message = BAD_AVERAGES[name]
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        np.save(folder / name, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_average(folder / name)
    assert "allow_pickle" not in str(caught.value)


def test_a_mat_file_without_an_average(folder):
    scipy.io.savemat("other.mat", {"images": {"labels": np.ones(5)}, "n": 1.0})
    with pytest.raises(ValueError, match="holds images, n, expected one average image"):
        read_average(folder / "other.mat")


def test_the_shared_database():
    average = read_average(shared("cases", "imdb.mat"))
    assert average.shape[-1] == 3
    assert refvis.chain({"relu": refvis.layers.ReLU()}).with_images(average=average).input_size == average.shape[:2]
