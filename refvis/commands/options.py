"""Options that several commands share: the image, the model and its preprocessing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from refvis import loading
from refvis.commands.average_files import read_average
from refvis.commands.notes import note
from refvis.images.preprocessing import ImageLike
from refvis.layers import Array
from refvis.layers.base.geometry import integers
from refvis.network import Network
from refvis.text.terminal import escape_controls
from refvis.weights import LoadReport
from refvis.weights.onnx.file import INSTALL, is_onnx

DEFAULT_MODEL = "scenes"
DEFAULT_SCENE = 7

Image = Annotated[Path | None, typer.Argument(help="An image file. Default: a generated scene.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A MatConvNet .mat file, an ONNX file, or the name of a bundled network.")
]
Size = Annotated[str | None, typer.Option(help="Input size HxW. Default: the size stored in the model.")]
Mean = Annotated[
    Path | None,
    typer.Option(
        help="Average image to subtract: a .npy file, H x W x C or one value per channel, 0 ... 255; or a .mat file "
        "that holds it, such as an imdb.mat. Default: the one stored in the model."
    ),
]
ScaleInput = Annotated[
    str | None,
    typer.Option(
        help="Factor of pixels 0 ... 255 before the average is subtracted, such as 1/255. "
        "Default: that of the model, or 1."
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        help="Standard deviations to divide by after the average is subtracted: one number, or one per channel, "
        "A,B,C. Default: those of the model, or none."
    ),
]
Crop = Annotated[
    bool,
    typer.Option(
        "--crop",
        help="Cut out the centre of the image first, by the model's cropSize and keepAspect, as MatConvNet's "
        "evaluation does. Default: that of the model, or the whole image.",
    ),
]
NetworkName = Annotated[
    str | None,
    typer.Option(help="Which of several networks in the file, such as netD or nets{3}. Default: the only one."),
]
Scene = Annotated[
    int | None,
    typer.Option(min=0, help=f"Seed of the generated scene, if no IMAGE is given. Default: {DEFAULT_SCENE}."),
]


@dataclass(frozen=True)
class Subject:
    """The image of a command and its name; `mask` is the object's (H x W bool), if it is known."""

    image: ImageLike
    name: str
    mask: Array | None = None


def load_subject(image: Path | None, scene: int | None) -> Subject:
    """Return the given image, or else the scene of that seed; ValueError if both are given."""
    if image is not None:
        if scene is not None:
            raise ValueError("give an IMAGE or --scene, not both")
        return Subject(image, image.name)
    from refvis import scenes

    seed = DEFAULT_SCENE if scene is None else scene
    generated = scenes.scene(seed)
    return Subject(generated.image, f"scene {seed} ({generated.name})", generated.mask)


def load_network(
    model: str,
    size: str | None,
    mean: Path | None,
    size_option: str = "--size",
    *,
    std: str | None = None,
    scale_input: str | None = None,
    network: str | None = None,
    crop: bool = False,
) -> Network:
    """Return the network with the given preprocessing; note on standard error what is still missing."""
    options = {
        "averageImage": "--mean FILE.npy",
        "imageSize": f"{size_option} HxW",
        "imageFactor": "--scale-input FACTOR",
        "cropSize": "--crop",
        "keepAspect": "--crop",
    }
    net = load_isolated(model, size, network, options)
    average = None if mean is None else read_average(mean)
    net = net.with_images(
        parse_size(size)[:2] if size else None,  # type: ignore[arg-type]
        average,
        factor=None if scale_input is None else parse_number(scale_input, "--scale-input"),
        std=None if std is None else parse_numbers(std, "--std"),
        crop=crop or None,
    )
    for group in LoadReport(net.load_report).warnings.groups():
        note(str(group))
    return net


def load_isolated(model: str, size: str | None, network: str | None, options: Mapping[str, str]) -> Network:
    """Return the network in a file that is read in a child process; remarks advise the `options`.

    `size` is the input's, HxW, for ONNX files that leave it open.
    """
    height_width = parse_size(size)[:2] if size and is_onnx(model) else None
    try:
        net = loading.load(model, isolate=True, network=network, size=height_width)  # type: ignore[arg-type]
    except ModuleNotFoundError as error:
        if str(error) == INSTALL:  # the user can fix that
            raise ValueError(INSTALL) from error
        raise
    return with_option_advice(net, options)


def with_option_advice(net: Network, options: Mapping[str, str]) -> Network:
    """Return the network with remarks that advise options of the command line instead of Python calls."""
    report = (
        replace(one, advice=options.get(one.place.rpartition(".")[2], "")) if one.advice else one
        for one in net.load_report
    )
    return replace(net, load_report=LoadReport(report))


def parse_size(size: str, option: str = "--size", lengths: tuple[int, ...] = (2, 3)) -> tuple[int, ...]:
    """Return the numbers in a size such as HxW or HxWxC; ValueError unless there are as many as `lengths` allows."""
    parts = [int(part) if part.strip().isdigit() else part for part in size.lower().split("x")]
    return integers(parts, option, lengths, 1)


def print_classes(classes: tuple[tuple[str, float], ...]) -> None:
    """Print labels with their probabilities, one per line."""
    for label, probability in classes:
        typer.echo(f"{100 * probability:6.2f} %  {escape_controls(label)}")


def print_no_classes(reason: str) -> None:
    """Print that no classes are listed, and why."""
    typer.echo(escape_controls(f"no classes are listed: {reason}"))


def parse_number(text: str, option: str) -> float:
    """Return a positive number or fraction; ValueError for anything else."""
    return _positive_numbers([text], text, option, "a positive number, such as 1/255")[0]


def parse_numbers(text: str, option: str) -> list[float]:
    """Return numbers or fractions, separated by commas; ValueError unless all are positive."""
    return _positive_numbers(text.split(","), text, option, "positive numbers, such as 58,57,57")


def _positive_numbers(parts: list[str], text: str, option: str, expected: str) -> list[float]:
    """Return the parts of an option's text as numbers; ValueError with what is expected unless all are positive."""
    try:
        numbers = [float(Fraction(part.strip())) for part in parts]
    except (ValueError, ZeroDivisionError, OverflowError):
        numbers = []
    if not numbers or min(numbers) <= 0:
        raise ValueError(f"{option} is {text!r}, expected {expected}")
    return numbers
