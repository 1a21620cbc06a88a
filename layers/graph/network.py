"""The engine: a network is nodes in order; forward gives a trace, backward walks it in reverse. It knows no layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Self

from refvis.layers import modes
from refvis.layers.base.arrays import (
    Array,
    array_module,
    moved,
    require_float_name,
    require_library,
    require_real,
    storage,
)
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.node import Node
from refvis.layers.calls import backward, forward, forward_of, output_shape, parameter_gradients
from refvis.layers.graph.nodes import is_objective, label_of, writers, written_by
from refvis.layers.graph.trace import Signals, Trace, variable_named
from refvis.layers.operators import OPERATORS, Layer, Rule, is_per_image, title
from refvis.layers.sum import Sum

SUM = Sum()
"""What joins the signals of several paths."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in an order that computes every input before its use.

    Raises ValueError where a name is given twice or the order is wrong.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...] = field(init=False)
    outputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Check the wiring and derive the network's own inputs and outputs."""
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if not self.nodes:
            raise ValueError("a network needs at least one node")
        written = written_by(self.nodes)
        read = dict.fromkeys(name for node in self.nodes for name in node.inputs)
        object.__setattr__(self, "inputs", tuple(name for name in read if name not in written))
        object.__setattr__(self, "outputs", tuple(name for name in written if name not in read))

    def node(self, name: str) -> Node:
        """Return the node of that name, or the node that writes the variable of that name; ValueError if none."""
        known = {node.output: node for node in self.nodes} | {node.name: node for node in self.nodes}
        if name in known:
            return known[name]
        if not isinstance(name, str):
            raise ValueError(
                f"{name!r} is no name of a layer or variable, expected a text such as {self.nodes[0].name!r}"
            )
        near = get_close_matches(name, list(known), 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(map(repr, known))}"
        raise ValueError(f"the network has no layer or variable {name!r}: {hint}")

    def variable(self, name: str) -> str:
        """Return the variable that `name` (a node, or a variable itself) stands for; ValueError if none."""
        return name if name in self.inputs else self.node(name).output

    def is_unknown_ending(self, node: Node) -> bool:
        """Whether a node has no implementation and ends the network with several inputs, as a custom loss does."""
        return type(node.layer) not in OPERATORS and len(node.inputs) > 1 and node.output in self.outputs

    def is_per_image(self, trace: Trace | None = None) -> bool:
        """Return whether every image of a variable depends on that image of the inputs only, as far as is known.

        With a trace, all its variables must have the same number of images, too.
        """
        rows = set() if trace is None else {len(values) for values in trace.values()}
        return len(rows) <= 1 and all(is_per_image(node.layer) for node in self.nodes)

    def upto(self, name: str) -> Self:
        """Return the network cut after that node (a node's or a variable's name): only what it needs is kept."""
        if name in self.inputs:
            raise ValueError(f"{name!r} is an input of the network: name a layer, or a variable that a layer writes")
        wanted, kept = {self.node(name).output}, []
        for node in reversed(self.nodes):
            if node.output in wanted:
                wanted.update(node.inputs)
                kept.append(node)
        return replace(self, nodes=tuple(reversed(kept)))

    def forward(self, x: Array | None = None, /, **given: Array) -> Trace:
        """Return the trace for input `x` (N x H x W x C; the network's first input), or for inputs given by name.

        A loss whose labels are not given is left out, as is a layer without implementation that ends the network with
        several inputs (a loss, most likely). Raises ShapeError naming the layer where sizes do not fit.
        """
        variables = dict(given) if x is None else {self.inputs[0]: x, **given}
        self._check_given(variables)
        read: set[str] = set()
        for node in self.nodes:
            if not self.is_unknown_ending(node) and all(name in variables for name in node.inputs):
                variables[node.output] = _at(node, forward, *(variables[name] for name in node.inputs))
                read.update(node.inputs)
        return Trace(variables, tuple(name for name in variables if name not in read), writers(self.nodes))

    def backward(self, trace: Trace, seeds: Mapping[str, Array], mode: str | modes.Mode = "gradient") -> Signals:
        """Return the signal at every variable that the `seeds` reach, going back by `mode`.

        `seeds` maps names of variables, or of the layers that write them, to arrays of their shapes. Where paths meet,
        signals add up. Raises ShapeError for a rule that returns anything but an array like each of its inputs.
        """
        for key in modes.find(mode):
            if isinstance(key, str) and self.node(key).name != key:
                raise ValueError(f"the mode names the variable {key!r}: name its layer, {self.node(key).name!r}")
        rules = modes.resolved(mode, self.nodes)
        signals = self._seeded(trace, seeds)
        for node in reversed(self.nodes):
            if node.output in signals and node.output in trace:
                rule = modes.rule_for(rules, node.name, node.layer)
                inputs = [trace[name] for name in node.inputs]
                passed = _at(node, backward, signals[node.output], trace[node.output], *inputs, rule=rule)
                require_returned(passed, tuple(inputs), rule, node)
                _add(signals, node.inputs, passed)
        return Signals(signals, writers(self.nodes))

    def parameter_gradients(self, trace: Trace, seeds: Mapping[str, Array]) -> dict[tuple[str, str], Array]:
        """Return {(node name, field): gradient} for all parameters that the `seeds` reach.

        A parameter that stands in several places, the same array in each, has one gradient: the sum, under each of its
        keys. No signal is computed below the first layer that has parameters.
        """
        signals, gradients = self._seeded(trace, seeds), {}
        above = self._above_parameters()
        for node in reversed(self.nodes):
            if node.output not in signals:
                continue
            arguments = signals[node.output], trace[node.output], *(trace[name] for name in node.inputs)
            for key, gradient in _at(node, parameter_gradients, *arguments).items():
                gradients[node.name, key] = gradient
            if any(name in above for name in node.inputs):
                _add(signals, node.inputs, _at(node, backward, *arguments))
        return _shared_added(self.nodes, gradients)

    def shapes(self, **given: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return the shape (N x H x W x C) of every variable for inputs of the `given` shapes, computing nothing.

        Variables at and after a layer without implementation are missing. Raises ShapeError naming the layer.
        """
        shapes = dict(given)
        for node in self.nodes:
            if type(node.layer) in OPERATORS and all(name in shapes for name in node.inputs):
                shapes[node.output] = _at(node, output_shape, *(shapes[name] for name in node.inputs))
        return shapes

    def to(self, library: str) -> Self:
        """Return the network with its parameters in "numpy" or "cupy" arrays; those that were shared still are."""
        require_library(library)
        return self._mapped(lambda array: moved(array, library))

    def astype(self, dtype: Any) -> Self:
        """Return the network with its parameters in that dtype (float32 or float64); those shared still are."""
        require_float_name(dtype)
        return self._mapped(lambda array: array.astype(dtype, copy=False))

    def _mapped(self, change: Any) -> Self:
        known: dict[Any, Array] = {}

        def once(array: Array) -> Array:
            place = storage(array)
            if place not in known:
                known[place] = change(array)
            return known[place]

        return replace(self, nodes=tuple(replace(node, layer=_changed(node.layer, once)) for node in self.nodes))

    def _check_given(self, given: Mapping[str, Array]) -> None:
        for name in given:
            if name not in self.inputs:
                raise ValueError(f"the network has no input {name!r}, expected {', '.join(map(repr, self.inputs))}")
        endings = (node for node in self.nodes if is_objective(node.layer) or self.is_unknown_ending(node))
        optional = {name for node in endings for name in node.inputs[1:]}
        for name in self.inputs:
            if name not in given and name not in optional:
                raise ValueError(f"the network's input {name!r} was not given")

    def _seeded(self, trace: Trace, seeds: Mapping[str, Array]) -> dict[str, Array]:
        signals: dict[str, Array] = {}
        for given, seed in seeds.items():
            try:
                name = variable_named(given, trace.variables, writers(self.nodes))
            except KeyError as error:
                raise ValueError(f"a seed is for {given!r}: {error.args[0]}") from None
            if name in signals:
                raise ValueError(f"two seeds are given for {label_of(self.nodes, name)}: add them up")
            if seed.shape != trace[name].shape:
                where = label_of(self.nodes, name)
                raise ShapeError(f"the seed for {where} has shape {seed.shape}, expected {trace[name].shape}")
            array_module(seed, trace[name])
            require_real(seed, f"the seed for {label_of(self.nodes, name)}")
            signals[name] = seed.astype(trace[name].dtype, copy=False)
        return signals

    def _above_parameters(self) -> set[str]:
        """Return the variables that depend on a parameter."""
        above: set[str] = set()
        for node in self.nodes:
            own = type(node.layer) in OPERATORS and OPERATORS[type(node.layer)].parameter_gradients
            if own or any(name in above for name in node.inputs):
                above.add(node.output)
        return above


def _at(node: Node, function: Any, *arguments: Any, **options: Any) -> Any:
    """Call ``function(node.layer, ...)``; an error that it raises then says at which layer."""
    try:
        return function(node.layer, *arguments, **options)
    except (ValueError, TypeError) as error:
        raise type(error)(f"layer {node.name!r} ({title(node.layer)}): {error}") from error


def _add(signals: dict[str, Array], names: tuple[str, ...], passed: tuple[Array, ...]) -> None:
    for name, signal in zip(names, passed, strict=True):
        signals[name] = forward_of(SUM, signals[name], signal) if name in signals else signal


def _shared_added(nodes: tuple[Node, ...], gradients: dict[tuple[str, str], Array]) -> dict[tuple[str, str], Array]:
    """Return the gradients with their sum under every key of an array that stands in several places."""
    places: dict[Any, list[tuple[str, str]]] = {}
    for node in nodes:
        for name, array in _arrays(node.layer).items():
            places.setdefault(storage(array), []).append((node.name, name))
    for keys in places.values():
        each = [gradients[key] for key in keys if key in gradients]
        if each and len(keys) > 1:
            gradients |= dict.fromkeys(keys, sum(each[1:], each[0]))
    return gradients


def _arrays(layer: Layer) -> dict[str, Array]:
    """Return a layer's fields that are arrays, by name."""
    values = {one.name: getattr(layer, one.name) for one in fields(layer)}
    return {name: value for name, value in values.items() if getattr(value, "ndim", 0)}


def _changed(layer: Layer, change: Any) -> Layer:
    arrays = _arrays(layer)
    return replace(layer, **{name: change(array) for name, array in arrays.items()}) if arrays else layer


def require_returned(passed: Any, inputs: tuple[Array, ...], rule: Rule, node: Node) -> tuple[Array, ...]:
    """Return what a rule passed on; ShapeError unless it is a tuple with an array like each input.

    Alike are shape, array library, and dtype, which may be the first input's, in which all is computed (labels of a
    loss may have another). The error names the `rule` and the `node` that it was applied at.
    """
    dtype = inputs[0].dtype
    if isinstance(passed, tuple) and len(passed) == len(inputs):
        if all(_alike(one, x, dtype) for one, x in zip(passed, inputs, strict=True)):
            return passed
        returned = f"({', '.join(map(_described, passed))})"
    else:
        returned = f"{len(passed)} arrays" if isinstance(passed, tuple) else _described(passed)
    expected = ", ".join(f"{x.shape} {dtype}" for x in inputs)
    raise ShapeError(
        f"the rule {modes.rule_name(rule)} of layer {node.name!r} ({title(node.layer)}) returned {returned}, "
        f"expected a tuple, one array per input: {expected}"
    )


def _alike(one: Any, x: Array, dtype: Any) -> bool:
    return isinstance(one, array_module(x).ndarray) and one.shape == x.shape and one.dtype in (dtype, x.dtype)


def _described(value: Any) -> str:
    return f"an array {value.shape} {value.dtype}" if hasattr(value, "dtype") else type(value).__name__
