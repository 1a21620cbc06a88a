"""Odd values in a file's fields: reading the network gives a model or one clear error, and nothing else."""

import contextlib
import copy

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support.dag_files import layer, net, row

from refvis.weights import ModelFormatError, Opaque
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn
from refvis.weights.read import find_network, report_neighbours, value_at

SOUND = {
    "net": {
        "layers": [
            {"type": "conv", "name": "c", "weights": [np.ones((3, 2, 1, 4)), np.ones((1, 4))], "pad": np.ones((1, 4))},
            {"type": "pool", "pool": np.ones((1, 2)), "method": "avg", "precious": np.ones((1, 1))},
            {"type": "lrn", "param": np.ones((1, 4))},
            {"type": "relu", "leak": np.zeros((1, 1))},
            {"type": "dropout", "rate": np.zeros((1, 1))},
            {"type": "conv", "filters": np.ones((1, 1, 4, 2)), "biases": np.ones((2, 1)), "dilate": np.ones((1, 2))},
            {"type": "softmaxloss", "class": np.ones((1, 4))},
        ],
        "classes": {"name": ["a", "b"], "description": ["a", "b"]},
        "meta": {
            "normalization": {
                "imageSize": np.array([[4.0, 5.0, 3.0]]),
                "border": np.ones((1, 2)),
                "averageImage": np.ones((4, 5, 3)),
            },
            "inputs": {"name": "data"},
        },
    }
}  # fmt: skip

numbers = arrays.arrays(
    st.sampled_from(["float32", "float64", "bool", "int8", "uint64", "complex128"]),
    arrays.array_shapes(min_dims=2, max_dims=5, min_side=0, max_side=4),
)
junk = st.recursive(
    numbers | st.text(max_size=3) | st.sampled_from([Opaque("gpuArray"), Opaque("dagnn.DagNN"), {}, []]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["layers", "type", "name"]), inner),
    max_leaves=4,
)


def places(tree, path=()):
    """All paths into a tree of dicts and lists."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(tree[key], (*path, key))


def with_odd(sound, path, value):
    """Return a copy of a tree with another value at a place; None: with nothing there."""
    tree = copy.deepcopy(sound)
    inside = tree
    for key in path[:-1]:
        inside = inside[key]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return tree


@settings(deadline=None, max_examples=400)
@given(path=st.sampled_from(list(places(SOUND))), value=st.none() | junk)
def test_one_odd_value(path, value):
    tree = with_odd(SOUND, path, value)
    with contextlib.suppress(ModelFormatError):
        place, report = find_network(tree), []
        report_neighbours(tree, place, report)
        model = read_simplenn(value_at(tree, place), place, report)
        assert model.report
        assert all(str(remark) for remark in report)


ONES = np.ones((1, 1, 3, 3), "float32")
GRAPH = net(
    layer("conv", "dagnn.Conv", "data", "a", "f b", pad=row(0), stride=row(1, 1), size=row(1, 1, 3, 3)),
    layer("norm", "dagnn.BatchNorm", "a", "n", "b b m", epsilon=row(1)),
    layer("up", "dagnn.ConvTranspose", "n", "u", "f", upsample=row(1), crop=row(0), numGroups=row(1)),
    layer("pool", "dagnn.Pooling", "u", "p", poolSize=row(2, 2), method="max", pad=row(0, 0, 0, 0)),
    layer("cat", "dagnn.Concat", "p p", "c", dim=row(3)),
    layer("scale", "dagnn.Scale", "c", "s", "b", size=row(1, 1, 3)),
    layer("rois", "dagnn.ROIPooling", "s r", "o", subdivisions=row(2), transform=np.ones((2, 3))),
    layer("dist", "dagnn.PDist", "o t", "d", p=row(2), opts=["instanceWeights", row(1)]),
    layer("loss", "dagnn.Loss", "c l", "e", loss="topkerror", opts=["topk", row(3)]),
    layer("odd", "dagnn.Odd", "c", "x y", "f", some=row(1)),
    f=ONES,
    b=row(1, 2, 3).astype("float32"),
    m=np.ones((3, 2), "float32"),
)


@settings(max_examples=400)
@given(path=st.sampled_from([path for path in places(GRAPH) if len(path) > 1]), value=st.none() | junk)
def test_one_odd_value_in_a_graph(path, value):
    tree = with_odd(GRAPH, path, value)
    with contextlib.suppress(ModelFormatError):
        model = read_dag(tree, "net", [])
        assert all(str(remark) for remark in model.report)


def test_the_sound_graph_is_sound():
    assert len(read_dag(GRAPH, "net", []).nodes) == 11
