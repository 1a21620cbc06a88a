"""`verify.network` on recordings of a network with a planted difference, in every layout and kind of file."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import refvis
from refvis import layers, modes, verify
from refvis.layers import lrp


def small_net() -> Any:
    random = np.random.default_rng(0)
    return refvis.chain(
        {
            "conv1": layers.Conv(random.normal(size=(5, 3, 3, 2)), random.normal(size=5), pad=1),
            "relu1": layers.ReLU(),
            "pool1": layers.Pool((2, 2), 2),
            "norm1": layers.LRN(3, 1.0, 0.5, 0.75),
            "fc1": layers.Conv(random.normal(size=(4, 3, 4, 5)), random.normal(size=4)),
        }
    )


NET = small_net()
X = np.random.default_rng(1).normal(size=(3, 6, 8, 2))
TRACE = NET.forward(X)
SEED = {"fc1": np.random.default_rng(2).normal(size=(3, 1, 1, 4))}


def moved(arrays: Any, order: tuple[int, ...]) -> dict[str, Any]:
    return {name: np.ascontiguousarray(array.transpose(order)) for name, array in arrays.items()}


def test_the_network_itself_agrees() -> None:
    report = verify.network(NET, X, dict(TRACE))
    assert report
    assert report.first is None
    assert len(report.rows) == 6


@pytest.mark.parametrize(("layout", "order"), [("NCHW", (0, 3, 1, 2)), ("HWCN", (1, 2, 3, 0))])
@pytest.mark.parametrize("said", [True, False])
def test_another_layout_is_said_or_guessed_aloud(layout: str, order: tuple[int, ...], said: bool) -> None:
    report = verify.network(NET, X, moved(TRACE, order), layout=layout if said else None)
    assert report
    assert bool(report.notes) is not said


def test_a_layout_that_the_sizes_do_not_tell_is_asked_for() -> None:
    net = refvis.chain({"relu1": layers.ReLU()})
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 8))
    with pytest.raises(ValueError, match="say it with layout"):
        verify.network(net, x, {"relu1": np.maximum(x, 0)})
    assert verify.network(net, x, {"relu1": np.maximum(x, 0)}, layout="NHWC")


def test_the_layer_that_makes_the_difference_is_named_and_not_those_behind_it() -> None:
    other = layers.replace_layer(NET, "norm1", layers.LRN(3, 1.0, 0.5 / 3, 0.75))
    report = verify.network(NET, X, dict(other.forward(X)))
    assert (report.first, report.reason_name, report.verdict) == ("norm1", "alpha_over_n", "convention")
    last = report.rows[-1]
    assert last.running > 1e-3
    assert last.verdict == "rounding" or last.verdict == "equal"


def test_variables_that_are_missing_are_bridged() -> None:
    theirs = {"pool1": TRACE["pool1"], "fc1": TRACE["fc1"] + 1}
    report = verify.network(NET, X, theirs)
    assert (report.first, report.reason_name) == ("fc1", "constant")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda x: x[..., ::-1], "channels_reversed"),
        (lambda x: x / 255, "range"),
        (lambda x: x + np.array([3.0, -2.0]), "average"),
        (lambda x: x[:, ::-1], "flipped_rows"),
    ],
)
def test_another_input_is_explained(change: Any, name: str) -> None:
    report = verify.network(NET, X, dict(NET.forward(np.ascontiguousarray(change(X)))))
    assert (report.first, report.reason_name) == ("x0", name)


def test_signals_of_another_mode_are_explained_at_the_first_layer_that_differs() -> None:
    signals = NET.backward(TRACE, SEED, "guided")
    theirs = {**TRACE, **{f"signals/{name}": signal for name, signal in signals.items()}}
    assert verify.network(NET, X, theirs, mode="guided", seed=SEED)
    report = verify.network(NET, X, theirs, mode="gradient", seed=SEED)
    assert (report.first, report.reason_name) == ("relu1", "guided")


def test_a_rule_at_one_layer_is_found() -> None:
    table = {**modes.EPSILON, "conv1": lrp.z_plus}
    signals = NET.backward(TRACE, SEED, table)
    theirs = {f"signals/{name}": signal for name, signal in signals.items()}
    report = verify.network(NET, X, {**TRACE, **theirs}, mode="epsilon", seed=SEED)
    assert report.first == "conv1"
    assert report.verdict != "rounding"


def test_shapes_that_do_not_fit_differ_and_say_so() -> None:
    report = verify.network(NET, X, {**TRACE, "x3": TRACE["x3"][:, :2]})
    assert (report.first, report.reason_name) == ("pool1", "shape")
    assert "3 x 2 x 4 x 5" in report.reason


def test_nan_differs() -> None:
    wrong = TRACE["x1"].copy()
    wrong[0, 0, 0, 0] = np.nan
    assert verify.network(NET, X, {**TRACE, "x1": wrong}).first == "conv1"


def test_a_black_box_is_bisected() -> None:
    def theirs(net: Any, x: Any) -> Any:
        nodes = [
            layers.Node(n.name, layers.LRN(3, 1.0, 0.5 / 3, 0.75) if n.name == "norm1" else n.layer, n.inputs, n.output)
            for n in net.nodes
        ]
        return layers.Graph(tuple(nodes)).forward(x).output

    report = verify.network(NET, X, theirs)
    assert (report.first, report.reason_name) == ("norm1", "alpha_over_n")


def test_a_black_box_of_a_backward_pass_is_bisected() -> None:
    def theirs(net: Any, x: Any, seed: Any) -> Any:
        return net.backward(net.forward(x), {net.nodes[-1].name: seed}, "guided")["x0"]

    assert verify.network(NET, X, theirs, mode="guided")
    report = verify.network(NET, X, theirs, mode="gradient")
    assert (report.first, report.reason_name) == ("relu1", "mode_guided")


def test_a_black_box_that_raises_is_reported() -> None:
    def theirs(net: Any, x: Any) -> Any:
        if len(net.nodes) > 2:
            raise RuntimeError("pool is missing")
        return net.forward(x).output

    report = verify.network(NET, X, theirs)
    assert report.reason_name == "raises"
    assert "pool is missing" in report.reason


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".mat", "folder"])
def test_files_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / (f"theirs{suffix}" if suffix != "folder" else "theirs")
    arrays = dict(TRACE)
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[f"variables/{name}"] = array
    elif suffix == ".mat":
        savemat(path, {"variables": arrays})
    else:
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    assert verify.network(NET, X, path, layout="NHWC")


@pytest.mark.parametrize("name", ["absent.h5", "text.txt", "broken.npz", "broken.h5", "broken.mat"])
def test_files_that_cannot_be_read_are_refused(name: str, tmp_path: Path) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        verify.network(NET, X, tmp_path / name)


def test_names_that_the_network_lacks_are_refused_or_noted() -> None:
    with pytest.raises(ValueError, match="none of the names"):
        verify.network(NET, X, {"layer9": TRACE["x1"]})
    report = verify.network(NET, X, {**TRACE, "layer9": TRACE["x1"]})
    assert report
    assert "layer9" in report.notes[0]


def test_a_report_is_data_and_text() -> None:
    report = verify.network(NET, X, {**TRACE, "x1": -TRACE["x1"]})
    assert report.reason_name == "negated"
    assert report.json()["first"] == "conv1"
    assert "conv1" in report.table
    assert report.page in str(report)
