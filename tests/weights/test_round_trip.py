"""What is saved reads as it was, bit for bit; so do the older layouts and v7.3 files of the same network."""

import dataclasses

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matlab_files import V73
from same import assert_same

from refvis import layers
from refvis.layers import LRN, Conv, Dropout, FullyConnected, Loss, Node, Pool, ReLU, Sigmoid, Softmax, SoftmaxLoss
from refvis.weights import Opaque, read_mat, read_model, save_simplenn

small = st.integers(1, 4)
fraction = st.floats(0, 0.9)


@st.composite
def convolutions(draw):
    """A convolution in either precision, any bits in its weights but those of NaN."""
    dtype, width = draw(st.sampled_from([("float32", 32), ("float64", 64)]))
    shape = draw(st.tuples(small, small, small, st.just(1)))  # depth 1 fits any chain, as groups
    numbers = st.floats(width=width, allow_nan=False, allow_infinity=False)
    filters = draw(arrays.arrays(dtype, shape, elements=numbers))
    biases = draw(st.none() | arrays.arrays(dtype, shape[:1], elements=numbers))
    pad = draw(st.integers(0, 3) | st.tuples(*[st.integers(0, 3)] * 4))
    return Conv(filters, biases, draw(small | st.tuples(small, small)), pad, draw(small))


sides = st.integers(3, 5)
pools = st.builds(Pool, st.tuples(sides, sides), small, st.integers(0, 2), st.sampled_from(["max", "avg"]))
simple = st.one_of(
    pools,
    st.builds(ReLU, fraction),
    st.builds(LRN, small, fraction, fraction, fraction),
    st.builds(Dropout, fraction),
    st.sampled_from([Softmax(), Sigmoid()]),
)


@st.composite
def chains(draw):
    found = [draw(st.one_of(convolutions(), simple)) for _ in range(draw(st.integers(1, 5)))]
    # Each convolution has depth 1: the number of filters has to be a multiple of the channels before.
    channels = 1
    for index, layer in enumerate(found):
        if isinstance(layer, Conv):
            filters = np.concatenate([layer.filters] * channels)
            biases = None if layer.biases is None else np.concatenate([layer.biases] * channels)
            found[index] = dataclasses.replace(layer, filters=filters, biases=biases)
            channels = len(filters)
            if channels > 16:
                found = found[: index + 1]
                break
    found += draw(st.sampled_from([[], [SoftmaxLoss()], [Loss()]]))
    names = draw(
        st.lists(st.text("abc_é1", min_size=1, max_size=9), min_size=len(found), max_size=len(found), unique=True)
    )
    return layers.chain(dict(zip(names, found, strict=True)))


numbers = st.floats(allow_nan=False) | st.booleans()
plain = st.recursive(
    numbers | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=9).map(str.rstrip),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
metas = st.dictionaries(st.text("xyz", min_size=1, max_size=5), plain, max_size=3)


@settings(deadline=None, max_examples=80)
@given(nodes=chains(), meta=metas)
def test_saved_networks_read_the_same(tmp_path_factory, nodes, meta):
    path = tmp_path_factory.mktemp("save") / "net.mat"
    save_simplenn(nodes, meta, path)
    model = read_model(path)
    assert_same(model.nodes, nodes)
    assert_same(model.meta, meta)
    assert [remark for remark in model.report if remark.kind != "warning"] == []


def old(layer):
    """A tidied layer as files of 2014 hold it."""
    kept = {key: value for key, value in layer.items() if key not in ("weights", "precious", "opts", "dilate")}
    if layer["type"] == "conv":
        kept |= dict(zip(("filters", "biases"), layer["weights"], strict=True))
    return kept | ({"type": "normalize"} if layer["type"] == "lrn" else {})


def as_cell(layers_):
    cell = np.empty((1, len(layers_)), dtype=object)
    cell[0, :] = layers_
    return cell


