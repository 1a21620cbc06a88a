"""``refvis invert``: an image with the code of the given one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from refvis.commands.notes import note
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
from refvis.commands.outputs import check_output
from refvis.commands.reconstructions import Checkpoint, Seed, Starts, print_image_path
from refvis.interruptions import suppress_interruption_warnings
from refvis.results import Reconstruction
from refvis.text.terminal import escape_controls

Layer = Annotated[
    str | None,
    typer.Option("--at", "--layer", help="Layer or variable to invert. Default: the last one with positions."),
]
Natural = Annotated[
    bool, typer.Option("--natural", help="Natural pre-image: use the regularisers of Mahendran & Vedaldi 2016.")
]
Weight = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Weight of total variation (default 1). With --natural, weight of the code (default 300; larger values "
        "stay closer to it).",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="File to write: .png or .h5 (image, history, measures, record).")
]


def invert(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    scale_input: ScaleInput = None,
    crop: Crop = False,
    network: NetworkName = None,
    scene: Scene = None,
    at: Layer = None,
    natural: Natural = False,
    weight: Weight = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Iterations. Default: 200, with --natural 350.")] = None,
    starts: Starts = 1,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Out = Path("inversion.png"),
) -> None:
    """Find an image whose code at a layer is that of the given image. Ctrl-C writes the best image so far."""
    import refvis

    check_output(out)
    subject = load_subject(image, scene)
    net = load_network(model, size, mean, std=std, scale_input=scale_input, network=network, crop=crop)
    options: dict[str, Any] = {"starts": starts, "seed": seed, "checkpoint": checkpoint, "progress": True}
    options |= {} if steps is None else {"steps": steps}
    if weight is not None:
        options["weight" if natural else "tv_weight"] = weight
    method = refvis.natural_preimage if natural else refvis.inversion
    with suppress_interruption_warnings():
        inversion = method(net, net.preprocess(subject.image), at, **options)
    inversion.save(out)
    typer.echo(escape_controls(f"{subject.name}, inverted from {inversion.record.explained}"))
    typer.echo(f"error: {100 * float(inversion.measures['norm'][0]):.2f} % of the code's squared norm")
    if inversion.failed:
        _note_failure(inversion, "larger" if natural else "smaller")
    print_image_path(inversion, out)


def _note_failure(inversion: Reconstruction, weight: str) -> None:
    start = 100 * float(inversion.measures["norm_of_start"][0])
    text = f"the search failed: it started at {start:.2f} % and ended above half of that, far from the code"
    advice = f"try another --seed, more --starts or --steps, or a {weight} --weight"
    note(f"{text}; {advice}")
