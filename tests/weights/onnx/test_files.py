"""ONNX files: all ways to store a tensor, data beside the file, damage, and what a name is dispatched to."""

import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")

import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper
from support.onnx_models import loaded, model, one, to_variable, write

import refvis
from refvis.weights import Limits, ModelFormatError, read_model
from refvis.weights.onnx.file import INSTALL, read_bytes, read_file
from refvis.weights.onnx.read import read_onnx

RANDOM = np.random.default_rng(0)
WEIGHTS = RANDOM.normal(size=(5, 3, 2, 2)).astype("float32")
IMAGE = RANDOM.normal(size=(1, 3, 7, 6)).astype("float32")
FILTERS = WEIGHTS.transpose(0, 2, 3, 1)


def conv() -> Any:
    return one("Conv", IMAGE, WEIGHTS)


def filters(proto: Any) -> np.ndarray:
    return loaded(proto).nodes[0].layer.filters


@pytest.mark.parametrize("stored", ["raw", "numbers", "half raw", "half numbers", "double", "bfloat16"])
def test_every_way_to_store_a_tensor(stored):
    proto, rounded = conv(), WEIGHTS
    tensor = proto.graph.initializer[0]
    kind = {"half": TensorProto.FLOAT16, "doub": TensorProto.DOUBLE, "bflo": TensorProto.BFLOAT16}.get(stored[:4], 1)
    if stored.startswith("half"):
        rounded = WEIGHTS.astype("float16").astype("float32")
    if stored == "bfloat16":
        rounded = (WEIGHTS.view("uint32") & 0xFFFF0000).view("float32")
    if stored in ("raw", "half raw", "double"):
        new = numpy_helper.from_array(rounded.astype({1: "f4", 10: "f2", 11: "f8"}[kind]), "c0")
    else:
        new = helper.make_tensor("c0", kind, WEIGHTS.shape, rounded.ravel())
    tensor.CopyFrom(new)
    np.testing.assert_array_equal(filters(proto), rounded.transpose(0, 2, 3, 1))
    assert filters(proto).dtype == ("float64" if stored == "double" else "float32")


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"])
@pytest.mark.parametrize("raw", [True, False])
def test_whole_numbers(kind, raw):
    array = np.array([0, 1, 1, 0] if kind == "bool" else [np.iinfo(kind).max, np.iinfo(kind).min, 3, 1], kind)
    number = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = numpy_helper.from_array(array, "n") if raw else helper.make_tensor("n", number, [4], array)
    proto = one("Relu", IMAGE)
    proto.graph.initializer.append(tensor)
    found = read_bytes(proto.SerializeToString())["constants"]["n"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def external(tmp_path: Path) -> Path:
    """Write the model with its weights in a file beside it, behind ten other bytes."""
    proto = conv()
    path = tmp_path / "model.onnx"
    tensor = proto.graph.initializer[0]
    (tmp_path / "model.onnx.data").write_bytes(bytes(10) + tensor.raw_data)
    size = len(tensor.raw_data)
    external_data_helper.set_external_data(tensor, "model.onnx.data", offset=10, length=size)
    tensor.ClearField("raw_data")
    return write(proto, path)


@pytest.mark.parametrize("isolate", [False, True])
def test_weights_in_a_file_of_their_own(tmp_path, isolate):
    net = refvis.load(external(tmp_path), isolate=isolate)
    np.testing.assert_array_equal(net.nodes[0].layer.filters, FILTERS)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("location", "../model.onnx.data", "expected a file in the model's own folder"),
        ("location", "/etc/passwd", "expected a file in the model's own folder"),
        ("location", "", "expected a file in the model's own folder"),
        ("location", "gone", "no file 'gone'"),
        ("offset", "11", "a file is cut off"),
        ("offset", "-1", "a file is cut off"),
        ("offset", "x", "no number"),
        ("length", "8", "a file is cut off"),
    ],
)
def test_weights_from_elsewhere_are_refused(tmp_path, key, value, message):
    path = external(tmp_path)
    proto = onnx.load(path, load_external_data=False)
    for entry in proto.graph.initializer[0].external_data:
        entry.value = value if entry.key == key else entry.value
    with pytest.raises(ModelFormatError, match=message):
        refvis.load(write(proto, path))


