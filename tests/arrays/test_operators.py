"""Every operator, by each of its functions and by every rule that any mode has for it, on arrays of CuPy's kind."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cases, places
from support.elsewhere import there
from support.sides import assert_equal_sides
from support.ways import TABLES

from refvis import layers
from refvis.layers import modes
from refvis.layers.modes.composites import First

NAMES = {
    **{name: partial(cases.single, names=(name,), largest=6) for name in cases.ON},
    **{name: partial(cases.several, names=(name,), largest=6) for name in cases.SEVERAL},
    **{name: partial(places.placed, names=(name,), largest=5) for name in places.PLACED},
    "loss": cases.losses,
}
"""What the strategies of cases.py and places.py make, by name: all types of layers."""


def rules(layer):
    """Return all rules that any mode has for the layer, as a first one or another."""
    tables = (*modes.MODES.values(), modes.desalinet(pooling_switches=False))
    found = (table.get(key) for table in tables for key in (type(layer), First(type(layer))))
    return list(dict.fromkeys(rule for rule in found if rule is not None))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8)
@given(data=st.data())
def test_every_operator(cupy, name, data):
    layer, inputs = data.draw(NAMES[name]())
    y = layers.forward(layer, *inputs)
    signal = cases.like(data.draw, y)
    back = (layer, signal, y, *inputs)
    for table in TABLES.values():
        known = table[type(layer)]
        assert_equal_sides(cupy, known.forward(*there((layer, *inputs))), known.forward(layer, *inputs))
        for function in (known.gradient, known.parameter_gradients):
            if function is not None:
                assert_equal_sides(cupy, function(*there(back)), function(*back))
    for rule in rules(layer):
        found = layers.backward(*there(back), rule=rule)
        assert_equal_sides(cupy, found, layers.backward(*back, rule=rule))


def test_all_types_are_here():
    made = set()

    @settings(max_examples=12)
    @given(data=st.data())
    def collect(data):
        made.update(type(data.draw(strategy()).layer) for strategy in NAMES.values())

    collect()
    assert made | {layers.SoftmaxLoss} == set(layers.OPERATORS)  # it is Loss("softmaxlog")
