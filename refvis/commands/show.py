"""``refvis show``: a network as a table, or drawn."""

from pathlib import Path
from typing import Annotated

import typer

from refvis import loading
from refvis.commands.options import DEFAULT_MODEL, advised, numbers
from refvis.text.escape import printable


def show(
    model: Annotated[
        str, typer.Argument(help="A MatConvNet .mat file, or the name of a bundled network.")
    ] = DEFAULT_MODEL,
    size: Annotated[str | None, typer.Option(help="Input size, HxW or HxWxC, where the model does not say it.")] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Print the graph for Graphviz instead.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the graph into this SVG file instead.")] = None,
) -> None:
    """Print a network layer by layer: filters, geometry, output size, receptive field, parameters, memory."""
    from refvis.files import write_bytes
    from refvis.show import drawing
    from refvis.show.table import described

    net = advised(loading.load(model, isolate=True), {"imageSize": "--size HxW"})
    if svg is not None:
        write_bytes(svg, drawing.svg(net).encode())
        typer.echo(f"drawing: {printable(str(svg))}")
    else:
        typer.echo(drawing.dot(net) if dot else described(net, numbers(size) if size else None))
