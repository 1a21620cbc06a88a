"""Options that say what is explained, and what they stand for."""

from typing import Annotated, Any

import typer

from refvis.commands.notes import note
from refvis.layers.modes.tables import is_relevance
from refvis.network import Network
from refvis.results import Heatmap
from refvis.text.escape import printable
from refvis.units import numbered

At = Annotated[str | None, typer.Option(help="Layer or variable to explain; the scores, if left out.")]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", help="Its channel, from 0, or a class's name, or 'all'; else the strongest.")
]
One = Annotated[str | None, typer.Option("--channel", help="One channel, from 0, or a class's name.")]
Position = Annotated[str | None, typer.Option(help="One position Y,X of the channel's map; all, if left out.")]
Against = Annotated[str | None, typer.Option(help="A channel whose map is subtracted.")]


def chosen(net: Network, text: str | None, at: str | None) -> int | str | None:
    """Return the number of the channel that was asked for, "all", or None for none."""
    return text if text is None or text == "all" else channel_number(net, text, at)


def opposed(net: Network, text: str | None, at: str | None) -> int | None:
    """Return the number of the channel that is subtracted, or None for none."""
    return None if text is None else channel_number(net, text, at)


def channel_number(net: Network, text: str, at: str | None) -> int:
    """Return the number of a channel, given by number or by its class; ValueError for unknown classes."""
    if text.removeprefix("-").isdecimal():
        return int(text)
    return numbered(text, net.labels_at(net.scores if at is None else net.variable(at)))


def what(net: Network, name: str, at: str | None, channel: Any) -> str:
    """Return a line for the terminal: the image's name, and the class that is explained, if it is one."""
    label = f": {net.label(channel)}" if at is None and channel != "all" else ""
    return printable(f"{name}{label}")


def told(name: str, found: Heatmap) -> str:
    """Return a line for the terminal: the image's name, what is explained, and its value."""
    return printable(f"{name}: {found.record.explained}, value {found.measures['score'][0]:.4g}")


def note_of_sign(value: float, mode: str) -> None:
    """Note on standard error that relevance of a negative value has its signs turned."""
    if value < 0 and is_relevance(mode):
        note(f"the value is {value:.4g}: for and against swap")


def placed(text: str | None) -> tuple[int, int] | None:
    """Return the position that "Y,X" stands for; ValueError for anything else."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"--position is {text!r}, expected two whole numbers Y,X such as 3,5")
    return int(parts[0]), int(parts[1])
