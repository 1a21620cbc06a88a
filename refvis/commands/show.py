"""``refvis show``: a network as a table or a drawing."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.commands.options import DEFAULT_MODEL, NetworkName, load_isolated, parse_size
from refvis.text.terminal import escape_controls


def show(
    model: Annotated[
        str, typer.Argument(help="A MatConvNet .mat file, an ONNX file, or the name of a bundled network.")
    ] = DEFAULT_MODEL,
    size: Annotated[
        str | None, typer.Option(help="Input size, HxW or HxWxC. Default: the size stored in the model.")
    ] = None,
    network: NetworkName = None,
    every_remark: Annotated[
        bool, typer.Option("--every-remark", help="Print each remark of loading on a line of its own.")
    ] = False,
    dot: Annotated[bool, typer.Option("--dot", help="Print the graph for Graphviz instead.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the graph into this SVG file instead.")] = None,
) -> None:
    """Print a network layer by layer: filters, geometry, output size, receptive field, parameters, memory."""
    from refvis.show import drawing
    from refvis.show.table import described
    from refvis.weights.whole_files import require_writable, write_bytes

    if svg is not None:
        require_writable(svg)
    net = load_isolated(model, size, network, {"imageSize": "--size HxW"})
    if svg is not None:
        write_bytes(svg, drawing.svg(net).encode())
        typer.echo(f"drawing: {escape_controls(str(svg))}")
    else:
        typer.echo(drawing.dot(net) if dot else described(net, parse_size(size) if size else None, every_remark))
