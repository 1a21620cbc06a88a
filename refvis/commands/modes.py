"""``refvis modes``: the names of the modes, or the rules of one."""

from typing import Annotated

import typer


def modes(
    name: Annotated[str | None, typer.Argument(help="A mode, to print its table of rules.")] = None,
) -> None:
    """List the modes, a line each, or print the table of rules of one."""
    from refvis.deconvolutional.about_modes import listed
    from refvis.deconvolutional.named_modes import found
    from refvis.layers.modes import table

    typer.echo(listed() if name is None else table(found(name)))
