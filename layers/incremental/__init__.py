"""Forward passes of an image with changed boxes: only what a box can influence is computed again."""

from collections.abc import Iterator, Sequence

from refvis.layers.base.arrays import Array
from refvis.layers.base.exactness import fastest
from refvis.layers.base.limits import MEMORY
from refvis.layers.graph.network import Graph
from refvis.layers.graph.trace import Trace
from refvis.layers.incremental import full_passes
from refvis.layers.incremental.full_passes import MOST, Content
from refvis.layers.incremental.plan import Plan
from refvis.layers.incremental.rectangles import Rectangle

__all__ = ["Plan", "forward_changes"]


def forward_changes(
    graph: Graph,
    trace: Trace,
    boxes: Sequence[Rectangle],
    content: Content,
    limit: int = MEMORY,
    most: int = MOST,
    source: str | None = None,
) -> Iterator[tuple[list[int], Array]]:
    """Yield (numbers of boxes, the network's output for each, B x H x W x C), in batches, until all boxes are done.

    It computes what a box can influence (`plan.py`); inside `exact`, everything (`full_passes.py`). The order of the
    boxes may differ.

    Parameters:

        graph     the network, with one output
        trace     its forward pass of one image
        boxes     ((top, bottom), (left, right)) in pixels of `source`; bottom and right are the first ones outside
        content   ``content(n)`` returns what stands in box n: h x w x C, or what broadcasts to it
        limit     approximate bytes of one batch. Default: 512 MB
        most      the largest batch. Default 64; it is 1 where layers mix images
        source    the variable that has the boxes. Default: the first input

    Raises ValueError for several outputs, ShapeError for contents that do not fit.

    >>> import numpy as np
    >>> from refvis import layers
    >>> net = layers.Graph(layers.chain({"fc1": layers.FullyConnected(np.array([[1.0, 10.0, 100.0]]))}))
    >>> trace, boxes = net.forward(np.ones((1, 1, 3, 1))), [((0, 1), (0, 1)), ((0, 1), (1, 3))]
    >>> for numbers, outputs in layers.incremental.forward_changes(net, trace, boxes, lambda n: np.zeros(1)):
    ...     print(numbers, outputs.ravel())
    [0, 1] [110.   1.]
    """
    return fastest(full_passes.forward_changes)(graph, trace, boxes, content, limit, most, source)
