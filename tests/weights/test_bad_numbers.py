"""Numbers that no size is, in every field that becomes a size: a ModelFormatError that names the field."""

import h5py
import numpy as np
import pytest
import scipy.io
from support.dag_files import layer, net, row
from support.matlab_files import V5_HEADER, V73, element, matrix

import refvis
from refvis.weights import ModelFormatError, read_mat
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn

BAD = {
    "infinite": np.inf,
    "minus infinity": -np.inf,
    "NaN": np.nan,
    "complex": 1 + 2j,
    "1e300": 1e300,
    "1e18": 1e18,
    "-1e18": -1e18,
    "int64": np.int64(2**62),
    "uint64": np.uint64(2**63),
}
NO_SIZES = {**BAD, "half": 0.5, "negative": -1.0}

FILTERS, BIASES = np.ones((1, 1, 2, 3), "float32"), np.ones((1, 3), "float32")
WEIGHTS = [FILTERS, BIASES]
SIZES = {
    "conv": ({"weights": WEIGHTS}, ("pad", "stride", "dilate")),
    "convt": ({"weights": WEIGHTS}, ("upsample", "crop", "numGroups")),
    "pool": ({"pool": row(2)}, ("pool", "stride", "pad")),
    "normalizelp": ({}, ("dimensions",)),
}
BLOCKS = {
    "Conv": ("x", {}, ("pad", "stride", "dilate")),
    "ConvTranspose": ("x", {}, ("upsample", "crop", "numGroups")),
    "Pooling": ("x", {"poolSize": row(2)}, ("poolSize", "stride", "pad")),
    "Concat": ("x y", {}, ("dim",)),
    "Crop": ("x y", {}, ("crop",)),
    "AffineGridGenerator": ("x", {"Ho": row(2), "Wo": row(2)}, ("Ho", "Wo")),
    "UniformScalingGridGenerator": ("x", {"Ho": row(2), "Wo": row(2)}, ("Ho", "Wo")),
    "ROIPooling": ("x y", {}, ("subdivisions",)),
}


def array(value, count=1):
    return np.full((1, count), value)


def simplenn(fields, meta=None):
    return read_simplenn({"layers": [{"name": "l", **fields}], "meta": meta or {}}, "net", [])


def block(kind, inputs, fields, meta=None):
    params = {"f": FILTERS} if kind.startswith("Conv") else {}
    return read_dag(
        net(layer("l", f"dagnn.{kind}", inputs, "z", " ".join(params), **fields), meta=meta, **params), "", []
    )


@pytest.mark.parametrize("value", NO_SIZES.values(), ids=NO_SIZES)
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, names) in SIZES.items() for name in names])
def test_layers(kind, name, value):
    with pytest.raises(ModelFormatError) as caught:
        simplenn({"type": kind, **SIZES[kind][0], name: array(value)})
    assert caught.value.place == f"net.layers{{1}}.{name}"


@pytest.mark.parametrize("value", NO_SIZES.values(), ids=NO_SIZES)
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (*_, names) in BLOCKS.items() for name in names])
def test_blocks(kind, name, value):
    inputs, fields, _ = BLOCKS[kind]
    block(kind, inputs, fields)
    with pytest.raises(ModelFormatError) as caught:
        block(kind, inputs, {**fields, name: array(value)})
    assert caught.value.place == f"layers(1).block.{name}"


@pytest.mark.parametrize("value", NO_SIZES.values(), ids=NO_SIZES)
@pytest.mark.parametrize(("kind", "index"), [("lrn", 0), ("spnorm", 0), ("spnorm", 1)])
def test_sizes_among_parameters(kind, index, value):
    """Entries of `param` that are sizes; the others are real numbers."""
    param = np.ones((1, 4), np.result_type(value, 1.0))
    simplenn({"type": kind, "param": param.real})
    param[0, index] = value
    with pytest.raises(ModelFormatError) as caught:
        simplenn({"type": kind, "param": param})
    assert caught.value.place == "net.layers{1}.param"


@pytest.mark.parametrize("value", NO_SIZES.values(), ids=NO_SIZES)
def test_topk(value):
    with pytest.raises(ModelFormatError) as caught:
        block("Loss", "x label", {"loss": "topkerror", "opts": ["topk", array(value)]})
    assert caught.value.place == "layers(1).block.opts"


@pytest.mark.parametrize("value", [np.inf, np.nan, 1 + 2j])
def test_options_that_are_real_numbers(value):
    with pytest.raises(ModelFormatError):
        block("Loss", "x label", {"loss": "binaryerror", "opts": ["threshold", array(value)]})


