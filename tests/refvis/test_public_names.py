"""What stands under `refvis`: every public name, whether it was imported with the package or is when it is used."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

import refvis
from refvis.later import PLACES


def run(code: str) -> dict[str, list[str]]:
    """Return what a new interpreter prints as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_names_that_come_later_are_those_of_their_modules():
    for name, place in PLACES.items():
        module = import_module(place)
        assert getattr(refvis, name) is (module if place == f"refvis.{name}" else getattr(module, name))


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


def test_any_other_name_is_an_error():
    with pytest.raises(AttributeError, match="module 'refvis' has no attribute 'oclusion'"):
        refvis.oclusion  # noqa: B018


def test_the_layers_modules_are_there_without_the_methods():
    """In a process of its own: here, some method has imported them already."""
    found = run("import json, refvis; print(json.dumps({'names': dir(refvis.layers)}))")
    assert {"ledger", "incremental"} <= set(found["names"])