def test_a_link_that_leads_out_is_refused(tmp_path):
    path = external(tmp_path)
    (tmp_path / "inner").mkdir()
    inner = write(onnx.load(path, load_external_data=False), tmp_path / "inner" / "model.onnx")
    (tmp_path / "inner" / "model.onnx.data").symlink_to(tmp_path / "model.onnx.data")
    with pytest.raises(ModelFormatError, match="own folder"):
        refvis.load(inner)


def test_a_model_in_memory_has_no_folder(tmp_path):
    with pytest.raises(ModelFormatError, match="load it by its path"):
        read_bytes(external(tmp_path).read_bytes())


def changed(change: Any) -> Any:
    """Return the small model after a change to it."""
    proto = conv()
    change(proto)
    return proto


def set_dims(proto: Any, *dims: int) -> None:
    proto.graph.initializer[0].dims[:] = dims


def nodes(proto: Any, *made: Any) -> None:
    del proto.graph.node[:]
    proto.graph.node.extend(made)


BROKEN = {
    "shape": (lambda proto: set_dims(proto, 5, 3, 2, 3), "bytes for a tensor of 5 x 3 x 2 x 3 float32"),
    "huge": (lambda proto: set_dims(proto, 2**40, 2**20), "bytes are declared here"),
    "negative": (lambda proto: set_dims(proto, -5, 3), "up to eight sizes of 0 or more"),
    "type": (lambda proto: setattr(proto.graph.initializer[0], "data_type", 8), "a tensor of the type 8"),
    "no nodes": (lambda proto: nodes(proto), "a graph without nodes"),
    "order": (
        lambda proto: nodes(proto, helper.make_node("Relu", ["z"], ["y"]), helper.make_node("Relu", ["x"], ["z"])),
        "the value 'z', expected one that a node before it writes",
    ),
    "twice": (
        lambda proto: nodes(proto, helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"])),
        "'y', which was written before",
    ),
    "nothing read": (
        lambda proto: nodes(proto, helper.make_node("Relu", ["c0"], ["y"])),
        "no input that its nodes read",
    ),
    "channels": (lambda proto: set_dims(proto, 15, 1, 2, 2), "the input has 3 channels"),
    "rank": (lambda proto: proto.graph.input[0].type.tensor_type.shape.dim.add(), "two, three or four axes"),
    "sparse": (lambda proto: proto.graph.sparse_initializer.add(), "sparse tensors"),
    "no work": (lambda proto: nodes(proto, helper.make_node("Identity", ["x"], ["y"])), "no operator that computes"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("isolate", [False, True])
def test_a_model_that_makes_no_sense_is_one_error(tmp_path, name, isolate):
    change, message = BROKEN[name]
    path = write(changed(change), tmp_path / "broken.onnx")
    with pytest.raises(ModelFormatError, match=message) as error:
        refvis.load(path, isolate=isolate)
    assert str(error.value).startswith(str(path))


def test_other_files_are_one_error(tmp_path):
    for name, data in {"empty": b"", "text": b"hello", "png": b"\x89PNG\r\n", "zeros": bytes(99)}.items():
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(data)
        with pytest.raises(ModelFormatError, match=r"expected an ONNX model|a graph without nodes"):
            refvis.load(path)
    os.mkfifo(tmp_path / "pipe.onnx")
    for isolate in (False, True):
        with pytest.raises(ModelFormatError, match="a named pipe, expected an ONNX model"):
            refvis.load(tmp_path / "pipe.onnx", isolate=isolate)
    with pytest.raises(ModelFormatError, match="a folder, expected an ONNX model"):
        read_file(tmp_path)
    with pytest.raises(ModelFormatError, match="a file that is too large"):
        read_file(write(conv(), tmp_path / "a.onnx"), Limits(size=20))


def damaged(data: bytes, seed: int) -> bytes:
    """Return the bytes with some changed, cut off, doubled or left out."""
    changing, new = random.Random(seed), bytearray(data)
    for _ in range(changing.randint(1, 2)):
        at = changing.randrange(max(1, len(new) - 1))
        kind = changing.randrange(4)
        if kind == 0:
            new[at] = changing.randrange(256)
        elif kind == 1:
            del new[at : at + changing.randint(1, 9)]
        elif kind == 2:
            new[at:at] = new[at : at + changing.randint(1, 9)]
        else:
            new = new[: max(9, at)]
    return bytes(new)


def small() -> bytes:
    """Return a model with many kinds of nodes, and few weights."""
    made = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 1]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], ceil_mode=1),
        helper.make_node("Shape", ["p"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["p", "t"], ["f"]),
        helper.make_node("Gemm", ["f", "m"], ["y"], transB=1),
    ]
    constants = {
        "w": RANDOM.normal(size=(2, 3, 2, 2)).astype("float32"), "m": RANDOM.normal(size=(3, 32)).astype("float32"),
        "zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1]),
    }  # fmt: skip
    return model(made, (1, 3, 7, 6), constants).SerializeToString()


