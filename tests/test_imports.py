"""The rules of the house hold, each of them can fail, and what checks them sees every module.

The contracts are those of import-linter in pyproject.toml.
"""

import os
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from support.sources import ROOT, imported_names, modules

FILES = modules()
"""Module -> its file, of refvis with layers and weights, and of benchmarks."""
EDGES = {name: imported_names(path) & set(FILES) - {name} for name, path in FILES.items()}
"""Module -> the modules that it imports, anywhere in its file."""


def test_no_module_imports_itself_by_way_of_others():
    """Also where a room's own `__init__` is one of them, which the contract of import-linter leaves out."""
    assert len(EDGES) > 280
    assert sum(map(len, EDGES.values())) > 1000
    TopologicalSorter(EDGES).prepare()


def test_a_layer_knows_base_only():
    """An operator that all meet first needs nothing of rules, modes, networks or fast twins."""
    for name in ("refvis.layers.relu", "refvis.layers.conv", "refvis.layers.pool", "refvis.layers.lrn"):
        assert EDGES[name], name
        assert all(one.startswith("refvis.layers.base.") for one in EDGES[name]), f"{name}: {EDGES[name]}"


def test_linter_sees_every_module_and_every_import(monkeypatch):
    """It follows the links to layers and weights; counts alone would not tell."""
    monkeypatch.syspath_prepend(ROOT)
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed (extra: dev)")
    graph = grimp.build_graph("refvis", "benchmarks", cache_dir=None)
    assert graph.modules == set(FILES)
    assert {name: graph.find_modules_directly_imported_by(name) for name in FILES} == EDGES
    assert "refvis.layers.base.arrays" in EDGES["refvis.layers.conv"]


LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(folder, *arguments):
    """Run import-linter in a folder that has the project, and return its exit status and output in long lines."""
    pytest.importorskip("importlinter", reason="import-linter is not installed (extra: dev)")
    environment = {**os.environ, "COLUMNS": "1000", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_contracts_hold():
    status, output = lint(ROOT)
    assert status == 0, output
    assert f"Analyzed {len(FILES)} files" in output
    assert " 0 broken" in output


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project whose files a test may break, and what the linter says of it as it is."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, path in FILES.items():
        target = folder.joinpath(*name.split("."))
        target = target / "__init__.py" if path.stem == "__init__" else target.with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder, lint(folder)[1]


LATER = "def later():\n    import "
BREAKS = {
    "layers know no weights": ("storeys", "refvis.layers.relu", "import refvis.weights.read", "relu -> refvis.weights"),
    "weights know no network": ("storeys", "refvis.weights.read", "import refvis.network", "read -> refvis.network"),
    "not even inside a function": ("storeys", "refvis.weights.read", f"{LATER}refvis.units", "read -> refvis.units"),
    "results know no method": ("storeys", "refvis.results.heatmap", "import refvis.report.page", "map -> refvis.repo"),
    "neutral ground": ("storeys", "refvis.optimisation.minimise", "import refvis.input_reconstruction", "minimise -> "),
    "each room is listed": ("storeys", "refvis.attic", "", "- refvis.attic"),
    "siblings": ("siblings", "refvis.deconvolutional.cam", "import refvis.input_modification.rise", "cam -> refvis.in"),
    "operators know no twin": ("definitions", "refvis.layers.relu", "from refvis.layers.fast import relu", "relu (l."),
    "nobody knows a twin": ("definitions", "refvis.network", f"{LATER}refvis.layers.fast.conv", "refvis.network"),
    "base knows no rule": ("engine", "refvis.layers.base.arrays", "import refvis.layers.lrp.linear", "arrays -> refvi"),
    "rules know no network": ("engine", "refvis.layers.lrp.linear", "import refvis.layers.graph.network", "linear -> "),
    "lazy names": ("lazy", "refvis.deconvolutional.cam", "from refvis import rise", "cam -> refvis (l."),
    "operators know no rule": ("cycles", "refvis.layers.conv", "import refvis.layers.lrp", "in refvis.layers.\n"),
    "base knows no layer": ("cycles", "refvis.layers.base.arrays", "import refvis.layers.conv", "in refvis.layers.\n"),
    "cycles in a room": ("cycles", "refvis.layers.base.arrays", "import refvis.layers.base.border", "layers.base.\n"),
    "cycles of benchmarks": ("cycles", "benchmarks.rows", "import benchmarks.networks", "allowed in benchmarks."),
}
"""Rule -> the contract, the module that breaks it, the line that does, and a part of what the linter then says."""


@pytest.mark.parametrize("rule", BREAKS)
def test_each_contract_can_fail(copy, rule):
    """One more import, and the contract is broken there, where it was not."""
    contract, module, line, said = BREAKS[rule]
    folder, before = copy
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    own = path.read_text() if path.exists() else None
    path.write_text(f"{own or ''}\n\n{line}\n")
    try:
        status, output = lint(folder, "--contract", contract)
    finally:
        path.unlink() if own is None else path.write_text(own)
    assert status == 1
    assert said in output, output
    assert said not in before
