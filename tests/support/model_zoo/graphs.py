"""The DagNN models: GoogLeNet, ResNet-50, FCN-8s, and Fast R-CNN.

They came from Caffe, where a ReLU writes over what it reads; the import gave each such variable one more x at its end.
References: Szegedy et al. 2015 (without the two classifiers at the side, which serve training only); He et al. 2016;
Long et al. 2015; Girshick 2015.
"""

from typing import Any

from support.model_zoo import chains
from support.model_zoo.parts import CEIL, Maker

import refvis
from refvis.layers import LRN, Concat, Crop, Node, Pool, ReLU, ROIPool, Softmax, Sum


class Nodes(list[Node]):
    """Nodes in the making; each method returns the variable that it wrote."""

    def add(self, name: str, layer: Any, *inputs: str, output: str = "") -> str:
        """Add a layer, whose variable has its name unless said otherwise."""
        self.append(Node(name, layer, inputs, output or name))
        return output or name

    def relu(self, name: str, x: str) -> str:
        """Add a ReLU that works in place in Caffe."""
        return self.add(name, ReLU(), x, output=x + "x")

    def table(self, make: Maker, rows: list[chains.Row], x: str) -> str:
        """Add the layers of a table for chains."""
        for name, layer in chains.layers(make, rows).items():
            x = self.relu(name, x) if isinstance(layer, ReLU) else self.add(name, layer, x)
        return x


INCEPTION = {
    "1": ("pool2", "icp2_in", 192, 64, 96, 128, 16, 32, 32),
    "2": ("icp2_in", "icp2_out", 256, 128, 128, 192, 32, 96, 64),
    "3": ("icp3_in", "icp3_out", 480, 192, 96, 208, 16, 48, 64),
    "4": ("icp3_out", "icp5_in", 512, 160, 112, 224, 24, 64, 64),
    "5": ("icp5_in", "icp6_in", 512, 128, 128, 256, 24, 64, 64),
    "6": ("icp6_in", "icp6_out", 512, 112, 144, 288, 32, 64, 64),
    "7": ("icp6_out", "icp7_out", 528, 256, 160, 320, 32, 128, 128),
    "8": ("icp8_in", "icp9_in", 832, 256, 160, 320, 32, 128, 128),
    "9": ("icp9_in", "icp9_out", 832, 384, 192, 384, 48, 128, 128),
}
"""Module: reads, writes, channels below, 1 x 1, 3 x 3 reduced, 3 x 3, 5 x 5 reduced, 5 x 5, behind the pool."""


def googlenet(make: Maker) -> refvis.Network:
    """Return GoogLeNet: nine modules of four branches."""
    nodes = Nodes()
    conv1 = nodes.relu("relu1", nodes.add("conv1", make.conv(64, 7, 3, 2, 3), "data"))
    norm1 = nodes.add("norm1", LRN(5, 1, 2e-5, 0.75), nodes.add("pool1", Pool(3, 2, CEIL), conv1))
    reduction2 = nodes.relu("relu_reduction2", nodes.add("reduction2", make.conv(64, 1, 64), norm1))
    conv2 = nodes.relu("relu2", nodes.add("conv2", make.conv(192, 3, 64, 1, 1), reduction2))
    nodes.add("pool2", Pool(3, 2, CEIL), nodes.add("norm2", LRN(5, 1, 2e-5, 0.75), conv2))
    for number, (x, y, *counts) in INCEPTION.items():
        inception(nodes, make, f"icp{number}", x, y, *counts)
        if y in ("icp2_out", "icp7_out"):
            nodes.add(f"icp{int(number) + 1}_in", Pool(3, 2, CEIL), y)
    pooled = nodes.add("cls3_pool", Pool(7, 1, 0, "avg"), "icp9_out")
    nodes.add("softmax", Softmax(), nodes.add("cls3_fc", make.conv(1000, 1, 1024), pooled))
    return refvis.Network(nodes, meta=make.meta(224, 1000, border=32), name="imagenet-googlenet-dag")


def inception(nodes: Nodes, make: Maker, name: str, x: str, y: str, depth: int, *counts: int) -> None:
    """Add a module: 1 x 1, 3 x 3 and 5 x 5 filters and a pool side by side."""
    one, three_reduced, three, five_reduced, five, behind = counts

    def conv(part: str, source: str, *numbers: int) -> str:
        return nodes.relu(f"relu_{name}_{part}", nodes.add(f"{name}_{part}", make.conv(*numbers), source))

    reduction1 = conv("reduction1", x, three_reduced, 1, depth)
    reduction2 = conv("reduction2", x, five_reduced, 1, depth)
    pool = nodes.add(f"{name}_pool", Pool(3, 1, 1), x)
    nodes.add(
        y,
        Concat(),
        conv("out0", x, one, 1, depth),
        conv("out1", reduction1, three, 3, three_reduced, 1, 1),
        conv("out2", reduction2, five, 5, five_reduced, 1, 2),
        conv("out3", pool, behind, 1, depth),
    )


