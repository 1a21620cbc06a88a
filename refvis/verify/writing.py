"""Cases as text: a script that runs by itself, and a JSON test."""

from dataclasses import MISSING, Field, fields
from typing import Any

import numpy as np

from refvis.layers import Array
from refvis.layers.base.fields import REQUIRED, CheckedField
from refvis.layers.operators import Layer
from refvis.verify.case import Case
from refvis.verify.kind import Kind, Part
from refvis.verify.layouts import LayerInLayout


def array_code(array: Array) -> str:
    """Return Python code for an array."""
    flat = ", ".join(_number(value) for value in array.ravel())
    text = f"np.array([{flat}])"
    return text if array.ndim == 1 else f"{text}.reshape({', '.join(map(str, array.shape))})"


def layer_code(layer: Layer) -> str:
    """Return Python code for a layer: the fields that are not their defaults."""
    given = []
    for one in fields(layer):
        value = getattr(layer, one.name)
        default = _default(layer, one)
        if getattr(value, "ndim", 0):
            given.append(f"{one.name}={array_code(value)}")
        elif not callable(value) and value != default:
            given.append(f"{one.name}={value!r}")
    return f"{type(layer).__name__}({', '.join(given)})"


def _default(layer: Layer, one: Field[Any]) -> Any:
    """Return a field's default in its stored form; MISSING if it has none."""
    checked = vars(type(layer)).get(one.name)
    if isinstance(checked, CheckedField):
        return MISSING if checked.default is REQUIRED else checked.normal(checked.default, one.name)
    return one.default


def script(kind: Kind, part: Part, case: Case) -> str:
    """Return five lines of Python that print the right result of a case."""
    names = [name for name in case.arrays if not name.startswith("layer.")]
    lines = ["import numpy as np", "import refvis"]
    lines += [f"{name} = {array_code(case.arrays[name])}" for name in names]
    if kind.formula is None:
        layer = f"refvis.layers.{layer_code(case.layer)}"
    else:
        lines.append(f"from {type(case.layer).__module__} import {type(case.layer).__name__}")
        layer = layer_code(case.layer)
    inputs = ", ".join(name for name in names if name != "signal")
    if part == "forward" or kind.rule is None:
        arguments = inputs if part == "forward" else f"signal, None, {inputs}"
        call = f"refvis.layers.{part}({layer}, {arguments})"
        if kind.formula is not None:
            call = f"{_found(kind)}.forward({layer}, {inputs})"
    else:
        call = f"refvis.layers.backward({layer}, signal, None, {inputs}, rule={_found(kind)}.rule)"
    return "\n".join([*lines, f"print({call})"])


def _found(kind: Kind) -> str:
    """Return Python code that finds a kind."""
    options = "".join(f", {name}={value!r}" for name, value in kind.options.items())
    return f"refvis.verify.find({kind.name!r}{options})"


def array_json(array: Array) -> dict[str, Any]:
    """Return an array as its shape and its values in row-major order."""
    return {"shape": list(array.shape), "data": [_json_number(value) for value in np.ravel(array)]}


def layer_json(layer: Layer) -> dict[str, Any]:
    """Return a layer, or a layer in another layout, as its type and its fields."""
    own = layer.layer if isinstance(layer, LayerInLayout) else layer
    found: dict[str, Any] = {"type": type(own).__name__}
    for one in fields(own):
        value = getattr(layer, one.name)
        if getattr(value, "ndim", 0):
            found[one.name] = array_json(value)
        elif not callable(value):
            found[one.name] = list(value) if isinstance(value, tuple) else value
    return found


def _number(value: float) -> str:
    """Return a number as short as it can be read back."""
    text = repr(float(value))
    if text in ("nan", "inf", "-inf"):
        return text.replace("nan", "np.nan").replace("inf", "np.inf")
    return text.removesuffix("0") if text.endswith(".0") else text


def _json_number(value: float) -> float | int | str:
    number = float(value)
    if not np.isfinite(number):
        return str(number)
    return int(number) if number == int(number) and abs(number) < 2**53 else number
