"""The layers compute by their input's library, so no file among them may call NumPy on an array."""

import ast
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "layers"
FILES = sorted(FOLDER.rglob("*.py"))
LIBRARIES = ("numpy", "cupy", "scipy")
NO_ARRAYS = {"dtype", "ndarray", "ndindex", "errstate", "ma", "matrix"}


def numpy_names(source: str) -> list[str]:
    """Return what the source takes from NumPy, "x" for np.x; "from" and "import" where it imports in another way."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LIBRARIES:
            found.append("from")
        elif isinstance(node, ast.Import):
            names = [(name.name, name.asname) for name in node.names if name.name.split(".")[0] in LIBRARIES]
            found += ["import" for name in names if name not in (("numpy", "np"), ("cupy", None))]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_numpy_is_not_called(path: Path) -> None:
    np.testing.assert_equal(set(numpy_names(path.read_text())) - NO_ARRAYS, set())


def test_it_looks_at_all_files() -> None:
    names = {path.name for path in FILES}
    np.testing.assert_equal({"conv.py", "conv_winograd.py", "pool.py", "ledger.py", "network.py"} <= names, True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np\ny = np.zeros_like(x)", ["zeros_like"]),
        ("import numpy as np\nf(np.linalg.norm)", ["linalg"]),
        ("from numpy import exp", ["from"]),
        ("import numpy", ["import"]),
        ("import numpy.linalg as linear", ["import"]),
        ("import numpy as np\ny = xp.zeros_like(x)", []),
    ],
)
def test_it_would_notice(source: str, expected: list[str]) -> None:
    np.testing.assert_equal(numpy_names(source), expected)
