"""Networks with FullyConnected layers, saved as convolutions: equal outputs, and the same weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.same import assert_same

import refvis
from refvis.layers import Conv, FullyConnected, Node, Pool, ReLU, Scale, Softmax, Unknown

SIZE, CHANNELS = (7, 5), 3


def whole(random, *shape, dtype="float32"):
    """Whole numbers, so small that sums of their products are exact in either order."""
    return random.integers(-4, 5, shape).astype(dtype)


def saved(net, folder):
    refvis.save(net, folder / "net.mat")
    return refvis.load(folder / "net.mat")


def sized(net, size=SIZE):
    return net.with_images(size=size)


def assert_equal_outputs(net, again, x):
    expected, found = net.forward(x), again.forward(x)
    for variable in net.outputs:
        assert np.abs(expected[variable]).max() > 0
        assert_same(found[variable], expected[variable])


@settings(deadline=None, max_examples=25)
@given(
    dtype=st.sampled_from(["float32", "float64"]),
    biases=st.booleans(),
    extents=st.permutations([2, 3, 4, 5]),
    seed=st.integers(0, 99),
)
def test_chains(tmp_path_factory, dtype, biases, extents, seed):
    random, (h, w, c, k) = np.random.default_rng(seed), extents
    first = FullyConnected(whole(random, k, h * w * c, dtype=dtype), whole(random, k, dtype=dtype) if biases else None)
    last = FullyConnected(whole(random, 6, k, dtype=dtype) + 1)
    net = refvis.chain({"fc1": first, "relu": ReLU(), "fc2": last})
    net = refvis.Network(net.nodes, meta={"normalization": {"imageSize": (h, w, c)}})
    again = saved(net, tmp_path_factory.mktemp("chain"))
    assert [type(node.layer) for node in again.nodes] == [Conv, ReLU, Conv]
    assert_same(again.nodes[0].layer.filters, first.weights.reshape(k, h, w, c))
    assert_same(again.nodes[0].layer.biases, first.biases)
    assert_same(again.nodes[2].layer.filters, last.weights.reshape(6, 1, 1, k))
    x = whole(random, 2, h, w, c, dtype=dtype) + 1
    assert_equal_outputs(net, again, x)


def graph(random):
    """Two layers that share weights, and their sum's product with a factor; Pool halves the size."""
    weights = whole(random, 4, 3 * 2 * 6)
    return refvis.Network(
        [
            Node("conv", Conv(whole(random, 6, 3, 3, CHANNELS), pad=1), "data", "map"),
            Node("pool", Pool(2, 2), "map", "small"),
            Node("relu", ReLU(), "small", "positive"),
            Node("one", FullyConnected(weights), "small", "first"),
            Node("two", FullyConnected(weights, whole(random, 4)), "positive", "second"),
            Node("gate", Scale(), ("first", "second"), "gated"),
            Node("end", FullyConnected(whole(random, 5, 4)), "gated", "scores"),
        ],
        meta={"normalization": {"imageSize": (*SIZE, CHANNELS)}},
    )


def test_graphs_keep_shared_weights(tmp_path):
    random = np.random.default_rng(0)
    net = graph(random)
    again = saved(net, tmp_path)
    one, two = (again.node(name).layer for name in ("one", "two"))
    assert one.filters is two.filters
    assert_same(one.filters, net.node("one").layer.weights.reshape(4, 3, 2, 6))
    assert_equal_outputs(net, again, whole(random, 2, *SIZE, CHANNELS))


def test_float_weights_are_kept_bit_for_bit(tmp_path):
    random = np.random.default_rng(1)
    weights = random.standard_normal((8, 7 * 5 * 3)).astype("float32")
    weights[0, :3] = -0.0, np.finfo("float32").tiny / 4, np.finfo("float32").max
    net = refvis.Network(
        [Node("fc", FullyConnected(weights), "x0", "x1")], meta={"normalization": {"imageSize": (7, 5, 3)}}
    )
    assert saved(net, tmp_path).nodes[0].layer.filters.tobytes() == weights.tobytes()


def test_layers_of_a_file_stay_in_its_order(tmp_path):
    net = graph(np.random.default_rng(2))
    net = refvis.Network(net.nodes, meta=net.meta, stored=tuple(node.name for node in reversed(net.nodes)))
    assert saved(net, tmp_path).stored == net.stored


def test_an_input_of_unknown_size_is_an_error(tmp_path):
    net = refvis.chain({"relu": ReLU(), "fc": FullyConnected(np.ones((2, 105), "float32")), "prob": Softmax()})
    with pytest.raises(
        ValueError, match=r"layer 'fc' \(FullyConnected\) .*not known.*net\.with_images\(size=\(height, width\)\)"
    ):
        refvis.save(net, tmp_path / "a.mat")
    assert not list(tmp_path.iterdir())
    assert [type(node.layer) for node in saved(sized(net), tmp_path).nodes] == [ReLU, Conv, Softmax]


def test_another_size_is_an_error(tmp_path):
    net = sized(refvis.chain({"fc": FullyConnected(np.ones((2, 105), "float32"))}), (4, 5))
    with pytest.raises(ValueError, match=r"layer 'fc' \(FullyConnected\): the input has 4 x 5 x 3 = 60 values.* 105"):
        refvis.save(net, tmp_path / "a.mat")
    assert not list(tmp_path.iterdir())


def test_a_layer_without_implementation_before_it_is_an_error(tmp_path):
    net = sized(refvis.chain({"mine": Unknown("mine", {}), "fc": FullyConnected(np.ones((2, 105), "float32"))}))
    with pytest.raises(ValueError, match=r"layer 'fc' .*a layer before it has no implementation, register"):
        refvis.save(net, tmp_path / "a.mat")
