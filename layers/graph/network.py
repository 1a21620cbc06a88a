"""The engine: a network is nodes in order; forward gives a trace, backward goes through it in reverse.

It knows no layer: functions and rules come from tables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from refvis.layers.graph.memory import require_backward, require_forward
from refvis.layers.graph.nodes import is_objective, label_of, writers, written_by
from refvis.layers.graph.parameters import add_shared, replace_arrays
from refvis.layers.graph.returned import require_signals
from refvis.layers.graph.trace import Signals, Trace, variable_named
from refvis.layers.operators import OPERATORS, is_per_image, title
from refvis.layers.sum import Sum

SUM = Sum()
"""The layer that adds the signals of several paths."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in an order that computes every variable before it is read.

    `inputs` are the variables that no node writes, `outputs` those that no node reads. Raises ValueError for no nodes,
    for a name that is given twice, and for a wrong order.

    >>> import numpy as np
    >>> from refvis import layers
    >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
    >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
    >>> net.inputs, net.outputs
    (('x0',), ('x2',))
    >>> net.forward(np.array([[[[-1.0, 2.0]]]])).output.item()
    20.0
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...] = field(init=False)
    outputs: tuple[str, ...] = field(init=False)
    _ends: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the wiring and derive the network's own inputs and outputs."""
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if not self.nodes:
            raise ValueError("the network has no nodes, expected at least one")
        written = written_by(self.nodes)
        read = dict.fromkeys(name for node in self.nodes for name in node.inputs)
        object.__setattr__(self, "inputs", tuple(name for name in read if name not in written))
        object.__setattr__(self, "outputs", tuple(name for name in written if name not in read))
        object.__setattr__(self, "_ends", frozenset(self.outputs))

    def node(self, name: str) -> Node:
        """Return the node of that name, or the node that writes the variable of that name.

        Raises ValueError, with similar names, where there is none.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> net.node("relu1").layer, net.node("x1").name
        (ReLU(leak=0.0), 'relu1')
        """
        known = {node.output: node for node in self.nodes} | {node.name: node for node in self.nodes}
        if name in known:
            return known[name]
        if not isinstance(name, str):
            raise ValueError(
                f"{name!r} is not a name of a layer or variable, expected a text such as {self.nodes[0].name!r}"
            )
        near = get_close_matches(name, list(known), 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(map(repr, known))}"
        raise ValueError(f"the network has no layer or variable {name!r}: {hint}")

    def variable(self, name: str) -> str:
        """Return the variable that `name` stands for: its own, or the one that the layer of that name writes.

        Raises ValueError where there is none.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> net.variable("fc2"), net.variable("x0")
        ('x2', 'x0')
        """
        return name if name in self.inputs else self.node(name).output

    def is_unknown_ending(self, node: Node) -> bool:
        """Return whether a node without implementation ends the network, as a custom loss does."""
        return type(node.layer) not in OPERATORS and node.output in self._ends

    @property
    def optional_inputs(self) -> set[str]:
        """The inputs that a forward pass can do without: labels of losses, and what else only unknown endings read."""
        unknown = [node for node in self.nodes if self.is_unknown_ending(node)]
        losses = [node for node in self.nodes if is_objective(node.layer)]
        read = {name for node in self.nodes if not self.is_unknown_ending(node) for name in node.inputs}
        labels = {name for node in (*losses, *unknown) for name in node.inputs[1:]}
        return labels | {name for node in unknown for name in node.inputs if name not in read}

    def is_per_image(self, trace: Trace | None = None) -> bool:
        """Return whether every image of a variable depends only on that image of the inputs, as far as is known.

        With a trace, all its variables must have the same number of images, too.
        """
        rows = set() if trace is None else {len(values) for values in trace.values()}
        return len(rows) <= 1 and all(is_per_image(node.layer) for node in self.nodes)

    def upto(self, name: str) -> Self:
        """Return the network up to the layer or variable of that name, with only the nodes that it needs.

        Raises ValueError for an input of the network, and for an unknown name.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> net.upto("relu1").outputs
        ('x1',)
        """
        if name in self.inputs:
            raise ValueError(f"{name!r} is an input of the network: name a layer, or a variable that a layer writes")
        wanted, kept = {self.node(name).output}, []
        for node in reversed(self.nodes):
            if node.output in wanted:
                wanted.update(node.inputs)
                kept.append(node)
        return replace(self, nodes=tuple(reversed(kept)))

    def forward(self, x: Array | None = None, /, **given: Array) -> Trace:
        """Return the trace for the input `x` (N x H x W x C; the network's first input), or for inputs given by name.

        A loss whose labels are not given is left out. So is a layer without implementation that ends the network (most
        likely a loss). Raises ShapeError naming the layer where sizes do not fit, ValueError for a missing or unknown
        input, TypeError for another dtype than float32 and float64; and, before anything is computed, MemoryLimitError
        for a pass that needs more memory than `refvis.memory_limit` allows.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> trace = net.forward(np.array([[[[-1.0, 2.0]]]]))
        >>> trace["relu1"].ravel(), trace["fc2"].ravel()
        (array([0., 2.]), array([20.]))
        """
        variables = dict(given) if x is None else {self.inputs[0]: x, **given}
        self._check_given(variables)
        shapes = {name: x.shape for name, x in variables.items() if hasattr(x, "shape")}
        first = next((x for x in variables.values() if hasattr(x, "dtype")), None)
        require_forward(self._run_nodes, shapes, 4 if first is None else first.dtype.itemsize)
        read: set[str] = set()
        for node in self.nodes:
            if not self.is_unknown_ending(node) and all(name in variables for name in node.inputs):
                variables[node.output] = _call_at(node, forward, *(variables[name] for name in node.inputs))
                read.update(node.inputs)
        return Trace(variables, tuple(name for name in variables if name not in read), writers(self.nodes))

    def backward(self, trace: Trace, seeds: Mapping[str, Array], mode: str | modes.Mode = "gradient") -> Signals:
        """Return the signal at every variable between the seeds and the input, by the rules of `mode`.

            trace   what `forward` returned
            seeds   name of a variable, or of the layer that writes it -> the signal there, in its shape
            mode    a name, or a table of rules. Default: "gradient"

        Where paths meet, signals add up. Raises ShapeError for a seed of another shape, and for a rule that returns
        anything but an array like each of its inputs; ValueError for an unknown mode or name, and for a layer without a
        rule; MemoryLimitError as `forward`.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> trace = net.forward(np.array([[[[-1.0, 2.0]]]]))
        >>> net.backward(trace, {"fc2": np.ones((1, 1, 1, 1))})["x0"].ravel()
        array([ 0., 10.])
        """
        for key in modes.find(mode):
            if isinstance(key, str) and self.node(key).name != key:
                raise ValueError(f"the mode names the variable {key!r}: name its layer, {self.node(key).name!r}")
        rules = modes.resolved(mode, self.nodes)
        called = f"refvis.modes.find({mode!r})" if isinstance(mode, str) else "mode"
        signals = self._seed_signals(trace, seeds)
        require_backward(self.nodes, trace)
        for node in reversed(self.nodes):
            if node.output in signals and node.output in trace:
                rule = modes.rule_for(rules, node.name, node.layer, called=called)
                inputs = [trace[name] for name in node.inputs]
                passed = _call_at(node, backward, signals[node.output], trace[node.output], *inputs, rule=rule)
                require_signals(passed, tuple(inputs), rule, node)
                _add_signals(signals, node.inputs, passed)
        return Signals(signals, writers(self.nodes))

    def parameter_gradients(self, trace: Trace, seeds: Mapping[str, Array]) -> dict[tuple[str, str], Array]:
        """Return {(node name, field): gradient} for all parameters between the seeds and the input.

            trace   what `forward` returned
            seeds   as in `backward`

        A parameter that several layers share, the same array in each, has one gradient: the sum, under each of its
        keys. No signal is computed below the first layer with parameters. Errors are those of `backward`.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> trace = net.forward(np.array([[[[-1.0, 2.0]]]]))
        >>> net.parameter_gradients(trace, {"fc2": np.ones((1, 1, 1, 1))})
        {('fc2', 'weights'): array([[0., 2.]])}
        """
        signals, gradients = self._seed_signals(trace, seeds), {}
        above = self._above_parameters()
        require_backward(self.nodes, trace)
        for node in reversed(self.nodes):
            if node.output not in signals:
                continue
            arguments = signals[node.output], trace[node.output], *(trace[name] for name in node.inputs)
            for key, gradient in _call_at(node, parameter_gradients, *arguments).items():
                gradients[node.name, key] = gradient
            if any(name in above for name in node.inputs):
                _add_signals(signals, node.inputs, _call_at(node, backward, *arguments))
        return add_shared(self.nodes, gradients)

    def shapes(self, **given: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return the shape (N x H x W x C) of every variable for inputs of the `given` shapes; no values are computed.

        Variables at and after a layer without implementation are missing. Raises ShapeError naming the layer, also for
        an output with more values than any array has.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> net.shapes(x0=(5, 1, 1, 2))
        {'x0': (5, 1, 1, 2), 'x1': (5, 1, 1, 2), 'x2': (5, 1, 1, 1)}
        """
        shapes = dict(given)
        for node in self.nodes:
            if type(node.layer) in OPERATORS and all(name in shapes for name in node.inputs):
                shapes[node.output] = _call_at(node, output_shape, *(shapes[name] for name in node.inputs))
        return shapes

    def require_memory(self, **given: tuple[int, ...]) -> None:
        """Raise MemoryLimitError if a forward pass for float32 inputs of the `given` shapes exceeds the memory limit.

        `forward` does so itself. Call this before you make inputs of a size that a file asks for.

        >>> from refvis import layers, memory_limit
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU()}))
        >>> with memory_limit("100 KB"):
        ...     net.require_memory(x0=(1, 30, 30, 3))
        """
        require_forward(self._run_nodes, given, 4)

    @property
    def _run_nodes(self) -> Iterator[Node]:
        """The nodes that a forward pass runs if it has all inputs."""
        return (node for node in self.nodes if not self.is_unknown_ending(node))

    def to(self, library: str) -> Self:
        """Return the network with its parameters in the library "numpy" or "cupy"; shared parameters stay shared.

        Raises ValueError for another name, ImportError where CuPy is missing.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> type(net.to("numpy").node("fc2").layer.weights).__name__
        'ndarray'
        """
        require_library(library)
        return self._change_parameters(lambda array: moved(array, library))

    def astype(self, dtype: Any) -> Self:
        """Return the network with its parameters in that dtype, float32 or float64; shared parameters stay shared.

        Raises TypeError for another dtype.

        >>> import numpy as np
        >>> from refvis import layers
        >>> fc = layers.FullyConnected(np.array([[1.0, 10.0]]))
        >>> net = layers.Graph(layers.chain({"relu1": layers.ReLU(), "fc2": fc}))
        >>> net.astype("float32").node("fc2").layer.weights.dtype
        dtype('float32')
        """
        require_float_name(dtype)
        return self._change_parameters(lambda array: array.astype(dtype, copy=False))

    def _change_parameters(self, change: Any) -> Self:
        known: dict[Any, Array] = {}

        def once(array: Array) -> Array:
            place = storage(array)
            if place not in known:
                known[place] = change(array)
            return known[place]

        return replace(self, nodes=tuple(replace(node, layer=replace_arrays(node.layer, once)) for node in self.nodes))

    def _check_given(self, given: Mapping[str, Array]) -> None:
        for name in given:
            if name not in self.inputs:
                raise ValueError(f"the network has no input {name!r}, expected {', '.join(map(repr, self.inputs))}")
        missing = [name for name in self.inputs if name not in given]
        optional = self.optional_inputs if missing else set()
        for name in missing:
            if name not in optional:
                raise ValueError(f"the network's input {name!r} was not given: pass it to forward, by name")

    def _seed_signals(self, trace: Trace, seeds: Mapping[str, Array]) -> dict[str, Array]:
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


def _call_at(node: Node, function: Any, *arguments: Any, **options: Any) -> Any:
    """Call ``function(node.layer, ...)``, and name the layer in any error that it raises."""
    try:
        return function(node.layer, *arguments, **options)
    except (ValueError, TypeError) as error:
        raise type(error)(f"layer {node.name!r} ({title(node.layer)}): {error}") from error


def _add_signals(signals: dict[str, Array], names: tuple[str, ...], passed: tuple[Array, ...]) -> None:
    for name, signal in zip(names, passed, strict=True):
        signals[name] = forward_of(SUM, signals[name], signal) if name in signals else signal
