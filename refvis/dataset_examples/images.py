"""The images that examples are looked for in, one at a time: a folder, a sequence, or a mapping."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from refvis.images.preprocessing import ImageLike
from refvis.layers import Array
from refvis.network import Network

Images: TypeAlias = "str | Path | Sequence[ImageLike] | Mapping[str, ImageLike] | Array"
"""A folder (with its sub-folders), images in a sequence, N x H x W x 3 values 0 ... 255, or images by name."""

Numbered: TypeAlias = tuple[int, Array]
"""An image's number, and it as the network's input, 1 x H x W x C."""

MASK = "-mask.png"
"""How the name of an image's mask ends, where `refvis scenes` wrote both."""


@dataclass(frozen=True)
class Source:
    """Images by number: what each is called, and how to get it. `skipped` (name -> why) fills up with those of a folder
    that cannot be read; it is None where all must be readable. `masks` counts the folder's masks, which are no images.
    """

    names: tuple[str, ...]
    image: Callable[[int], ImageLike]
    skipped: dict[str, str] | None = field(default=None)
    masks: int = 0

    def inputs(self, net: Network) -> Iterator[Numbered]:
        """Yield each image that can be read as an input of the network, with its number."""
        for number, name in enumerate(self.names):
            try:
                x = net.preprocess(self.image(number))
            except (ValueError, OSError) as error:
                if self.skipped is None:
                    raise ValueError(f"{name}: {error}") from error
                self.skipped[name] = str(error)
            else:
                yield number, x


def source(images: Images) -> Source:
    """Return the images; ValueError where there are none, or where they can be gone through only once."""
    found = _of_folder(Path(images)) if isinstance(images, str | Path) else _of_values(images)
    if not found.names:
        raise ValueError(f"there is no image in {str(images)!r}" if found.skipped is not None else "no image was given")
    return found


def _of_folder(folder: Path) -> Source:
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is no folder: give a folder of images, or the images in a list")
    readable = Image.registered_extensions()
    every = {path for path in folder.rglob("*") if path.suffix.lower() in readable and path.is_file()}
    paths = sorted(path for path in every if not _is_mask(path, every))
    names = tuple(str(path.relative_to(folder)) for path in paths)
    return Source(names, lambda number: paths[number], {}, len(every) - len(paths))


def _is_mask(path: Path, every: set[Path]) -> bool:
    """Return whether it is a mask as `refvis scenes` writes them: NAME-mask.png beside NAME.png."""
    return path.name.endswith(MASK) and path.with_name(path.name.removesuffix(MASK) + ".png") in every


def _of_values(images: Any) -> Source:
    if isinstance(images, Mapping):
        names = tuple(map(str, images))
        keys = list(images)
        return Source(names, lambda number: images[keys[number]])
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise ValueError(f"images are looked at twice, and a {type(images).__name__} can be once: give list(images)")
    return Source(tuple(f"image {number}" for number in range(len(images))), lambda number: images[number])


def batches(inputs: Iterator[Numbered], size: int) -> Iterator[list[Numbered]]:
    """Yield successive inputs of one shape together, at most `size` of them."""
    part: list[Numbered] = []
    for number, x in inputs:
        if part and (len(part) == size or x.shape != part[0][1].shape):
            yield part
            part = []
        part.append((number, x))
    if part:
        yield part
