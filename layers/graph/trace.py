"""Variables and signals by name. The name of a layer stands for the variable that the layer writes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from refvis.layers.base.arrays import Array
from refvis.layers.graph.nodes import label


class Named(Mapping[str, Array]):
    """Variables by name. `layers` has further names: those of layers -> the variables that they write.

    Iteration goes over the variables, in order. ``[]``, ``in`` and ``get`` also accept the names of layers. A KeyError
    lists the names that exist.
    """

    variables: dict[str, Array]
    layers: Mapping[str, str]

    def __getitem__(self, name: str) -> Array:
        """Return the variable of that name, or that the layer of that name writes."""
        return self.variables[variable_named(name, self.variables, self.layers)]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the variables' names, in the order of computation."""
        return iter(self.variables)

    def __len__(self) -> int:
        """Return the number of variables."""
        return len(self.variables)


@dataclass(frozen=True)
class Trace(Named):
    """All variables of one forward pass, by name, N x H x W x C each.

    The name of a layer stands for the variable that it writes, unless a variable has that name: trace["fc8"] is
    trace["x22"]. `ends` are the variables that no computed node reads.

    >>> import numpy as np
    >>> from refvis import layers
    >>> trace = layers.Graph(layers.chain({"relu1": layers.ReLU()})).forward(np.array([[[[-1.0, 2.0]]]]))
    >>> list(trace), trace["relu1"] is trace["x1"]
    (['x0', 'x1'], True)
    >>> trace.output.ravel()
    array([0., 2.])
    """

    variables: dict[str, Array]
    ends: tuple[str, ...]
    layers: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> Array:
        """The network's output (N x H x W x C); ValueError if it has several.

        >>> import numpy as np
        >>> from refvis import layers
        >>> layers.Graph(layers.chain({"relu1": layers.ReLU()})).forward(np.array([[[[-1.0, 2.0]]]])).output.ravel()
        array([0., 2.])
        """
        if len(self.ends) != 1:
            raise ValueError(f"the network has {len(self.ends)} outputs ({', '.join(self.ends)}): choose one by name")
        return self.variables[self.ends[0]]


class Signals(dict[str, Array]):
    """Signals by variable, those of the seeds first; ``[]``, ``in`` and ``get`` also accept the names of layers."""

    def __init__(self, signals: Mapping[str, Array], layers: Mapping[str, str]) -> None:
        """Take signals by variable, and layers' names -> the variables that they write."""
        super().__init__(signals)
        self.layers = layers

    def __missing__(self, name: str) -> Array:
        """Return the signal at the variable that the layer of that name writes."""
        return self[variable_named(name, dict(self), self.layers)]

    def __contains__(self, name: object) -> bool:
        """Return whether there is a signal at that variable, or at the one that the layer of that name writes."""
        return super().__contains__(name) or super().__contains__(self.layers.get(name))  # type: ignore[call-overload]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the signal of that name, or else the default."""
        variable = name if super().__contains__(name) else self.layers.get(name, name)
        return super().get(variable, default)


def variable_named(name: str, variables: Mapping[str, Any], layers: Mapping[str, str]) -> str:
    """Return the variable that `name` stands for, by its own name or by its layer's; KeyError where there is none."""
    if name in variables:
        return name
    if layers.get(name) in variables:
        return layers[name]
    if name in layers:
        raise KeyError(
            f"layer {name!r} writes {layers[name]!r}, which has no value here: {_list_names(variables, layers)}"
        )
    near = get_close_matches(str(name), [*layers, *variables], 3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else _list_names(variables, layers)
    raise KeyError(f"there is no layer or variable {name!r}: {hint}")


def _list_names(variables: Mapping[str, Any], layers: Mapping[str, str]) -> str:
    writers = {variable: layer for layer, variable in layers.items()}
    return f"there are {', '.join(label(name, writers.get(name, name)) for name in variables)}"
