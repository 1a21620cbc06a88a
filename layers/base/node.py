"""The node: a layer with a name and a place in a network."""

from dataclasses import dataclass

from refvis.layers.base.fields import NamesField
from refvis.layers.base.operator import Layer


@dataclass(frozen=True)
class Node:
    """A layer with a name and a place: the variables that it reads, and the one that it writes.

        name      the layer's name
        layer     one of the layer dataclasses
        inputs    names of the variables that it reads; one may be given as a plain string
        outputs   name of the variable that it writes, given likewise

    Raises ValueError for a node without inputs, and for several outputs.

    >>> from refvis import layers
    >>> layers.Node("relu1", layers.ReLU(), "x1", "x2").output
    'x2'
    """

    name: str
    layer: Layer
    inputs: NamesField = NamesField()
    outputs: NamesField = NamesField()

    def __post_init__(self) -> None:
        """Check the numbers of inputs and outputs."""
        if not self.inputs or len(self.outputs) != 1:
            raise ValueError(
                f"node {self.name!r} has {len(self.inputs)} inputs and {len(self.outputs)} outputs, "
                "expected at least one input and exactly one output"
            )

    @property
    def output(self) -> str:
        """Name of the variable that the node writes."""
        return self.outputs[0]
