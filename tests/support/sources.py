"""The project's own source files, and what each imports."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def modules() -> dict[str, Path]:
    """Return the file of each module of refvis (with layers and weights, which are linked into it) and benchmarks."""
    found = {}
    for folder, name in (("refvis", "refvis"), ("layers", "refvis.layers"), ("weights", "refvis.weights")):
        found |= _below(ROOT / folder, name)
    return found | _below(ROOT / "benchmarks", "benchmarks")


def _below(folder: Path, name: str) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink() and (path / "__init__.py").exists():
            found |= _below(path, f"{name}.{path.name}")
        elif path.suffix == ".py":
            found[name if path.stem == "__init__" else f"{name}.{path.stem}"] = path
    return found


def imported_names(path: Path) -> set[str]:
    """Return what a file imports anywhere in it: for ``from a import b``, b's full name, and a where b is no module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {_imported(str(node.module), name.name) for name in node.names}
    return names


def _imported(module: str, name: str) -> str:
    """Return the module that ``from module import name`` needs."""
    path = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if path.with_suffix(".py").exists() or (path / "__init__.py").exists() else module