META = {
    "normalization.imageSize": lambda value: {"normalization": {"imageSize": value}},
    "normalization.border": lambda value: {"normalization": {"imageSize": row(8, 8, 3), "border": value}},
    "inputSize": lambda value: {"inputSize": value},
    "inputs": lambda value: {"inputs": value},
    "inputs.size": lambda value: {"inputs": {"name": "x", "size": value}},
    "inputs{2}": lambda value: {"inputs": ["x", value]},
    "inputs{2}.size": lambda value: {"inputs": [{"name": "x", "size": row(8, 8, 3)}, {"name": "y", "size": value}]},
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
@pytest.mark.parametrize("place", META)
@pytest.mark.parametrize("count", [1, 3, 4])
def test_sizes_of_inputs(place, count, value):
    for prefix, read in (
        ("net.", lambda meta: simplenn({"type": "relu"}, meta)),
        ("", lambda meta: block("ReLU", "x", {}, meta)),
    ):
        with pytest.raises(ModelFormatError) as caught:
            read(META[place](array(value, count)))
        assert caught.value.place == f"{prefix}meta.{place}"


@pytest.mark.parametrize("value", [8.0, 8.5, 0.0, -1.0, True, np.uint8(8)])
@pytest.mark.parametrize("place", META)
def test_other_sizes_of_inputs_load(place, value):
    """What says nothing, such as [0 0], never was an error."""
    model = simplenn({"type": "relu"}, META[place](array(value, 3)))
    loaded = refvis.Network(model.nodes, meta=model.meta)
    assert loaded.input_size in (None, (8, 8), (1, 1))
    assert loaded.channels in (None, 8, 3, 0, -1, 1)


def test_an_unknown_number_of_images_loads():
    """As `dagnn` writes it, and as the originals' own files in tests/golden have it."""
    model = block("ReLU", "x", {}, META["inputs.size"](row(32, 24, 3, np.nan)))
    assert refvis.Network(model.nodes, meta=model.meta).input_size == (32, 24)


def test_in_files(tmp_path):
    layers = np.empty((1, 1), object)
    layers[0, 0] = {"type": "relu", "name": "r"}
    scipy.io.savemat(
        tmp_path / "a.mat", {"layers": layers, "meta": {"inputs": {"name": "x", "size": array(np.inf, 4)}}}
    )
    V73(tmp_path / "b.mat").write(
        {"layers": [{"type": "relu", "name": "r"}], "meta": {"inputs": {"name": "x", "size": array(np.inf, 4)}}}
    )
    for name in ("a.mat", "b.mat"):
        for isolate in (False, True):
            with pytest.raises(
                ModelFormatError, match=r"meta\.inputs\.size: the numbers inf inf inf inf, expected whole"
            ):
                refvis.load(tmp_path / name, isolate=isolate)


@pytest.mark.parametrize("mx_class", [1, 2, 4, 6])
@pytest.mark.parametrize("count", [3, 4, 32])
def test_dimensions_of_empty_values_in_v5_files(tmp_path, mx_class, count):
    data = {1: b"", 2: element(5, bytes([8, 0, 0, 0])) + element(1, b""), 4: element(4, b""), 6: element(9, b"")}
    shape = (0, *(2**31 - 1,) * (count - 1))
    (tmp_path / "a.mat").write_bytes(V5_HEADER + matrix(mx_class, shape, "x", data[mx_class]))
    with pytest.raises(ModelFormatError, match=r"x?: ?dimensions \(0, 2147483647, 2147483647"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "dimensions",
    [[np.inf, 0], [np.nan, 0], [0, 1e300], [0, -1], [0, 0.5], [0, 1 + 2j], [0, 2**40, 2**40], [0] * 40, [b"a", b"b"]],
    ids=str,
)
@pytest.mark.parametrize("kind", ["double", "cell", "struct", "char"])
def test_dimensions_of_empty_values_in_hdf5_files(tmp_path, kind, dimensions):
    path = V73(tmp_path / "a.mat").write({"y": np.ones((1, 1))})
    with h5py.File(path, "a") as file:
        data = file.create_dataset("x", data=np.array(dimensions))
        data.attrs["MATLAB_class"], data.attrs["MATLAB_empty"] = np.bytes_(kind), np.uint8(1)
    with pytest.raises(ModelFormatError) as caught:
        read_mat(path)
    assert caught.value.place == "x"
