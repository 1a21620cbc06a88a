"""Files as people have them: each kind of trouble in chains and DagNNs, in v5 and v7.3, under several names."""

import numpy as np
import pytest
from support.dag_files import layer, row
from support.dag_files import net as dag
from support.matlab_files import StructArray
from support.object_files import WRITERS, Object, Strings

import refvis
from refvis.weights import ModelFormatError

FILTERS = np.random.default_rng(0).normal(size=(8, 8, 3, 5)).astype("float32")
BIASES = np.zeros((1, 5), "float32")
X = np.random.default_rng(1).normal(size=(1, 8, 8, 3)).astype("float32")
NAMES = ["a", "b", "c", "d", "e"]

versions = pytest.mark.parametrize("version", WRITERS)
forms = pytest.mark.parametrize("form", ["chain", "DagNN"])


def struct(form, meta=None, *more, filters=FILTERS):
    """Return a network: a convolution, then the layers `more`, structs of a chain or blocks (class, inputs, fields)."""
    if form == "chain":
        first = {"type": "conv", "name": "c", "weights": [filters, BIASES], "pad": row(0), "stride": row(1)}
        return {"layers": [first, *more], "meta": meta or {}}
    blocks = [layer("c", "dagnn.Conv", "input", "prediction", "f b", size=row(8, 8, 3, 5), hasBias=np.array([[True]]))]
    blocks += [layer(f"l{i}", kind, inputs, f"o{i}", block=block) for i, (kind, inputs, block) in enumerate(more)]
    net = dag(*blocks, f=filters, b=BIASES, meta=meta)
    return {name: StructArray(value) if isinstance(value, list) else value for name, value in net.items()}


def written(folder, version, net, **beside):
    return WRITERS[version](folder / "net.mat", {"net": net, **beside})


def remarks(net, kind):
    return [remark.place for remark in net.load_report if remark.kind == kind]


@versions
@forms
@pytest.mark.parametrize(
    "meta",
    [
        {"inputSize": row(8, 8, 3)},
        {"inputSize": row(8, 8, 3, np.nan)},
        {"inputSize": ["input", row(8, 8, 3, 10)]},
        {"inputs": row(8, 8, 3, 1)},
        {"inputs": {"name": "input", "size": row(8, 8, 3, 10)}},
        {"normalization": {"inputSize": row(8, 8, 3)}},
    ],
)
def test_sizes_of_inputs(tmp_path, version, form, meta):
    net = refvis.load(written(tmp_path, version, struct(form, meta)))
    assert net.input_size == (8, 8)
    refvis.save(net, tmp_path / "again.mat")
    assert refvis.load(tmp_path / "again.mat").input_size == (8, 8)


@versions
@forms
@pytest.mark.parametrize("names", [("averageImage", "imageStd"), ("rgbMean", "rgbStd"), ("mean", "std")])
def test_means_and_deviations_of_0_to_1(tmp_path, version, form, names):
    values = dict(zip(names, (row(0.485, 0.456, 0.406), row(0.229, 0.224, 0.225)), strict=True))
    net = refvis.load(written(tmp_path, version, struct(form, {"normalization": values})))
    gray = net.preprocess(np.full((8, 8, 3), 128, "uint8"))
    np.testing.assert_allclose(gray[0, 0, 0], [0.074, 0.205, 0.426], atol=5e-4)
    assert "net.meta.normalization.imageFactor" in remarks(net, "warning")


@versions
@forms
@pytest.mark.parametrize("description", [["my data set"], "my data set", [["my data set"]]])
def test_a_description_of_the_data(tmp_path, version, form, description):
    meta = {"classes": {"name": NAMES, "description": description}}
    assert refvis.load(written(tmp_path, version, struct(form, meta))).labels == NAMES


@versions
@forms
@pytest.mark.parametrize(
    "names", [Strings(tuple(NAMES), (1, 5)), Strings(tuple(NAMES), (5, 1)), [Strings((name,)) for name in NAMES]]
)
@pytest.mark.parametrize("subsystem", [True, False])
def test_names_that_are_string_objects(tmp_path, version, form, names, subsystem):
    path = WRITERS[version](
        tmp_path / "net.mat", {"net": struct(form, {"classes": {"name": names}})}, subsystem=subsystem
    )
    net = refvis.load(path)
    assert net.labels == (NAMES if subsystem else None)
    assert remarks(net, "warning").count("net.meta.classes.name") == (0 if subsystem else 1)
    refvis.save(net, tmp_path / "again.mat")
    assert refvis.load(tmp_path / "again.mat").labels == net.labels


@versions
@forms
@pytest.mark.parametrize(
    "names",
    [row(1, 2, 3, 4, 5), row(1, 2, 3, 4, 5).T, np.arange(1, 6, dtype="uint8")[None], [row(i) for i in range(1, 6)]],
)
def test_numbers_as_names(tmp_path, version, form, names):
    net = refvis.load(written(tmp_path, version, struct(form, {"classes": {"name": names}})))
    assert net.labels == ["1", "2", "3", "4", "5"]


HANDLE = Object("function_handle")


