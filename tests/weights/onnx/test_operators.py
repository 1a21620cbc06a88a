"""Dense layers, arithmetic, activations and normalisations of ONNX: the loaded network computes what ONNX's does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'refvis[onnx]'")
from onnx import helper
from support.onnx_models import agree, loaded, model, one, run, unknown

from refvis import layers

X = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
ROWS = np.random.default_rng(1).normal(size=(2, 7)).astype("float32")
RANDOM = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype("float32")


@pytest.mark.parametrize("biases", [None, (6,), (1, 6), (1,), ()])
@pytest.mark.parametrize("trans", [0, 1])
def test_gemm(biases, trans):
    matrix = normal(6, 7) if trans else normal(7, 6)
    constants = (matrix,) if biases is None else (matrix, normal(*biases))
    net = agree(one("Gemm", ROWS, *constants, transB=trans, alpha=0.5, beta=2.0), x=ROWS)
    assert [type(node.layer) for node in net.nodes] == [layers.FullyConnected]


@pytest.mark.parametrize("flat", ["Flatten", "Reshape", "squeezed", "transposed"])
def test_a_dense_layer_reads_a_map(flat):
    """Its columns count C x H x W, and those of the layer H x W x C."""
    matrix, offset = normal(60, 6), normal(6)
    first = {
        "Flatten": helper.make_node("Flatten", ["x"], ["f"]),
        "Reshape": helper.make_node("Reshape", ["x", "shape"], ["f"]),
        "squeezed": helper.make_node("Reshape", ["x", "shape"], ["f"]),
        "transposed": helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
    }[flat]
    nodes = [first]
    if flat == "transposed":
        nodes.append(helper.make_node("Reshape", ["t", "shape"], ["f"]))
    nodes += [helper.make_node("MatMul", ["f", "m"], ["p"]), helper.make_node("Add", ["o", "p"], ["y"])]
    net = agree(model(nodes, X.shape, {"m": matrix, "o": offset, "shape": np.array([0, -1])}), x=X)
    (node,) = net.nodes
    assert node.layer.biases is not None  # the sum became the biases of the product


def test_a_product_over_channels_of_each_position_is_a_convolution():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["t", "m"], ["p"]),
        helper.make_node("Transpose", ["p"], ["y"], perm=[0, 3, 1, 2]),
    ]
    net = agree(model(nodes, X.shape, {"m": normal(3, 6)}), x=X)
    assert [type(node.layer) for node in net.nodes] == [layers.Conv]


@given(data=st.data())
def test_arithmetic_with_constants(data):
    draw = data.draw
    kept = [draw(st.booleans()) for _ in range(draw(st.integers(0, 4)))]
    shape = [n if keep else 1 for n, keep in zip(X.shape[len(X.shape) - len(kept) :], kept, strict=True)]
    constant = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape).astype("float32")
    op = draw(st.sampled_from(["Add", "Sub", "Mul", "Div"]))
    agree(one(op, X, constant), x=X)
    if op != "Div":
        agree(model([helper.make_node(op, ["c", "x"], ["y"])], X.shape, {"c": constant}), x=X)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 3, 1, 1), (2, 1, 5, 4), (1, 3, 5, 1)])
@pytest.mark.parametrize("order", ["xz", "zx"])
def test_arithmetic_of_features(op, shape, order):
    z = normal(*shape)
    if op == "Sub" and shape != X.shape:
        op = "Add"
    agree(model([helper.make_node(op, list(order), ["y"])], X.shape, inputs={"z": shape}), x=X, z=z)


def test_sums_of_several_features_and_constants():
    node = helper.make_node("Sum", ["x", "c", "z", "x", "d"], ["y"])
    constants = {"c": normal(3, 1, 1), "d": normal(1)}
    agree(model([node], X.shape, constants, inputs={"z": (2, 3, 1, 1)}), x=X, z=normal(2, 3, 1, 1))


def test_a_sigmoid_is_the_factor_of_a_product():
    nodes = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["s", "x"], ["y"])]
    net = agree(model(nodes, X.shape), x=X)
    assert net.nodes[-1].inputs == ("x", "s")


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
def test_concat(axis):
    shape = [2, 3, 5, 4]
    shape[axis] = 2
    node = helper.make_node("Concat", ["x", "z", "x"], ["y"], axis=axis)
    agree(model([node], X.shape, inputs={"z": shape}), x=X, z=normal(*shape))


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Relu", {}),
        ("LeakyRelu", {}),
        ("LeakyRelu", {"alpha": 0.25}),
        ("Sigmoid", {}),
        ("HardSigmoid", {}),
        ("HardSwish", {}),
        ("Tanh", {}),
        ("Neg", {}),
        ("Dropout", {}),
    ],
)
def test_activations(op, attributes):
    for x in (X, ROWS, X[:, :, 0]):
        agree(one(op, x, **attributes), x=x)


@pytest.mark.parametrize("x", [X, ROWS, X[:, :, 0]], ids=["map", "row", "signal"])
def test_batch_normalisation(x):
    count = x.shape[1]
    arrays = (normal(count), normal(count), normal(count), np.abs(normal(count)) + 0.5)
    agree(one("BatchNormalization", x, *arrays, epsilon=0.25), x=x)


@pytest.mark.parametrize("axis", [1, -3])
def test_parts_of_the_channels(axis):
    x = normal(2, 7, 3, 4)
    nodes = [helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=axis), helper.make_node("Neg", ["b"], ["y"])]
    agree(model(nodes, x.shape, {"sizes": np.array([3, 4])}), x=x)
    agree(model([helper.make_node("Split", ["x"], ["y", "b"], axis=axis, num_outputs=2)], x.shape), x=x)
    for start, end, step in ((1, 5, 1), (0, 2**62, 3), (-1, -(2**63), -2)):
        agree(one("Slice", x, *map(np.array, ([start], [end], [axis], [step]))), x=x)
    for index in ([2, 0, 2, -1], [3]):
        agree(one("Gather", x, np.array(index), axis=axis), x=x)


def test_a_shuffle_of_channels():
    x = normal(2, 6, 3, 4)
    nodes = [
        helper.make_node("Reshape", ["x", "apart"], ["a"]),
        helper.make_node("Transpose", ["a"], ["t"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["t", "whole"], ["y"]),
    ]
    net = agree(model(nodes, x.shape, {"apart": np.array([0, 2, 3, 3, 4]), "whole": np.array([0, 6, 3, 4])}), x=x)
    assert net.nodes[0].layer.channels == (0, 3, 1, 4, 2, 5)


@pytest.mark.parametrize(("low", "high"), [(0, 6), (-1, 1), (None, 0.5), (0, None), (None, 0.25)])
def test_clip(low, high):
    bounds = [None if bound is None else np.float32(bound) for bound in (low, high)]
    net = agree(one("Clip", X, *bounds), x=X)
    assert isinstance(net.nodes[0].layer, layers.ReLU) == ((low, high) == (0, None))
    given = {name: float(bound) for name, bound in (("min", low), ("max", high)) if bound is not None}
    assert loaded(one("Clip", X, opset=6, **given)).fingerprint == net.fingerprint


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])
def test_resize(mode, coordinates):
    at = {"mode": mode, "coordinate_transformation_mode": coordinates}
    for rounding in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil") if mode == "nearest" else ("floor",):
        for scale in ((2, 3), (0.625, 1.5)):
            scales = np.array([1, 1, *scale], "float32")
            agree(one("Resize", X, None, scales, nearest_mode=rounding, **at), x=X)
        agree(one("Resize", X, None, None, np.array([2, 3, 4, 9]), nearest_mode=rounding, **at), x=X)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode):
    x = normal(2, 12, 3, 4)
    agree(one("DepthToSpace", x, blocksize=2, mode=mode), x=x)


@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1)])
def test_prelu(shape):
    agree(one("PRelu", X, normal(*shape)), x=X)
    assert "differ from row to row" in unknown(loaded(one("PRelu", X, normal(5, 4))))[0]


def test_upsample_of_older_files():
    x = normal(1, 2, 3, 2)
    for opset, constants, at in (
        (9, [np.array([1, 1, 2, 3], "float32")], {}),
        (7, [], {"scales": [1.0, 1.0, 2.0, 3.0]}),
    ):
        y = run(loaded(one("Upsample", x, *constants, opset=opset, mode="nearest", **at)), (1, 2, 6, 6), x=x)
        np.testing.assert_array_equal(y, x.repeat(2, axis=2).repeat(3, axis=3))


def test_batch_normalisation_of_a_flattened_map():
    arrays = dict(zip("abc", (normal(60), normal(60), normal(60)), strict=True)) | {"d": np.abs(normal(60)) + 0.5}
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("BatchNormalization", ["f", *"abcd"], ["n"])]
    nodes.append(helper.make_node("MatMul", ["n", "m"], ["y"]))
    agree(model(nodes, X.shape, {**arrays, "m": normal(60, 6)}), x=X)


def test_local_response_normalisation_divides_alpha_by_the_size():
    x = normal(2, 7, 3, 4)
    proto = one("LRN", x, size=4, alpha=0.5, beta=0.75, bias=2.0)
    squares = np.pad(x.astype("float64") ** 2, ((0, 0), (1, 2), (0, 0), (0, 0)))
    sums = sum(squares[:, shift : shift + 7] for shift in range(4))
    np.testing.assert_allclose(run(loaded(proto), x.shape, x=x), x / (2 + 0.5 / 4 * sums) ** 0.75, rtol=1e-6)


@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_over_channels(opset):
    agree(one("Softmax", ROWS, opset=opset), x=ROWS)
    if opset == 13:
        for op in ("Softmax", "LogSoftmax"):
            agree(one(op, X, opset=opset, axis=1), x=X)
    else:  # it joins all axes from its own on
        assert "not the channels" in unknown(loaded(one("Softmax", X, opset=opset)))[0]


def test_a_constant_that_is_computed_is_a_constant():
    """The sizes of a reshape from the shape of the input, as exporters write them; and weights that are transposed."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["u"]),
        helper.make_node("Concat", ["u", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["f"]),
        helper.make_node("Transpose", ["m"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["f", "t"], ["y"]),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1]), "m": normal(6, 60)}
    net = agree(model(nodes, X.shape, constants), x=X)
    assert len(net.nodes) == 1


