"""Octaves: sizes of an image from fine to coarse, all of which the network has to accept."""

from refvis.layers import ShapeError
from refvis.layers.graph.nodes import label_of
from refvis.network import Network


def octave_sizes(
    net: Network, variable: str, image: tuple[int, ...], octaves: int, ratio: float
) -> list[tuple[int, int]]:
    """Return the height and width of each octave of an image (1 x H x W x C), the largest first.

    Raises ShapeError with the largest possible number of octaves if one is too small for the variable.
    """
    cut, sizes = net.upto(variable), []
    for octave in range(octaves):
        height, width = (max(1, round(extent / ratio**octave)) for extent in image[1:3])
        try:
            cut.shapes(**{net.inputs[0]: (1, height, width, image[3])})
        except ShapeError as error:
            if not octave:
                raise
            advice = "a convolution in place of it, or octaves=1" if octave == 1 else f"at most octaves={octave}"
            raise ShapeError(
                f"{label_of(net.nodes, variable)!r} does not take octave {octave + 1} of {octaves}, which is "
                f"{height} x {width} pixels: give {advice}, a smaller ratio than {ratio:g}, or a larger image"
            ) from error
        sizes.append((height, width))
    return sizes
