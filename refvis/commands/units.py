"""Options that name the explained unit: layer, channel, position and the channel to compare with."""

from typing import Annotated, Any

import typer

from refvis.commands.notes import note
from refvis.layers.graph.nodes import label_of
from refvis.layers.modes import is_relevance
from refvis.network import Network
from refvis.results import Heatmap
from refvis.text.terminal import escape_controls
from refvis.units import channel_number

At = Annotated[str | None, typer.Option(help="Layer or variable to explain. Default: the scores.")]
ChannelOption = Annotated[
    str | None,
    typer.Option(
        "--channel", help="Channel to explain: a number from 0, a class's name, or 'all'. Default: the strongest."
    ),
]
One = Annotated[str | None, typer.Option("--channel", help="A channel: a number from 0, or a class's name.")]
Position = Annotated[str | None, typer.Option(help="One position Y,X of the channel's map. Default: all positions.")]
Against = Annotated[str | None, typer.Option(help="A channel or class whose map is subtracted.")]


def parse_channel(net: Network, text: str | None, at: str | None) -> int | str | None:
    """Return the number of the channel that `text` names; "all" and None as they are."""
    return text if text is None or text == "all" else parse_channel_number(net, text, at)


def parse_against(net: Network, text: str | None, at: str | None) -> int | None:
    """Return the number of the channel to subtract, or None."""
    return None if text is None else parse_channel_number(net, text, at)


def parse_channel_number(net: Network, text: str, at: str | None) -> int:
    """Return the number of a channel, given by number or by its class; ValueError for an unknown class."""
    if text.removeprefix("-").isdecimal():
        return int(text)
    return channel_number(text, net.labels_at(net.scores if at is None else net.variable(at)))


def parse_position(text: str | None) -> tuple[int, int] | None:
    """Return the position that "Y,X" stands for; ValueError for any other text."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"--position is {text!r}, expected two whole numbers Y,X such as 3,5")
    return int(parts[0]), int(parts[1])


def subject_line(net: Network, name: str, variable: str, channel: Any) -> str:
    """Return the image's name, and the class or channel (a number, or "all") of a variable, as a line."""
    if channel == "all":
        return escape_controls(f"{name}: all channels of {label_of(net.nodes, variable)}")
    return escape_controls(f"{name}: {net.channel_name(variable, channel)}")


def value_line(name: str, heatmap: Heatmap) -> str:
    """Return the image's name, what is explained, and its value as a line."""
    return escape_controls(f"{name}: {heatmap.record.explained}, value {heatmap.measures['score'][0]:.4g}")


def note_negative_value(value: float, mode: str) -> None:
    """Note on standard error that the relevance of a negative value has the opposite signs."""
    if value < 0 and is_relevance(mode):
        note(f"the value is {value:.4g}, below zero: for and against swap their signs")
