"""``refvis scenes``: generated scenes as files."""

from pathlib import Path
from typing import Annotated

import typer

from refvis.layers import Array
from refvis.text.terminal import escape_controls


def scenes(
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    count: Annotated[int, typer.Option(min=1, help="Number of scenes.")] = 10,
    first: Annotated[int, typer.Option(min=0, help="Seed of the first scene.")] = 0,
) -> None:
    """Write generated scenes as PNG files, each with the mask of its object."""
    from refvis.dataset_examples.images import MASK
    from refvis.results import png
    from refvis.scenes import scene
    from refvis.weights.whole_files import require_writable_folder, write_bytes

    require_writable_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        generated = scene(number)
        name = f"{number:05d}-{generated.name}"
        write_bytes(out / f"{name}.png", png(generated.image))
        write_bytes(out / f"{name}{MASK}", _mask_png(generated.mask))
    typer.echo(f"{count} scenes and their masks are in {escape_controls(str(out))}")


def _mask_png(mask: Array) -> bytes:
    """Return a mask (H x W bool) as a PNG file of one bit per pixel."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "png")
    return buffer.getvalue()