def test_an_input_of_images_with_their_channels_last():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["y"]),
    ]
    net = loaded(model(nodes, (2, 5, 4, 3), {"w": normal(6, 3, 2, 2)}))
    assert (net.input_size, net.channels) == ((5, 4), 3)
    other = loaded(one("Conv", X, np.asarray(net.nodes[0].layer.filters.transpose(0, 3, 1, 2))))
    np.testing.assert_array_equal(
        net.forward(X.transpose(0, 2, 3, 1)).output, other.forward(X.transpose(0, 2, 3, 1)).output
    )


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (one("Erf", X), "'Erf' is shown but cannot be run: it is not known here"),
        (one("Softmax", X, axis=2), "axis 2 of a value of shape (2, 3, 5, 4), which is not the channels"),
        (one("Gemm", ROWS, normal(7, 6), normal(2, 6)), "its biases have shape (2, 6)"),
        (one("Gemm", ROWS, normal(2, 6), transA=1), "it transposes its input"),
        (one("MatMul", X, normal(4, 6)), "it multiplies a value of shape"),
        (one("MatMul", X, normal(2, 3, 4, 6)), "its weights have 4 axes"),
        (one("Cast", X, to=6), "whole numbers of features"),
        (one("Expand", X, np.array([2, 2, 3, 5, 4])), "it repeats a value"),
        (one("Squeeze", X, np.array([1])), "it removes the axes [1]"),
        (one("Div", X, np.array(2)), "it divides by whole numbers"),
        (
            model([helper.make_node("Conv", ["x", "z"], ["y"])], X.shape, inputs={"z": (6, 3, 2, 2)}),
            "computes its filters",
        ),
        (
            model([helper.make_node("Gemm", ["c", "x"], ["y"])], ROWS.shape, {"c": normal(3, 2)}),
            "input 1 is a constant",
        ),
        (model([helper.make_node("Concat", ["x", "x"], ["y"], axis=0)], X.shape), "it joins images"),
        (
            model([helper.make_node("Add", ["x", "z"], ["y"])], X.shape, inputs={"z": (2, 4)}),
            "shapes (2, 3, 5, 4) and (2, 4)",
        ),
    ],
)
def test_what_no_layer_computes_is_unknown_and_says_why(proto, reason):
    assert any(reason in text for text in unknown(loaded(proto)))


