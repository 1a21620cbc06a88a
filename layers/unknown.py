"""A layer that a model file names and that has no implementation here: it loads and shows, and does not run."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Unknown:
    """Stands for a layer of MatConvNet type `type`, with all `fields` that its file gave it."""

    type: str
    fields: dict[str, Any] = field(default_factory=dict)
