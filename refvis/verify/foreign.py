"""The other implementation: it gets arrays of its layout, dtype and library, and its results come back as ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refvis.layers import Array, FullyConnected
from refvis.verify.case import Case, Values
from refvis.verify.kind import Part
from refvis.verify.layouts import columns_from, from_layout, layer_as, layer_in, to_layout


class UnsupportedError(Exception):
    """The other implementation says that it lacks an option: it raised NotImplementedError."""


@dataclass(frozen=True)
class Outcome:
    """What an implementation gave for a case.

    values   its results by name, in this project's layout; None: it raised
    dtype    the dtype of its results
    error    what it raised, in one line
    """

    values: Values | None
    dtype: Any = "float64"
    error: str = ""


@dataclass(frozen=True)
class Foreign:
    """The functions of the other implementation.

    functions  part -> function, those that are given
    layout     the order of its axes
    dtype      "float32" or "float64": what it gets
    convert    what makes its arrays of NumPy's, such as torch.from_numpy; None: it takes NumPy's
    """

    functions: Mapping[Part, Callable[..., Any]]
    layout: str = "NHWC"
    dtype: str = "float64"
    convert: Callable[[Array], Any] | None = None

    def outcome(self, part: Part, case: Case, output: Array | None) -> Outcome:
        """Return what it gives for a part of a case; `output` is the forward pass' result, for the other parts.

        Raises UnsupportedError where it raises NotImplementedError.
        """
        layer = layer_in(layer_as(case.layer, self.dtype), self.layout, case.inputs[0].shape, self.convert)
        inputs = [self._given(x) for x in case.inputs]
        if part != "forward":
            inputs = [self._given(case.signal), self._given(output), *inputs]
        try:
            returned = self.functions[part](layer, *inputs)
        except NotImplementedError as error:
            raise UnsupportedError(str(error)) from error
        except Exception as error:
            return Outcome(None, error=f"{type(error).__name__}: {' '.join(str(error).split())}"[:200])
        return self._read(part, case, returned)

    def _given(self, array: Array | None) -> Any:
        moved = to_layout(np.array(array, self.dtype), self.layout)
        return self.convert(moved) if self.convert else moved

    def _read(self, part: Part, case: Case, returned: Any) -> Outcome:
        if part == "parameter_gradients":
            if not isinstance(returned, Mapping):
                return Outcome(None, error=f"parameter_gradients returned {type(returned).__name__}, expected a dict")
            arrays = {name: as_numpy(value) for name, value in returned.items() if value is not None}
            if isinstance(case.layer, FullyConnected) and "weights" in arrays:
                arrays["weights"] = columns_from(arrays["weights"], self.layout, case.inputs[0].shape)
        elif part == "backward" and len(case.inputs) > 1:
            several = returned if isinstance(returned, tuple | list) else (returned,)
            arrays = {f"signal of x{i}": as_numpy(value) for i, value in enumerate(several) if value is not None}
        else:
            single = returned[0] if isinstance(returned, tuple | list) and len(returned) == 1 else returned
            arrays = {"output" if part == "forward" else "signal": as_numpy(single)}
        if any(array.dtype.kind not in "fiub" for array in arrays.values()):
            return Outcome(None, error=f"it returned {type(returned).__name__}, expected an array of real numbers")
        dtypes = [array.dtype for array in arrays.values() if array.dtype.kind == "f"]
        lowest = min(dtypes, key=lambda one: np.finfo(one).bits, default=np.dtype(self.dtype))
        values = {name: from_layout(array, self.layout).astype("float64") for name, array in arrays.items()}
        return Outcome(values, min(lowest, np.dtype(self.dtype), key=lambda one: np.finfo(one).bits))


def as_numpy(value: Any) -> Array:
    """Return an array of any library as NumPy's: by its own methods, by DLPack, or by NumPy's conversion."""
    for method in ("detach", "cpu", "resolve_conj", "numpy"):
        if hasattr(value, method) and not isinstance(value, np.ndarray):
            value = getattr(value, method)()
    if hasattr(value, "get") and hasattr(value, "device"):
        value = value.get()
    if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__"):
        value = np.from_dlpack(value)
    return np.asarray(value)
