"""``refvis ledger``: where relevance went, layer by layer."""

import typer

from refvis.commands.deconvolution import Mode, Seed
from refvis.commands.options import DEFAULT_MODEL, Image, Mean, Model, Scene, Size, loaded, subject
from refvis.commands.units import Against, At, ChannelOption, Position, chosen, note_of_sign, opposed, placed, what


def ledger(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    scene: Scene = None,
    mode: Mode = "epsilon_plus_flat",
    at: At = None,
    channel: ChannelOption = None,
    position: Position = None,
    against: Against = None,
    seed: Seed = None,
) -> None:
    """Print where relevance goes on its way back to the image: a line per layer, which add up."""
    import refvis
    from refvis.backpropagation.rules import find_mode

    find_mode(mode)
    seen = subject(image, scene)
    net = loaded(model, size, mean)
    x = net.preprocess(seen.image)
    kept = refvis.ledger(
        net,
        x,
        mode,
        at,
        chosen(net, channel, at),
        seed,
        position=placed(position),
        against=opposed(net, against, at),
    )
    typer.echo(what(net, seen.name, at, kept.record.parameters["channel"]))
    typer.echo(kept)
    if kept.record.parameters["seed"] == "activation":
        note_of_sign(sum(kept.seeds.values()), mode)
