"""Fully connected layers: their cases, and what another choice or a mistake gives."""

from dataclasses import replace

import numpy as np

from refvis.layers import FullyConnected
from refvis.verify.case import Case, filled
from refvis.verify.choosing import Chooser
from refvis.verify.kind import BOTH, PARTS, Answer, Kind, changed
from refvis.verify.kinds import parameters
from refvis.verify.kinds.changes import Change, with_fields


def draw(choose: Chooser, simple: bool) -> Case:
    """Return a fully connected layer and an input; simple: an input of one pixel."""
    shape = (1, 1) if simple else (choose.integer(1, 3), choose.integer(1, 4))
    channels, outputs, count = choose.integer(1, 3), choose.integer(1, 4), choose.integer(1, 3)
    weights = filled(choose, (outputs, shape[0] * shape[1] * channels))
    biases = filled(choose, (outputs,)) if choose.choice((False, True)) else None
    return Case(FullyConnected(weights, biases), (filled(choose, (count, *shape, channels)),))


def columns_for(*order: int) -> Change:
    """Return the change to an input that is flattened in another order of H x W x C (axes 1, 2, 3)."""

    def change(case: Case) -> Case:
        shape = case.inputs[0].shape[1:]
        cube = case.layer.weights.reshape(-1, *(shape[axis - 1] for axis in order))
        back = np.argsort(order)
        weights = cube.transpose(0, *(back + 1)).reshape(len(cube), -1)
        return case.with_arrays({"layer.weights": weights})

    return change


def transposed(case: Case) -> Case:
    """Return the case with the weights transposed: it fits square weights only."""
    return case.with_arrays({"layer.weights": case.layer.weights.T})


def bias_of_first(case: Case) -> Case:
    """Return the case in which all outputs have the first bias."""
    biases = case.layer.biases
    return case if biases is None else replace(case, layer=replace(case.layer, biases=np.full_like(biases, biases[0])))


ANSWERS: tuple[Answer, ...] = (
    changed(
        "flattens_channels_first",
        "it flattens C x H x W, not H x W x C",
        columns_for(3, 1, 2),
        BOTH,
        result="acceptable",
        flag="LAYOUT",
        seen=("PyTorch", "Caffe", "ONNX"),
    ),
    changed(
        "flattens_columns_first", "it flattens W x H x C, not H x W x C", columns_for(2, 1, 3), BOTH, flag="LAYOUT"
    ),
    changed(
        "flattens_as_matlab",
        "it flattens C x W x H: rows fastest, as MATLAB does",
        columns_for(3, 2, 1),
        BOTH,
        result="acceptable",
        flag="LAYOUT",
        seen=("MATLAB's x(:)",),
    ),
    changed("transposed_weights", "it takes the transposed weights, D x K", transposed, BOTH, flag="LAYOUT"),
    changed("no_bias", "it leaves the biases out", with_fields(biases=None), ("forward",)),
    changed("bias_of_first", "it adds the first bias to all outputs", bias_of_first, ("forward",)),
    *parameters.answers("weights", "biases", windows=False),
)
FEATURES = {
    "several positions": lambda case: case.inputs[0].shape[1] * case.inputs[0].shape[2] > 1,
    "several images": lambda case: len(case.inputs[0]) > 1,
    "biases": lambda case: case.layer.biases is not None,
    "weights that are not square": lambda case: len(set(case.layer.weights.shape)) > 1,
}


def terms(case: Case) -> int:
    """Return the number of products in a sum, forward or back."""
    return int(max(*case.layer.weights.shape, len(case.inputs[0]))) + 1


FULLY_CONNECTED = Kind(
    "fully_connected", draw, terms, ANSWERS, FEATURES, exact=frozenset(PARTS), page="operators/fully_connected.html"
)
