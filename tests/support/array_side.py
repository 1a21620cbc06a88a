"""The suite on the other side: public functions compute on CuPy, or on what stands for it, what tests give in NumPy.

With ``pytest --array cupy`` (or ``--array standin``) each public function of the modules below is wrapped where it is
defined, as it is imported. Called by a test, it moves all NumPy arrays that it is given over (in layers, networks,
traces, modes), computes there, and moves back what it returns; called by another of them, it computes as it is. A
test's own function that is given to one, a rule or a fill, gets NumPy's arrays. Inside, a layer's function that is
given an array of NumPy's is an error.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from typing import Any

import numpy as np

LAYERS = (
    "base.scatter_add batch_norm bilinear_sampler calls concat conv conv_transpose crop dropout fast.conv "
    "fast.conv_transpose fully_connected grids incremental.full_passes incremental.plan ledger loss lrn "
    "modes.deeplift norm_offset normalize_lp pairwise_distance "
    "pool relu roi_pool scale sigmoid softmax spatial_norm sum "
    "lrp.epsilon lrp.excitation lrp.inputs lrp.others lrp.signs lrp.stabiliser"
)
METHODS = (
    "deconvolutional.cam deconvolutional.deconvolution deconvolutional.deeplift deconvolutional.excitation "
    "deconvolutional.grad_cam deconvolutional.gradient_times_input deconvolutional.integrated_gradients "
    "deconvolutional.accounts.ledger deconvolutional.linear_approximation deconvolutional.smoothgrad "
    "featurevis.deconvolution featurevis.occlusion featurevis.reconstruction "
    "input_modification.discrepancy input_modification.extremal input_modification.feature_occlusion "
    "input_modification.kernel_shap input_modification.lime input_modification.meaningful input_modification.occlusion "
    "input_modification.receptive input_modification.rise "
    "input_reconstruction.activation_maximization input_reconstruction.deepdream "
    "input_reconstruction.objective.errors "
    "dataset_examples.search input_reconstruction.generators input_reconstruction.inversion "
    "input_reconstruction.natural optimisation.regularisers input_reconstruction.image.transforms"
)
MODULES = {f"refvis.layers.{one}" for one in LAYERS.split()} | {f"refvis.{one}" for one in METHODS.split()}
CLASSES = {"refvis.layers.graph.network": {"Graph": ("forward", "backward", "parameter_gradients")}}
"""Modules whose public functions are wrapped, and the classes of which some methods are."""

STAYS = ("images", "rng")
"""Parameters that are of the host on both sides."""

ON_HOST = {"refvis.input_modification.kernel_shap": ("shapley",)}
"""Functions of these modules that are of the host on both sides."""

calls = {"moved": 0}
"""How many calls of tests computed on the other side."""

_active = True
_inside: ContextVar[bool] = ContextVar("inside", default=False)


def start(standin: bool) -> str:
    """Prepare this process before refvis is imported; return why it cannot be done, or ""."""
    if any(name.partition(".")[0] == "refvis" for name in sys.modules):
        return "refvis was imported before the suite began"
    if standin:
        from support import standin as stand_in

        sys.modules["cupy"] = stand_in.module()
    else:
        try:
            import cupy

            cupy.asarray([1.0]).sum().get()
        except Exception as error:  # no CuPy, no driver, no device: each has errors of its own
            return f"--array cupy needs CuPy and a GPU, and found none: {type(error).__name__}: {error}"
    sys.meta_path.insert(0, _Finder())
    return ""


@contextmanager
def staying() -> Iterator[None]:
    """Compute on the host inside a ``with`` block."""
    global _active
    before, _active = _active, False
    try:
        yield
    finally:
        _active = before


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in MODULES and name not in CLASSES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    def path_stats(self, path: Any) -> Any:
        raise OSError("what is wrapped is not kept among the compiled files")

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:  # type: ignore[override]
        tree = ast.parse(data)
        chosen = CLASSES.get(self.name, {})
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name in chosen:
                _mark([one for one in node.body if getattr(one, "name", "") in chosen[node.name]])
            elif self.name in MODULES and isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                _mark([node] if node.name not in ON_HOST.get(self.name, ()) else [])
        after = next(i for i, node in enumerate(tree.body) if isinstance(node, ast.Import | ast.ImportFrom))
        tree.body[after:after] = ast.parse("from support.array_side import computed as computed_there").body
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True, optimize=_optimize)


def _mark(functions: list[Any]) -> None:
    for function in functions:
        function.decorator_list.insert(0, ast.Name("computed_there", ast.Load()))


def computed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that computes on the other side where a test calls it."""
    inner, layers = inspect.unwrap(function), function.__module__.startswith("refvis.layers.")
    names = list(inspect.signature(function).parameters)

    def there(arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        places = [*names, *[""] * len(arguments)]
        positional = [one if places[i] in STAYS else _over(one) for i, one in enumerate(arguments)]
        return positional, {key: one if key in STAYS else _over(one) for key, one in named.items()}

    @wraps(function)
    def either(*arguments: Any, **named: Any) -> Any:
        if not _active:
            return function(*arguments, **named)
        if _inside.get():
            assert not (layers and any(isinstance(one, np.ndarray) for one in arguments)), "an array of NumPy's arrived"
            return function(*arguments, **named)
        calls["moved"] += 1
        given, options = there(arguments, named)
        with _at(True):
            found = function(*given, **options)
        return _stepwise(found) if inspect.isgenerator(found) else _home(found)

    @wraps(function)
    def steps(*arguments: Any, **named: Any) -> Any:
        yield from either(*arguments, **named)

    return steps if inspect.isgeneratorfunction(inner) else either


def _over(value: Any) -> Any:
    from support.elsewhere import there

    return there(value, _called_back)


def _home(value: Any) -> Any:
    from support.elsewhere import back

    return back(value)


def _stepwise(found: Any) -> Any:
    while True:
        with _at(True):
            try:
                one = next(found)
            except StopIteration:
                return
        yield _home(one)


def _called_back(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a test's function for the other side: it is given arrays of the host, and its own are moved over."""
    if str(function.__module__).partition(".")[0] == "refvis":
        return function

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        given, options = [_home(one) for one in arguments], {key: _home(one) for key, one in named.items()}
        with _at(False):
            found = function(*given, **options)
        return _over(found)

    return called


@contextmanager
def _at(inside: bool) -> Iterator[None]:
    token = _inside.set(inside)
    try:
        yield
    finally:
        _inside.reset(token)
