"""Pads, strides, dilations and crops in every form that files hold: one number, two, four, rows, columns, empty."""

import numpy as np
import pytest
from support.dag_files import layer, net, row
from support.same import assert_same

from refvis.layers import Conv, ConvTranspose, Crop, Pool
from refvis.weights import ModelFormatError
from refvis.weights.matconvnet.dag import read_dag
from refvis.weights.matconvnet.simplenn import read_simplenn

FILTERS = np.arange(3 * 4 * 2 * 6, dtype="float32").reshape(3, 4, 2, 6)
ROTATED = np.ascontiguousarray(FILTERS.transpose(3, 0, 1, 2))

LAYERS = {
    "conv": ("Conv", {}, lambda **given: Conv(ROTATED, None, **given), ("pad", "stride", "dilate")),
    "convt": ("ConvTranspose", {}, lambda **given: ConvTranspose(ROTATED, None, **given), ("crop", "upsample")),
    "pool": ("Pooling", {"pool": row(5, 6)}, lambda **given: Pool((5, 6), **given), ("pad", "stride")),
}
"""Type -> its block, the fields that it needs, the layer, and its other fields of geometry."""

CASES = [(kind, field) for kind, (_, _, _, fields) in LAYERS.items() for field in fields]


def read(kind, form, fields):
    """Return the layer of a struct with these fields, and the kinds of the remarks on it."""
    block, needed, _, _ = LAYERS[kind]
    report = []
    weights = [] if kind == "pool" else [FILTERS, np.zeros((0, 0))]
    if form == "chain":
        found = read_simplenn(
            {"layers": [{"type": kind, "name": "l", "weights": weights, **needed, **fields}]}, "", report
        )
    else:
        renamed = {"poolSize" if name == "pool" else name: value for name, value in (needed | fields).items()}
        params = {} if kind == "pool" else {"f": FILTERS}
        given = layer("l", f"dagnn.{block}", "x", "y", " ".join(params), {"opts": ["cuDNN"], **renamed})
        found = read_dag(net(given, **params), "", report)
    return found.nodes[0].layer, [(remark.place.split(".")[-1], remark.kind) for remark in report]


@pytest.mark.parametrize("form", ["chain", "DagNN"])
@pytest.mark.parametrize(("kind", "field"), CASES)
@pytest.mark.parametrize("column", [False, True])
def test_numbers_of_a_field(form, kind, field, column):
    _, _, made, _ = LAYERS[kind]
    forms = {1: (2,), 2: (2, 3)} | ({4: (2, 1, 0, 3)} if field in ("pad", "crop") else {})
    for numbers in forms.values():
        value = row(*numbers).T if column else row(*numbers)
        found, _ = read(kind, form, {field: value})
        assert_same(found, made(**{field: numbers if len(numbers) > 1 else numbers[0]}))


@pytest.mark.parametrize("form", ["chain", "DagNN"])
@pytest.mark.parametrize(("kind", "field"), CASES)
def test_absent_and_empty_fields_have_the_default_of_tidying(form, kind, field):
    _, _, made, _ = LAYERS[kind]
    for fields in ({}, {field: np.zeros((0, 0))}, {field: []}):
        found, remarks = read(kind, form, fields)
        assert_same(found, made())
        assert (field, "default") in remarks


@pytest.mark.parametrize("form", ["chain", "DagNN"])
@pytest.mark.parametrize(("kind", "field"), CASES)
def test_other_numbers_are_refused(form, kind, field):
    for numbers in ((1, 2, 3), (1, 2, 3, 4, 5), (1.5,), (-1,)):
        with pytest.raises(ModelFormatError, match=field):
            read(kind, form, {field: row(*numbers)})


def test_two_pads_are_those_of_the_rows_and_of_the_columns():
    assert read("conv", "DagNN", {"pad": row(1, 2)})[0].pad == (1, 1, 2, 2)
    assert read("convt", "DagNN", {"crop": row(1, 0)})[0].crop == (1, 1, 0, 0)


@pytest.mark.parametrize("value", [row(1, 2), row(1, 2).T])
def test_offsets_of_crops(value):
    given = layer("l", "dagnn.Crop", "x y", "z", crop=value)
    assert_same(read_dag(net(given), "", []).nodes[0].layer, Crop((1, 2)))
