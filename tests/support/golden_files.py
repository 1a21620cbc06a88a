"""Where the golden cases are, and how to read them: results of the running original, in N x H x W x C."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

TESTS = Path(__file__).resolve().parents[1]
COMMITTED = TESTS / "golden"
SHARED = Path(os.environ.get("REFVIS_SHARED", TESTS.parent.parent / "shared"))


def golden(*patterns: str) -> list[Path]:
    """Return the files that match, committed ones first, each name once."""
    found: dict[str, Path] = {}
    for folder in (COMMITTED, SHARED / "golden"):
        for pattern in patterns:
            for path in sorted(folder.glob(f"{pattern}.mat")):
                found.setdefault(path.name, path)
    return list(found.values())


def read(path: Path) -> dict[str, Any]:
    """Return the file's variables: structs as dicts, cells as lists, text as str, numbers as MATLAB arrays."""
    return {key: _plain(value) for key, value in scipy.io.loadmat(path, mat_dtype=True).items() if key[0] != "_"}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.names:
        return {name: _plain(value[name].ravel()[0]) for name in value.dtype.names}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(entry) for entry in value.ravel(order="F")]
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return str(value[0]) if value.size else ""
    return value


def images(value: np.ndarray) -> np.ndarray:
    """Return a MATLAB H x W x C x N array (trailing ones dropped) as N x H x W x C."""
    full = value.reshape(value.shape + (1,) * (4 - value.ndim))
    return np.ascontiguousarray(full.transpose(3, 0, 1, 2))


def numbers(value: np.ndarray) -> tuple[int, ...]:
    """Return a MATLAB row of whole numbers as ints."""
    return tuple(int(number) for number in value.ravel())


def assert_agrees(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Raise unless `found` is within 5e-5 (single) or 1e-9 (double) of the largest expected value."""
    tolerance = {"float32": 5e-5, "float64": 1e-9}[expected.dtype.name]
    assert found.dtype == expected.dtype, f"{what}: {found.dtype}, expected {expected.dtype}"
    assert found.shape == expected.shape, f"{what}: {found.shape}, expected {expected.shape}"
    if expected.size:
        largest = max(float(np.abs(expected).max()), np.finfo(expected.dtype).tiny)
        np.testing.assert_allclose(found / largest, expected / largest, rtol=0, atol=tolerance, err_msg=what)
