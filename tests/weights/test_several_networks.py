"""A file with several networks: they are listed, and one is chosen by its place."""

import numpy as np
import pytest
import scipy.io
from support.shared_files import shared

import refvis
from refvis.weights import ModelFormatError


def net(name):
    layers = np.empty(1, object)
    layers[0] = {"type": "relu", "name": name}
    return {"layers": layers}


def cell(*values):
    result = np.empty(len(values), object)
    result[:] = values
    return result


def written(folder, **variables):
    scipy.io.savemat(folder / "nets.mat", variables)
    return folder / "nets.mat"


def first_layer(path, **options):
    return refvis.load(path, **options).nodes[0].name


def test_a_cell_of_networks(tmp_path):
    path = written(tmp_path, nets=cell(*(net(f"r{k}") for k in range(1, 12))), sigma=25.0)
    names = ", ".join(f"nets{{{k}}}" for k in range(1, 9))
    with pytest.raises(ModelFormatError) as caught:
        refvis.load(path)
    assert f"11 networks: {names}, and 3 more" in str(caught.value)
    assert "network='nets{1}', or --network" in str(caught.value)
    for isolate in (False, True):
        assert first_layer(path, network="nets{11}", isolate=isolate) == "r11"
    assert first_layer(path, network="nets(3)") == "r3"
    report = refvis.load(path, network="nets{3}").load_report
    assert {("sigma", "ignored"), ("nets", "ignored")} <= {(remark.place, remark.kind) for remark in report}


@pytest.mark.parametrize("place", ["nets{0}", "nets{12}", "nets", "other", "", "nets{1}.layers", "{1}", "nets{1}{2}"])
def test_a_place_without_a_network(tmp_path, place):
    path = written(tmp_path, nets=cell(net("a"), net("b")))
    with pytest.raises(ModelFormatError, match=r"one of the file's networks: nets\{1\}, nets\{2\}"):
        refvis.load(path, network=place)


def test_variables_and_structs_of_networks(tmp_path):
    path = written(tmp_path, netG=net("g"), netD=net("d"))
    with pytest.raises(ModelFormatError, match="2 networks: netG, netD"):
        refvis.load(path)
    assert first_layer(path, network="netD") == "d"
    path = written(tmp_path, gan={"netG": net("g"), "netD": net("d")}, state={"n": 1.0})
    assert first_layer(path, network="gan.netG") == "g"


def test_the_only_network_needs_no_name(tmp_path):
    assert first_layer(written(tmp_path, results={"best": net("b"), "error": 0.1})) == "b"
    assert first_layer(written(tmp_path, nets=cell(net("a"), 1.0))) == "a"


def test_a_usual_place_wins_and_the_others_are_named(tmp_path):
    path = written(tmp_path, net=net("n"), best=net("b"))
    loaded = refvis.load(path)
    assert loaded.nodes[0].name == "n"
    assert any(remark.place == "best" and "network=" in remark.text for remark in loaded.load_report)
    assert first_layer(path, network="best") == "b"


def test_an_average_beside_the_network(tmp_path):
    loaded = refvis.load(written(tmp_path, net=net("n"), imageMean=np.array([[100.0]])))
    np.testing.assert_array_equal(loaded.normalization["averageImage"], [100.0])


def test_the_shared_cell():
    path = shared("cases", "cell_of_nets.mat")
    with pytest.raises(ModelFormatError, match=r"denoisers\{1\}"):
        refvis.load(path)
    assert refvis.load(path, network="denoisers{2}").nodes