def test_an_unknown_operator_keeps_what_it_has_and_its_outputs():
    node = helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=2)  # of rows
    nodes = [node, helper.make_node("Relu", ["b"], ["y"])]
    net = loaded(model(nodes, X.shape, {"sizes": np.array([2, 3])}))
    assert [(one.name, one.output) for one in net.nodes] == [("a", "a"), ("a:2", "b"), ("y", "y")]
    assert net.nodes[0].layer.type == "onnx.Split"
    assert net.nodes[0].layer.fields["axis"] == 2
    np.testing.assert_array_equal(net.nodes[0].layer.fields["weights"][0], [2, 3])


def test_what_leads_to_no_output_is_left_out():
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Erf", ["x"], ["unused"])]
    net = loaded(model(nodes, X.shape))
    assert [node.name for node in net.nodes] == ["y"]


def test_layers_of_users_take_part():
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Power:
        exponent: float

    layers.register(
        Power,
        forward=lambda layer, x: x**layer.exponent,
        gradient=lambda layer, signal, output, x: (signal * layer.exponent * x ** (layer.exponent - 1),),
        output_shape=lambda layer, shape: shape,
        matconvnet="onnx.Pow",
        build=lambda fields: Power(float(fields["weights"][0])),
    )
    try:
        net = agree(
            model(
                [helper.make_node("Pow", ["x", "c"], ["p"]), helper.make_node("Relu", ["p"], ["y"])],
                X.shape,
                {"c": np.float32(3)},
            ),
            x=X,
        )
        assert net.nodes[0].layer == Power(3.0)
    finally:
        layers.unregister(Power)
