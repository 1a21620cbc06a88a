"""What stands under `refvis`: every public name, whether it was imported with the package or is when it is used."""

import ast
import json
import re
import subprocess
import sys
from importlib import import_module
from itertools import compress
from pathlib import Path

import pytest

import refvis

ROOT = Path(__file__).resolve().parents[2]


def run(code: str) -> dict[str, list[str]]:
    """Return what a new interpreter prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def places() -> dict[str, str]:
    """Return what the stub lists: public name -> the module that has it, relative to `refvis` ("": it is a module)."""
    stub = ast.parse((ROOT / "refvis" / "__init__.pyi").read_text("utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {one.asname or one.name: node.module or "" for node in imports for one in node.names}


def test_names_are_those_of_the_modules_in_the_stub():
    assert list(places()) == sorted(places(), key=list(places()).index)
    for name, place in places().items():
        expected = getattr(import_module(f"refvis.{place}"), name) if place else import_module(f"refvis.{name}")
        assert getattr(refvis, name) is expected


def test_the_stub_lists_all_public_names():
    """What is imported with the package stands there, too: a type checker reads nothing else."""
    assert set(refvis.__all__) == set(places())
    assert {name for name in vars(refvis) if not name.startswith("_")} - set(places()) <= submodules()


def submodules() -> set[str]:
    """Return the names of refvis' own modules, which are attributes once they are imported, and of its loader."""
    return {path.stem for path in (ROOT / "refvis").iterdir()} | {"lazy_loader"}


def test_a_star_imports_all_public_names():
    found: dict[str, object] = {}
    exec("from refvis import *", found)
    assert set(refvis.__all__) <= set(found)


def test_in_a_new_interpreter():
    """Methods are listed before they are imported."""
    code = (
        "import json, sys, refvis; names = dir(refvis); first = list(sys.modules); refvis.deconvolution;"
        "print(json.dumps({'names': names, 'first': first, 'then': list(sys.modules)}))"
    )
    found = run(code)
    assert set(refvis.__all__) <= set(found["names"])
    packages = {f"refvis.{name}" for name in ("deconvolutional", "input_modification", "input_reconstruction")}
    assert packages & set(found["first"]) == set()
    assert packages & set(found["then"]) == {"refvis.deconvolutional"}


def modules_in_pages() -> list[str]:
    """Return the modules of refvis that README and pages name, but for programs (``python -m ...``)."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"\brefvis(?:\.[a-z_]+)+", page.read_text("utf-8"))}
    files = {name: ROOT.joinpath(*name.split(".")) for name in sorted(named)}
    sources = {name: path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for name, path in files.items()}
    return [name for name, path in sources.items() if path.exists() and "__main__" not in path.read_text("utf-8")]


def test_modules_that_pages_name_are_there_after_a_bare_import():
    """A module deeper down may have a function of its name in front of it, as `refvis.featurevis.occlusion`."""
    names = [*modules_in_pages(), "refvis.show.drawing", "refvis.images", "refvis.units"]
    assert {"refvis.results", "refvis.show", "refvis.optimisation.optimisers"} <= set(names)
    code = (
        f"import json, sys, refvis; later = [name for name in {names} if name not in sys.modules];"
        f"found = [eval(name).__name__ for name in {names}]; print(json.dumps({{'found': found, 'later': later}}))"
    )
    found = run(code)
    short = [name.count(".") == 1 for name in names]
    assert [*compress(found["found"], short)] == [*compress(names, short)]
    assert {"refvis.images", "refvis.report", "refvis.results", "refvis.units"} & set(names) <= set(found["later"])


def test_any_other_name_is_an_error():
    with pytest.raises(AttributeError, match="refvis attribute oclusion"):
        refvis.oclusion  # noqa: B018


def test_the_layers_modules_are_there_without_the_methods():
    """In a process of its own: here, some method has imported them already."""
    found = run("import json, refvis; print(json.dumps({'names': dir(refvis.layers)}))")
    assert {"ledger", "incremental"} <= set(found["names"])