@versions
@pytest.mark.parametrize("form", ["chain", "DagNN", "meta"])
def test_function_handles(tmp_path, version, form):
    more = {
        "chain": [{"type": "custom", "name": "mine", "forward": HANDLE, "backward": HANDLE, "a": row(3)}],
        "DagNN": [("dagnn.Mine", "prediction", {"fn": HANDLE, "a": row(3)})],
        "meta": [],
    }[form]
    meta = {"trainOpts": {"fn": HANDLE, "rate": row(1)}, "normalization": {"averageImage": HANDLE}}
    net = refvis.load(written(tmp_path, version, struct("DagNN" if form == "DagNN" else "chain", meta, *more)))
    assert len(remarks(net, "ignored")) == {"chain": 3, "DagNN": 2, "meta": 1}[form]
    assert "net.meta.normalization.averageImage" in remarks(net, "warning")
    refvis.save(net, tmp_path / "again.mat")
    again = refvis.load(tmp_path / "again.mat")
    assert again.meta["trainOpts"] == {"rate": 1}
    if more:
        np.testing.assert_array_equal(again.nodes[-1].layer.fields["a"], row(3))


LOSSES = {
    "chain": [
        [{"type": "l2loss", "name": "l"}],
        [{"type": "custom", "name": "l", "forward": HANDLE}],
        [{"type": "relu", "name": "r"}, {"type": "euclideanloss", "name": "l", "class": row(1)}],
        [{"type": "pdist", "name": "l", "p": row(2)}],
        [{"type": "softmaxloss", "name": "l"}],
    ],
    "DagNN": [
        [("dagnn.L2Loss", "prediction label", {})],
        [("mine.MyLoss", "label prediction", {"a": row(1)})],
        [("dagnn.PDist", "prediction label", {"p": row(2), "aggregate": np.array([[True]])})],
        [("dagnn.Loss", "prediction label", {"loss": "custom"})],
        [("dagnn.Loss", "prediction label", {"loss": kind}) for kind in ("softmaxlog", "classerror")],
    ],
}


@versions
@pytest.mark.parametrize(("form", "number"), [(form, i) for form, listed in LOSSES.items() for i in range(len(listed))])
def test_scores_are_what_enters_a_loss(tmp_path, version, form, number):
    net = refvis.load(written(tmp_path, version, struct(form, {"classes": {"name": NAMES}}, *LOSSES[form][number])))
    scores = np.einsum("hwc,hwck->k", X[0], FILTERS)
    if "relu" in str(LOSSES[form][number]):
        scores = np.maximum(scores, 0)
    best = net.classify(X)[0]
    assert best[0] == NAMES[int(scores.argmax())]
    assert refvis.deconvolution(net, X, "gradient").values.shape == X.shape


@versions
@pytest.mark.parametrize(
    "fields",
    [
        {"weights": [BIASES.T, BIASES.T]},
        {"filters": BIASES.T, "biases": BIASES.T},
        {"weights": [BIASES.T + 1, BIASES.T, np.zeros((0, 0))]},
    ],
)
def test_batch_normalisation_without_moments(tmp_path, version, fields):
    norm = {"type": "bnorm", "name": "n", **fields}
    net = refvis.load(written(tmp_path, version, struct("chain", None, norm)))
    assert np.isfinite(net.forward(X).output).all()
    assert "net.layers{2}.weights{3}" in remarks(net, "warning")


@versions
@forms
@pytest.mark.parametrize("name", ["imageMean", "rgbMean", "dataMean", "data_mean", "averageImage"])
@pytest.mark.parametrize("place", ["beside the network", "beside the layers", "meta"])
def test_averages_elsewhere(tmp_path, version, form, name, place):
    values = {name: row(100, 110, 120)}
    net = struct(form, values if place == "meta" else None)
    net |= values if place == "beside the layers" else {}
    loaded = refvis.load(written(tmp_path, version, net, **(values if place == "beside the network" else {})))
    np.testing.assert_array_equal(loaded.normalization["averageImage"], [100, 110, 120])


@versions
@pytest.mark.parametrize("kind", ["cell", "struct array", "struct"])
def test_several_networks(tmp_path, version, kind):
    nets = [struct("chain", filters=FILTERS * k) for k in (1, 2, 3)]
    holder = {
        "cell": nets,
        "struct array": StructArray(nets),
        "struct": {f"n{k}": net for k, net in enumerate(nets, 1)},
    }
    place = {"cell": "nets{2}", "struct array": "nets(2)", "struct": "nets.n2"}[kind]
    path = WRITERS[version](tmp_path / "net.mat", {"nets": holder[kind], "sigma": row(25)})
    with pytest.raises(ModelFormatError, match="3 networks: nets"):
        refvis.load(path)
    np.testing.assert_array_equal(refvis.load(path, network=place).node("c").layer.filters[0], 2 * FILTERS[..., 0])


@versions
@forms
def test_weights_on_a_gpu(tmp_path, version, form):
    with pytest.raises(ModelFormatError, match=r"gpuArray.*vl_simplenn_move\(net, 'cpu'\)"):
        refvis.load(written(tmp_path, version, struct(form, filters=Object("gpuArray"))))