@pytest.mark.parametrize("place", ["", "net", "model.net"])
@settings(deadline=None, max_examples=20)
@given(nodes=chains())
def test_older_layouts_read_the_same(tmp_path_factory, place, nodes):
    folder = tmp_path_factory.mktemp("old")
    nodes = tuple(
        dataclasses.replace(node, layer=dataclasses.replace(node.layer, dilate=1))
        if isinstance(node.layer, Conv)
        else node
        for node in nodes
    )
    save_simplenn(nodes, {}, folder / "new.mat")
    net = {"layers": as_cell([old(layer) for layer in read_mat(folder / "new.mat")["net"]["layers"]])}
    for name in reversed(place.split(".") if place else []):
        net = {name: net, "info": 1.0}
    scipy.io.savemat(folder / "old.mat", net)
    assert_same(read_model(folder / "old.mat").nodes, nodes)


@settings(deadline=None, max_examples=20)
@given(nodes=chains(), meta=metas)
def test_v73_reads_the_same(tmp_path_factory, nodes, meta):
    folder = tmp_path_factory.mktemp("v73")
    save_simplenn(nodes, meta, folder / "a.mat")
    V73(folder / "b.mat", compression="gzip").write(read_mat(folder / "a.mat"))
    model = read_model(folder / "b.mat")
    assert_same(model.nodes, nodes)
    assert_same(model.meta, meta)


def test_preprocessing_survives(tmp_path):
    for average in (np.array([1, 2, 3], "float32"), np.arange(24, dtype="float32").reshape(2, 4, 3), None):
        meta = {
            "classes": {"name": ["n1", "n2"], "description": ["a cat, or two", "é"]},
            "normalization": {
                "imageSize": (2, 4, 3),
                "averageImage": average,
                "border": (0, 0),
                "cropSize": (1.0, 1.0),
            },
        }
        save_simplenn(layers.chain({"r": ReLU()}), meta, tmp_path / "a.mat")
        assert_same(read_model(tmp_path / "a.mat").meta, meta)


def test_same_network_same_bytes(tmp_path):
    for name in ("a.mat", "b.mat"):
        save_simplenn(layers.chain({"r": ReLU()}), {"n": 1.0}, tmp_path / name)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (FullyConnected(np.ones((2, 3), "float32")), "make it a Conv with filters as big as its input"),
        (Loss("hinge"), "simplenn has no such Loss: refvis.save writes a DagNN"),
        (Dropout(0.5, np.ones((1, 2, 3, 4), "float32")), "holds no mask"),
        (Conv(np.ones((1, 1, 1, 1), "int32")), "float32 or float64"),
        (layers.Unknown("SubP", {"run": Opaque("function_handle")}), "an object of class function_handle"),
        (layers.Unknown("SubP", {"a b": 1.0}), "expected a MATLAB field name"),
    ],
)
def test_what_cannot_be_saved(tmp_path, layer, words):
    (tmp_path / "a.mat").write_bytes(b"kept")
    with pytest.raises(ValueError, match=r"layer|net") as caught:
        save_simplenn(layers.chain({"x": layer}), {}, tmp_path / "a.mat")
    assert words in str(caught.value)
    assert (tmp_path / "a.mat").read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_only_chains_can_be_saved(tmp_path):
    nodes = [Node("a", ReLU(), ("x",), ("y",)), Node("b", ReLU(), ("x",), ("z",))]
    with pytest.raises(ValueError, match="a chain only, but layer 'b' reads 'x', expected only 'y'"):
        save_simplenn(nodes, {}, tmp_path / "a.mat")
    with pytest.raises(ValueError, match="no layers"):
        save_simplenn([], {}, tmp_path / "a.mat")


def test_a_failed_write_leaves_no_trace(tmp_path, monkeypatch):
    from refvis.weights import write

    def fail(*_):
        raise OSError("the disk is full")

    (tmp_path / "a.mat").write_bytes(b"kept")
    monkeypatch.setattr(write.os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        save_simplenn(layers.chain({"r": ReLU()}), {}, tmp_path / "a.mat")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.mat", b"kept")]
