"""The command line: ``refvis explain``, ``show``, ``classify``, ``scenes``. Errors are one line, and exit code 2."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from refvis import loading
from refvis.layers import Array
from refvis.layers.geometry import integers
from refvis.network import Network
from refvis.printable import printable
from refvis.version import __version__

app = typer.Typer(
    help="See what a convolutional network has learned: an auditable reference.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[str, typer.Option("--model", "-m", help="A MatConvNet .mat file, or the name of a bundled network.")]
DEFAULT_MODEL = "scenes"
DEFAULT_SCENE = 7


Size = Annotated[str | None, typer.Option(help="Input size HxW, where the model does not say it (or another).")]
Mean = Annotated[Path | None, typer.Option(help="Average image to subtract: .npy, H x W x C or C values 0 ... 255.")]


@app.callback(invoke_without_command=True)
def version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """See what a convolutional network has learned: an auditable reference."""
    if version:
        typer.echo(f"refvis {__version__}")
        raise typer.Exit


@app.command()
def explain(
    image: Annotated[Path | None, typer.Argument(help="The image; without one, a generated scene.")] = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and the arrays.")] = Path(
        "refvis-report"
    ),
    scene: Annotated[int | None, typer.Option(min=0, help="Seed of the scene, if no IMAGE is given.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each inversion.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
) -> None:
    """Explain what the network sees in an image: one page with a picture per method, and the arrays behind it."""
    from refvis import report, scenes

    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file, expected a folder: choose another --out")
    if image is not None and scene is not None:
        raise ValueError("give an IMAGE or --scene, not both")
    net = _loaded(model, size, mean)
    if image is None:
        scene = DEFAULT_SCENE if scene is None else scene
        made = scenes.scene(scene)
        mask = made.mask if net.input_size in (None, made.mask.shape) else None
        explained = report.explain(net, made.image, f"scene {scene} ({made.name})", mask, steps, seed, progress=True)
    else:
        explained = report.explain(net, image, image.name, None, steps, seed, progress=True)
    out.mkdir(parents=True, exist_ok=True)
    report.write_arrays(explained, out / "explanation.h5")
    report.write_page(explained, out / "explanation.html")
    _print_classes(explained.classes)
    typer.echo(f"page:   {printable(str(out / 'explanation.html'))}")
    typer.echo(f"arrays: {printable(str(out / 'explanation.h5'))}")


@app.command()
def classify(
    images: Annotated[list[Path], typer.Argument(help="One or more images.")],
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    top: Annotated[int, typer.Option(min=1, help="How many classes to print.")] = 5,
) -> None:
    """Print the most probable classes of each image."""
    net = _loaded(model, size, mean)
    for path in images:
        if len(images) > 1:
            typer.echo(f"{printable(path.name)}:")
        _print_classes(tuple(net.classify(path, top)))


@app.command()
def show(
    model: Annotated[
        str, typer.Argument(help="A MatConvNet .mat file, or the name of a bundled network.")
    ] = DEFAULT_MODEL,
    size: Annotated[str | None, typer.Option(help="Input size, HxW or HxWxC, where the model does not say it.")] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Print the graph for Graphviz instead.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the graph into this SVG file instead.")] = None,
) -> None:
    """Print a network layer by layer: filters, geometry, output size, receptive field, parameters, memory."""
    from refvis import drawing
    from refvis.files import write_whole
    from refvis.show import described

    net = loading.load(model, isolate=True)
    if svg is not None:
        write_whole(svg, lambda part: _write(part, drawing.svg(net).encode()))
        typer.echo(f"drawing: {printable(str(svg))}")
    else:
        typer.echo(drawing.dot(net) if dot else described(net, _size(size) if size else None))


@app.command()
def scenes(
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    count: Annotated[int, typer.Option(min=1, help="How many scenes.")] = 10,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first scene.")] = 0,
) -> None:
    """Write generated scenes as PNG files, each with the mask of its object."""
    from PIL import Image

    from refvis.files import write_whole
    from refvis.results import png
    from refvis.scenes import scene

    out.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        made = scene(number)
        name = f"{number:05d}-{made.name}"
        write_whole(out / f"{name}.png", lambda part, made=made: _write(part, png(made.image)))  # type: ignore[misc]
        write_whole(out / f"{name}-mask.png", lambda part, made=made: Image.fromarray(made.mask).save(part))  # type: ignore[misc]
    typer.echo(f"{count} scenes and their masks are in {printable(str(out))}")


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _loaded(model: str, size: str | None, mean: Path | None) -> Network:
    """Return the network with the preprocessing asked for; what is still missing is noted on standard error."""
    net = loading.load(model, isolate=True)
    average = None if mean is None else _average(mean)
    net = net.with_images(_size(size)[:2] if size else None, average)  # type: ignore[arg-type]
    for remark in net.load_report:
        if remark.kind == "warning":
            print(f"refvis: note: {printable(str(remark))}", file=sys.stderr)
    return net


def _average(path: Path) -> Array:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False).astype("float32")
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no .npy file of numbers: {error}") from None


def _print_classes(classes: tuple[tuple[str, float], ...]) -> None:
    for label, probability in classes:
        typer.echo(f"{100 * probability:6.2f} %  {printable(label)}")


def _size(text: str) -> tuple[int, ...]:
    parts = [int(part) if part.strip().isdigit() else part for part in text.lower().split("x")]
    return integers(parts, "--size", (2, 3), 1)


def main() -> None:
    """Run the command line; print an error that is the user's to mend as one line, and exit with 2."""
    try:
        app()
    except (ValueError, OSError, MemoryError) as error:
        text = str(error) or type(error).__name__
        print(f"refvis: error: {printable(text)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("refvis: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
