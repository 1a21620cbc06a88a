"""Options that several commands share, and what they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from refvis import loading
from refvis.commands.notes import note
from refvis.images.preprocessing import ImageLike
from refvis.layers import Array
from refvis.layers.base.geometry import integers
from refvis.network import Network
from refvis.text.escape import printable

DEFAULT_MODEL = "scenes"
DEFAULT_SCENE = 7

Image = Annotated[Path | None, typer.Argument(help="The image; without one, a generated scene.")]
Model = Annotated[str, typer.Option("--model", "-m", help="A MatConvNet .mat file, or the name of a bundled network.")]
Size = Annotated[str | None, typer.Option(help="Input size HxW, where the model does not say it (or another).")]
Mean = Annotated[Path | None, typer.Option(help="Average image to subtract: .npy, H x W x C or C values 0 ... 255.")]
Scene = Annotated[int | None, typer.Option(min=0, help="Seed of the scene, if no IMAGE is given.")]


@dataclass(frozen=True)
class Subject:
    """The image of a command and what to call it; `mask` is its object's (H x W bool), where that is known."""

    image: ImageLike
    name: str
    mask: Array | None = None


def subject(image: Path | None, scene: int | None) -> Subject:
    """Return the image that was given, or else the scene of that seed."""
    if image is not None:
        if scene is not None:
            raise ValueError("give an IMAGE or --scene, not both")
        return Subject(image, image.name)
    from refvis import scenes

    seed = DEFAULT_SCENE if scene is None else scene
    made = scenes.scene(seed)
    return Subject(made.image, f"scene {seed} ({made.name})", made.mask)


def loaded(model: str, size: str | None, mean: Path | None, size_option: str = "--size") -> Network:
    """Return the network with the preprocessing asked for; what is still missing is noted on standard error."""
    options = {"averageImage": "--mean FILE.npy", "imageSize": f"{size_option} HxW"}
    net = advised(loading.load(model, isolate=True), options)
    average = None if mean is None else _average(mean)
    net = net.with_images(numbers(size)[:2] if size else None, average)  # type: ignore[arg-type]
    for remark in net.load_report:
        if remark.kind == "warning":
            note(str(remark))
    return net


def advised(net: Network, options: Mapping[str, str]) -> Network:
    """Return the network with options of the command line as its remarks' advice, in place of Python's."""
    report = (
        replace(one, advice=options.get(one.place.rpartition(".")[2], "")) if one.advice else one
        for one in net.load_report
    )
    return replace(net, load_report=tuple(report))


def numbers(size: str, option: str = "--size", lengths: tuple[int, ...] = (2, 3)) -> tuple[int, ...]:
    """Return the numbers of a size, two or three as in HxW or HxWxC; ValueError for anything else."""
    parts = [int(part) if part.strip().isdigit() else part for part in size.lower().split("x")]
    return integers(parts, option, lengths, 1)


def print_classes(classes: tuple[tuple[str, float], ...]) -> None:
    """Print labels with their probabilities, a line each."""
    for label, probability in classes:
        typer.echo(f"{100 * probability:6.2f} %  {printable(label)}")


def _average(path: Path) -> Array:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False).astype("float32")
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no .npy file of numbers: {error}") from None
