"""Every example in a docstring runs and prints what it says, and every module's docstring names what the module is."""

import ast
import doctest
import importlib
import pkgutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.sources import ROOT, modules

import refvis

NAMES = ["refvis", *(found.name for found in pkgutil.walk_packages(refvis.__path__, "refvis."))]
STOREYS = {name: path for name, path in modules().items() if name.split(".")[0] == "refvis"}
QUESTIONS = ("what", "how", "where", "which", "whether", "why")


def examples(name: str) -> list[doctest.DocTest]:
    """Return the module's docstrings that have examples. These know `np` and `Path`, as in docs/conf.py."""
    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, name, extraglobs={"np": np, "Path": Path})
    return [one for one in found if one.examples]


def test_all_modules_are_looked_at() -> None:
    assert set(NAMES) == set(STOREYS)


def test_there_are_examples() -> None:
    assert sum(len(examples(name)) for name in NAMES) > 20


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each docstring by itself, in an empty folder, which it knows as `folder`. A warning is an error."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.DONT_ACCEPT_TRUE_FOR_1)
    for one in examples(name):
        one.globs["folder"] = tmp_path_factory.mktemp("example")
        monkeypatch.chdir(one.globs["folder"])
        said: list[str] = []
        with warnings.catch_warnings(action="error"), np.printoptions(precision=4, suppress=True, linewidth=100):
            runner.run(one, out=said.append)
        assert said == [], "".join(said)


@pytest.mark.parametrize(("text", "fails"), [(">>> np.arange(2) / 3\narray([0.    , 0.3333])", 0), (">>> 1 + 1\n3", 1)])
def test_a_wrong_example_is_noticed(text: str, fails: int) -> None:
    one = doctest.DocTestParser().get_doctest(text, {"np": np}, "one", None, None)
    with np.printoptions(precision=4, suppress=True, linewidth=100):
        assert doctest.DocTestRunner().run(one, out=lambda said: None).failed == fails


@pytest.mark.parametrize("name", STOREYS)
def test_module_docstring_names_the_thing(name: str) -> None:
    """It says what the module is, and asks no question: "Convolution by tiles", not "How convolutions are tiled"."""
    text = ast.get_docstring(ast.parse(STOREYS[name].read_text()))
    assert text, f"{STOREYS[name].relative_to(ROOT)} has no docstring"
    word = text.split()[0].strip(".,:;'").lower()
    assert word.partition("'")[0] not in QUESTIONS, f"{STOREYS[name].relative_to(ROOT)}: {text.splitlines()[0]}"
