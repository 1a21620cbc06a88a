"""``refvis ledger``: the relevance that each layer kept, as a table."""

import typer

from refvis.commands.deconvolution import Mode, Seed
from refvis.commands.options import (
    DEFAULT_MODEL,
    Crop,
    Image,
    Mean,
    Model,
    NetworkName,
    ScaleInput,
    Scene,
    Size,
    Std,
    load_network,
    load_subject,
)
from refvis.commands.units import (
    Against,
    At,
    ChannelOption,
    Position,
    note_negative_value,
    parse_against,
    parse_channel,
    parse_position,
    subject_line,
)


def ledger(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    scene: Scene = None,
    mode: Mode = "epsilon_plus_flat",
    at: At = None,
    channel: ChannelOption = None,
    position: Position = None,
    against: Against = None,
    seed: Seed = None,
) -> None:
    """Print the amounts of relevance that layers kept on the way to the image; with the inputs they add up."""
    import refvis
    from refvis.backpropagation.rules import find_mode

    find_mode(mode)
    subject = load_subject(image, scene)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    x = net.preprocess(subject.image)
    book = refvis.ledger(
        net,
        x,
        mode,
        at,
        parse_channel(net, channel, at),
        seed,
        position=parse_position(position),
        against=parse_against(net, against, at),
    )
    explained = book.record.parameters
    typer.echo(subject_line(net, subject.name, explained["at"], explained["channel"]))
    typer.echo(book)
    if book.record.parameters["seed"] == "activation":
        note_negative_value(sum(book.seeds.values()), mode)
