"""``refvis modes``: the names of the modes, or the rules of one."""

from typing import Annotated

import typer


def modes(
    name: Annotated[str | None, typer.Argument(help="A mode, to print its table of rules.")] = None,
) -> None:
    """List the modes, a line each, or print the table of rules of one."""
    from refvis.commands.mode_list import listed
    from refvis.backpropagation.rules import find_mode
    from refvis.layers.modes.tables import table

    typer.echo(listed() if name is None else table(find_mode(name)))
