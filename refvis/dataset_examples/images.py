"""Images to search for examples, read one at a time: a folder, a sequence, or a mapping."""

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
"""An image's number, and the image as the network's input, 1 x H x W x C."""

MASK = "-mask.png"
"""Ending of a mask's name, as `refvis scenes` writes it."""


@dataclass(frozen=True)
class Source:
    """Images by number.

    Fields:

        names     the images' names
        image     a function that returns the image of a number
        skipped   name -> reason, filled while reading, for unreadable files of a folder; None if all must be readable
        masks     number of masks in the folder, which are not images
    """

    names: tuple[str, ...]
    image: Callable[[int], ImageLike]
    skipped: dict[str, str] | None = field(default=None)
    masks: int = 0

    def inputs(self, net: Network) -> Iterator[Numbered]:
        """Yield each readable image with its number, as an input of the network."""
        for number, name in enumerate(self.names):
            try:
                x = net.preprocess(self.image(number))
            except (ValueError, OSError) as error:
                if self.skipped is None:
                    raise ValueError(f"{name}: {error}") from error
                self.skipped[name] = str(error)
            else:
                yield number, x


def image_source(images: Images) -> Source:
    """Return the images as a `Source`; ValueError if there are none, or for an iterator, which is read only once."""
    source = _of_folder(Path(images)) if isinstance(images, str | Path) else _of_values(images)
    if not source.names:
        where = f"there is no image in {str(images)!r}" if source.skipped is not None else "no image was given"
        raise ValueError(f"{where}: give a folder of images, or images in a list")
    return source


def _of_folder(folder: Path) -> Source:
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is not a folder: give a folder of images, or images in a list")
    readable = Image.registered_extensions()
    every = {path for path in folder.rglob("*") if path.suffix.lower() in readable and path.is_file()}
    paths = sorted(path for path in every if not _is_mask(path, every))
    names = tuple(str(path.relative_to(folder)) for path in paths)
    return Source(names, lambda number: paths[number], {}, len(every) - len(paths))


def _is_mask(path: Path, every: set[Path]) -> bool:
    """Return whether the file is a mask of `refvis scenes`: NAME-mask.png beside NAME.png."""
    return path.name.endswith(MASK) and path.with_name(path.name.removesuffix(MASK) + ".png") in every


def _of_values(images: Any) -> Source:
    if isinstance(images, Mapping):
        names = tuple(map(str, images))
        keys = list(images)
        return Source(names, lambda number: images[keys[number]])
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise ValueError(f"images are read twice, but a {type(images).__name__} can be read once: give list(images)")
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
