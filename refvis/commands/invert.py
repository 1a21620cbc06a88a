"""``refvis invert``: an image that a layer takes for the given one."""

from pathlib import Path
from typing import Annotated, Any

import typer

from refvis.commands.notes import note
from refvis.commands.options import DEFAULT_MODEL, Image, Mean, Model, Scene, Size, loaded, subject
from refvis.commands.reconstructions import Checkpoint, Seed, Starts, announced, written_as
from refvis.interruptions import told_elsewhere
from refvis.results import Reconstruction
from refvis.text.escape import printable

Layer = Annotated[str | None, typer.Option("--at", "--layer", help="Layer or variable; the last with positions.")]
Natural = Annotated[bool, typer.Option("--natural", help="With the regularisers of 2016: a natural pre-image.")]
Weight = Annotated[
    float | None,
    typer.Option(min=0, help="Of total variation (default 1); with --natural, of the code (default 300: close to it)."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="A .png, or an .h5 file (image, history, measures, record).")]


def invert(
    image: Image = None,
    model: Model = DEFAULT_MODEL,
    size: Size = None,
    mean: Mean = None,
    scene: Scene = None,
    at: Layer = None,
    natural: Natural = False,
    weight: Weight = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Steps; 200, with --natural 350.")] = None,
    starts: Starts = 1,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    out: Out = Path("inversion.png"),
) -> None:
    """Find an image with the code that the given one has at a layer. Ctrl-C writes the best one so far."""
    import refvis

    written_as(out)
    seen = subject(image, scene)
    net = loaded(model, size, mean)
    options: dict[str, Any] = {"starts": starts, "seed": seed, "checkpoint": checkpoint, "progress": True}
    options |= {} if steps is None else {"steps": steps}
    if weight is not None:
        options["weight" if natural else "tv_weight"] = weight
    method = refvis.natural_preimage if natural else refvis.inversion
    with told_elsewhere():
        found = method(net, net.preprocess(seen.image), at, **options)
    found.save(out)
    typer.echo(printable(f"{seen.name}, inverted from {found.record.explained}"))
    typer.echo(f"error: {100 * float(found.measures['norm'][0]):.2f} % of the code's squared norm")
    if found.failed:
        _said_to_have_failed(found, "larger" if natural else "smaller")
    announced(found, out)


def _said_to_have_failed(found: Reconstruction, weight: str) -> None:
    start = 100 * float(found.measures["norm_of_start"][0])
    text = f"the search failed: it began at {start:.2f} % and ended above half of that, far from the code"
    advice = f"try another --seed, more --starts or --steps, or a {weight} --weight"
    note(f"{text}; {advice}")
