"""Unknown layer: named by a model, without an implementation here. It can be shown, but not run."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Unknown:
    """A layer of the MatConvNet type `type` that has no implementation here, with all its `fields`.

    >>> from refvis import layers
    >>> layers.title(layers.Unknown("swish", {"beta": 2.0}))
    "unknown 'swish'"
    """

    type: str
    fields: dict[str, Any] = field(default_factory=dict)