def resnet_50(make: Maker) -> refvis.Network:
    """Return ResNet-50; its first convolution has biases, although a batch normalisation follows (as in Caffe)."""
    nodes = Nodes()
    conv1 = nodes.add("conv1", make.conv(64, 7, 3, 2, 3), "data")
    x = nodes.add("conv1_relu", ReLU(), normalised(nodes, make, "conv1", "_conv1", 64, conv1), output="conv1xxx")
    x, depth = nodes.add("pool1", Pool(3, 2, CEIL), x), 64
    for stage, (count, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for letter in "abcdef"[:count]:
            stride = 2 if letter == "a" and stage > 2 else 1
            x = residual(nodes, make, f"{stage}{letter}", x, inner, depth, stride)
            depth = 4 * inner
    pool5 = nodes.add("pool5", Pool(7, 1, 0, "avg"), x)
    nodes.add("prob", Softmax(), nodes.add("fc1000", make.conv(1000, 1, 2048), pool5))
    return refvis.Network(nodes, meta=make.meta(224, 1000, "image", 32), name="imagenet-resnet-50-dag")


def residual(nodes: Nodes, make: Maker, name: str, x: str, inner: int, depth: int, stride: int) -> str:
    """Add a block: 1 x 1, 3 x 3, 1 x 1 filters, and what went in (by 1 x 1 filters in a stage's first block)."""
    shortcut = x
    if name.endswith("a"):
        conv = nodes.add(f"res{name}_branch1", make.conv(4 * inner, 1, depth, stride, 0, False), x)
        shortcut = normalised(nodes, make, conv, f"{name}_branch1", 4 * inner, conv)
    branch = f"{name}_branch2"
    for letter, (count, size, below, step) in {
        "a": (inner, 1, depth, stride),
        "b": (inner, 3, inner, 1),
        "c": (4 * inner, 1, inner, 1),
    }.items():
        conv = nodes.add(f"res{branch}{letter}", make.conv(count, size, below, step, size // 2, False), x)
        x = normalised(nodes, make, conv, f"{branch}{letter}", count, conv)
        if letter != "c":
            x = nodes.add(f"res{branch}{letter}_relu", ReLU(), x, output=f"{conv}xxx")
    return nodes.relu(f"res{name}_relu", nodes.add(f"res{name}", Sum(), shortcut, x))


def normalised(nodes: Nodes, make: Maker, conv: str, name: str, channels: int, x: str) -> str:
    """Add a batch normalisation; Caffe's scale layer behind it was made one with it."""
    return nodes.add(f"bn{name}", make.batch_norm(channels), x, output=f"{conv}x")


def fcn_8s(make: Maker) -> refvis.Network:
    """Return FCN-8s: VGG-16 with a border of 100, whose scores at three scales are upsampled, cropped and added up."""
    nodes = Nodes()
    rows = [(*row[:6], 100) if row[1] == "1_1" else row for row in chains.DEEP_16]
    fc7 = nodes.table(make, rows + chains.fc(7, 512)[:2], "data")
    score2 = nodes.add("score2", make.upsampling(4, 2, 21), nodes.add("score_fr", make.conv(21, 1, 4096), fc7))
    pool4 = nodes.add("score_pool4", make.conv(21, 1, 512), "pool4")
    fused = nodes.add("score_fused", Sum(), score2, nodes.add("score_pool4c", Crop(5), pool4, score2))
    score4 = nodes.add("score4", make.upsampling(4, 2, 21), fused)
    pool3 = nodes.add("score_pool3", make.conv(21, 1, 256), "pool3")
    final = nodes.add("score_final", Sum(), score4, nodes.add("score_pool3c", Crop(9), pool3, score4))
    nodes.add("upscore", Crop(31), nodes.add("bigscore", make.upsampling(16, 8, 21), final), "data")
    return refvis.Network(nodes, meta=make.meta(500, 21), name="pascal-fcn8s-dag")


def fast_rcnn(make: Maker, rows: list[chains.Row], size: int, hidden: int, name: str) -> refvis.Network:
    """Return a detector: the layers of a table, regions pooled to size x size, and two heads."""
    nodes = Nodes()
    features = nodes.table(make, rows[:-1], "data")
    pooled = nodes.add("roi_pool5", ROIPool(size, "max", 1 / 16), features, "rois")
    top = nodes.table(make, chains.fc(size, 512, hidden=hidden)[:2], pooled)
    nodes.add("cls_prob", Softmax(), nodes.add("cls_score", make.conv(21, 1, hidden), top))
    nodes.add("bbox_pred", make.conv(84, 1, hidden), top)
    return refvis.Network(nodes, meta=make.meta(600, 21), name=name)


def fast_rcnn_m(make: Maker) -> refvis.Network:
    return fast_rcnn(make, chains.MEDIUM, 6, 1024, "fast-rcnn-vggm1k-pascal07-dagnn")


def fast_rcnn_16(make: Maker) -> refvis.Network:
    return fast_rcnn(make, chains.DEEP_16, 7, 4096, "fast-rcnn-vgg16-pascal07-dagnn")
