"""The two ways to compute an operator: its definitions, and the functions that run in their place."""

from dataclasses import fields, replace

from refvis.layers import OPERATORS, Operator
from refvis.layers.base.exactness import TWINS


def fast(operator: Operator) -> Operator:
    """Return the operator with the fast twin of each function that has one."""
    functions = {one.name: getattr(operator, one.name) for one in fields(operator)}
    return replace(operator, **{name: TWINS[value] for name, value in functions.items() if value in TWINS})


TABLES: dict[str, dict[type, Operator]] = {
    "fast": {kind: fast(operator) for kind, operator in OPERATORS.items()},
    "definitions": OPERATORS,
}
"""The table with twins, and the table of definitions."""
