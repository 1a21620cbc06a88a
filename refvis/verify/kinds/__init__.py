"""Kinds by name: everything that can be verified."""

from difflib import get_close_matches
from typing import Any

from refvis.verify.kind import Kind
from refvis.verify.kinds.batch_norm import BATCH_NORM
from refvis.verify.kinds.conv import CONV
from refvis.verify.kinds.lrn import LOCAL_RESPONSE
from refvis.verify.kinds.pool import AVERAGE_POOL, MAX_POOL
from refvis.verify.kinds.relu import DECONVNET, GUIDED, RELU

OPERATOR_KINDS: dict[str, Kind] = {
    one.name: one for one in (CONV, MAX_POOL, AVERAGE_POOL, LOCAL_RESPONSE, BATCH_NORM, RELU, GUIDED, DECONVNET)
}
ALIASES = {"pool": "max_pool", "avg_pool": "average_pool", "convolution": "conv", "batchnorm": "batch_norm"}


def kinds() -> tuple[str, ...]:
    """Return the names of all kinds."""
    return tuple(OPERATOR_KINDS)


def find(name: str, **options: Any) -> Kind:
    """Return the kind of that name, with the options of its rule.

    Raises ValueError, with similar names, where there is none.

    >>> from refvis import verify
    >>> verify.find("conv").page
    'operators/conv.html'
    """
    key = ALIASES.get(name, name)
    if key in OPERATOR_KINDS and not options:
        return OPERATOR_KINDS[key]
    near = get_close_matches(name, list(kinds()), 3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"expected one of {', '.join(kinds())}"
    raise ValueError(f"there is no kind {name!r}: {hint}")