def test_damage_never_ends_in_another_error():
    data, sound, refused = small(), 0, 0
    for seed in range(600):
        try:
            read_onnx(read_bytes(damaged(data, seed)))
            sound += 1
        except ModelFormatError:
            refused += 1
    assert min(sound, refused) > 50


def test_what_is_loaded_runs_and_is_named(tmp_path):
    proto = conv()
    proto.graph.node[0].name = "/layer1/layer1.0/conv1/Conv"
    net = refvis.load(write(proto, tmp_path / "net.onnx"))
    assert (net.name, net.inputs, net.outputs, net.input_size, net.channels) == ("net", ("x",), ("y",), (7, 6), 3)
    assert net.upto("/layer1/layer1.0/conv1/Conv").forward(to_variable(IMAGE)).output.shape == (1, 6, 5, 5)
    assert [remark.place for remark in net.load_report] == ["meta.normalization.averageImage"]
    (tmp_path / "bare").write_bytes(proto.SerializeToString())
    assert refvis.load(tmp_path / "bare").fingerprint == net.fingerprint
    refvis.save(net, tmp_path / "net.mat")
    again = refvis.load(tmp_path / "net.mat")
    assert again.fingerprint == net.fingerprint
    assert again.input_size == (7, 6)


def test_a_size_that_the_file_leaves_open(tmp_path):
    shape = ("n", "c", "h", "w")
    made = [
        helper.make_node("Conv", ["x", "w"], ["c"], group=1),
        helper.make_node("Flatten", ["c"], ["f"]),
        helper.make_node("Gemm", ["f", "m"], ["y"], transB=1),
    ]
    proto = model(made, shape, {"w": WEIGHTS, "m": np.zeros((3, 5 * 6 * 5), "float32")})
    path = write(proto, tmp_path / "open.onnx")
    net = refvis.load(path, size=(7, 6))
    assert net.forward(to_variable(IMAGE)).output.shape == (1, 1, 1, 3)
    assert net.input_size == (7, 6)
    open_size = refvis.load(path)
    assert open_size.input_size is None
    assert any("leaves the size of the input open" in remark.text for remark in open_size.load_report)
    assert any("the weights have 150 columns" in remark.text for remark in open_size.load_report)


def test_options_of_the_other_kind_of_file(tmp_path):
    path = write(conv(), tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="holds one network"):
        refvis.load(path, network="net")
    with pytest.raises(ValueError, match="sets the input size"):
        refvis.load("scenes", size=(3, 3))


def test_without_the_package(tmp_path, monkeypatch):
    path = write(conv(), tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    for isolate in (False, True):
        with pytest.raises(ModuleNotFoundError) as error:
            read_model(path, isolate=isolate)
        assert str(error.value) == INSTALL
    assert "\n" not in INSTALL


def test_functions_of_the_model_itself():
    body = [helper.make_node("Neg", ["a"], ["b"]), helper.make_node("Relu", ["b"], ["r"])]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Below", ["a"], ["r"], body, opsets[:1])
    proto = model([helper.make_node("Below", ["x"], ["y"], domain="own")], IMAGE.shape)
    proto.opset_import.append(opsets[1])
    proto.functions.append(function)
    y = loaded(proto).forward(to_variable(IMAGE)).output
    np.testing.assert_array_equal(y, np.maximum(-to_variable(IMAGE), 0))
