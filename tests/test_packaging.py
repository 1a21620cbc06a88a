"""What is packaged is what is there, the storeys know only those below, and importing is light."""

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOOL = SETTINGS["tool"]["setuptools"]
PLACES = {"refvis": ROOT / "refvis", "refvis.layers": ROOT / "layers", "refvis.weights": ROOT / "weights"}
HEAVY = {"matplotlib", "scipy", "h5py", "jinja2", "torch", "cupy"}


def packages_in(folder: Path, name: str) -> set[str]:
    """The packages below a folder, each by its dotted name; links are another storey's and are left out."""
    found = {name} if (folder / "__init__.py").exists() else set()
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink() and one.name != "__pycache__":
            found |= packages_in(one, f"{name}.{one.name}")
    return found


def folder_of(package: str) -> Path:
    """Where the package's files are, by the mapping in the settings."""
    for name, folder in sorted(TOOL["package-dir"].items(), key=lambda item: -len(item[0])):
        if package == name or package.startswith(f"{name}."):
            return ROOT.joinpath(folder, *package[len(name) + 1 :].split(".")) if package != name else ROOT / folder
    raise KeyError(package)


def test_listed_packages_are_those_in_the_tree():
    found = set().union(*(packages_in(folder, name) for name, folder in PLACES.items()))
    listed = TOOL["packages"]
    assert sorted(listed) == sorted(found)
    assert len(set(listed)) == len(listed)
    for name in listed:
        assert (folder_of(name) / "__init__.py").exists(), name


def test_every_module_stands_in_a_package():
    folders = {folder_of(name) for name in TOOL["packages"]}
    for storey in PLACES.values():
        for path in storey.rglob("*.py"):
            inside = path.relative_to(ROOT).parts[:2] not in (("refvis", "layers"), ("refvis", "weights"))
            assert path.parent in folders or not inside, path


@pytest.mark.parametrize("name", TOOL["packages"])
def test_a_folder_can_be_seen_at_a_glance(name):
    """In layers, the first level has a file for each operator."""
    files = sorted(path.name for path in folder_of(name).glob("*.py"))
    assert 0 < len(files) <= (30 if name == "refvis.layers" else 24), f"{name}: {len(files)} files: {', '.join(files)}"


def test_links_lead_to_the_storeys():
    for name in ("layers", "weights"):
        link = ROOT / "refvis" / name
        assert link.is_symlink()
        assert link.resolve() == ROOT / name


def test_data_patterns_match_files():
    for package, patterns in TOOL["package-data"].items():
        for pattern in patterns:
            assert list(folder_of(package).glob(pattern)), f"{package}: no file matches {pattern}"


def test_files_that_are_no_python_are_packaged():
    packaged = {
        path
        for package, patterns in TOOL["package-data"].items()
        for p in patterns
        for path in folder_of(package).glob(p)
    }
    for storey in PLACES.values():
        for path in storey.rglob("*"):
            through_link = path.relative_to(ROOT).parts[:2] in (("refvis", "layers"), ("refvis", "weights"))
            if path.is_file() and not through_link and path.suffix not in (".py", ".pyc"):
                assert path in packaged, path


def imports(path: Path) -> set[str]:
    """The modules that a file imports anywhere in it, by their full names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return names


def own(path: Path) -> set[str]:
    """Those of the project's modules that a file imports, without the bare package's name."""
    return {name for name in imports(path) if name.split(".")[0] in ("refvis", "layers", "weights")} - {"refvis"}


@pytest.mark.parametrize(
    ("storey", "allowed"), [("layers", ("refvis.layers",)), ("weights", ("refvis.layers", "refvis.weights"))]
)
def test_storeys_know_those_below_only(storey, allowed):
    files = sorted((ROOT / storey).rglob("*.py"))
    assert len(files) > 10
    for path in files:
        for name in own(path):
            assert any(name == one or name.startswith(f"{one}.") for one in allowed), f"{path} imports {name}"


def test_layers_need_nothing_but_numpy():
    """CuPy is only used where it was imported, threadpoolctl only where it is installed."""
    for path in (ROOT / "layers").rglob("*.py"):
        others = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names
        assert others <= {"numpy", "cupy", "refvis", "threadpoolctl"}, path


def test_one_copy_of_every_module():
    """The bare names layers and weights would load a second copy of every class."""
    for folder in (*PLACES.values(), ROOT / "tests"):
        for path in folder.rglob("*.py"):
            assert not {name for name in imports(path) if name.split(".")[0] in ("layers", "weights")}, path


@pytest.mark.parametrize("module", ["refvis", "refvis.cli"])
def test_importing_is_light(module, tmp_path):
    code = f"import json, sys, {module}; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr == ""
    loaded = set(json.loads(done.stdout))
    assert "refvis" in loaded
    assert ("numpy" in loaded) == (module == "refvis.cli"), "Ctrl-C is handled before anything that takes time"
    assert HEAVY & loaded == set()


def test_a_users_own_modules_are_left_alone(tmp_path):
    for name in ("layers", "weights", "images", "report"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the user file ran')")
    done = subprocess.run([sys.executable, "-c", "import refvis.cli"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
