"""Values of layers in MATLAB's layout, as model files hold them."""

from typing import Any

import numpy as np

from refvis.layers.base.blocks import Struct


def matlab_array(name: str, array: Any) -> Any:
    """Return a layer's array in MATLAB's layout; [] where it is absent.

    Four axes have the first one last; biases are a row; moments stay as they are; other vectors are columns. Raises
    ValueError unless the array is NumPy's, float32 or float64.
    """
    if array is None:
        return np.zeros((0, 0), "float32")
    if not isinstance(array, np.ndarray) or array.dtype.name not in ("float32", "float64"):
        raise ValueError("parameters have to be NumPy arrays, float32 or float64: use net.to('numpy'), net.astype")
    if name == "biases":
        return array.reshape(1, -1)
    if array.ndim == 4:
        return array.transpose(1, 2, 3, 0)
    return array if array.ndim == 2 else array.reshape(-1, 1)


def matlab_fields(fields: Struct) -> Struct:
    """Return the fields of a layer with its arrays in MATLAB's layout, and rows of numbers as a matrix."""
    return {name: _value(name, value) for name, value in fields.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_value(name, entry) for entry in value]
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return np.array(value, "float64")
    return matlab_array(name, value) if getattr(value, "shape", ()) else value
