"""The simplenn models: AlexNet, CaffeNet, and the networks of the Visual Geometry Group.

Dropout is left out, as the page's models had it. References: Krizhevsky et al. 2012 (AlexNet); Jia et al. 2014
(CaffeNet: pools before it normalises); Chatfield et al. 2014 (VGG-F, M, S); Simonyan & Zisserman 2015 (VGG-16, 19);
Parkhi et al. 2015 (VGG-Face).
"""

from typing import Any

from support.model_zoo.parts import CEIL, Maker

import refvis
from refvis.layers import LRN, Pool, ReLU, Softmax

Row = tuple[Any, ...]
"""("conv" or "fc", id, filters, size, depth, stride, pad), ("norm", id, kappa, alpha), or
("pool", id, size, stride, pad)."""


def fc(size: int, depth: int, classes: int = 1000, hidden: int = 4096) -> list[Row]:
    """Return the three layers at the end, the first with filters as big as the map below it."""
    return [
        ("fc", "6", 4096, size, depth, 1, 0),
        ("fc", "7", hidden, 1, 4096, 1, 0),
        ("fc", "8", classes, 1, hidden, 1, 0),
    ]


ALEX = [
    ("conv", "1", 96, 11, 3, 4, 0), ("norm", "1", 1, 2e-5), ("pool", "1", 3, 2, 0),
    ("conv", "2", 256, 5, 48, 1, 2), ("norm", "2", 1, 2e-5), ("pool", "2", 3, 2, 0),
    ("conv", "3", 384, 3, 256, 1, 1),
    ("conv", "4", 384, 3, 192, 1, 1),
    ("conv", "5", 256, 3, 192, 1, 1), ("pool", "5", 3, 2, 0),
]  # fmt: skip
CAFFE = [
    ("conv", "1", 96, 11, 3, 4, 0), ("pool", "1", 3, 2, 0), ("norm", "1", 1, 2e-5),
    ("conv", "2", 256, 5, 48, 1, 2), ("pool", "2", 3, 2, 0), ("norm", "2", 1, 2e-5),
    ("conv", "3", 384, 3, 256, 1, 1),
    ("conv", "4", 384, 3, 192, 1, 1),
    ("conv", "5", 256, 3, 192, 1, 1), ("pool", "5", 3, 2, 0),
]  # fmt: skip
FAST = [
    ("conv", "1", 64, 11, 3, 4, 0), ("norm", "1", 2, 1e-4), ("pool", "1", 3, 2, CEIL),
    ("conv", "2", 256, 5, 64, 1, 2), ("norm", "2", 2, 1e-4), ("pool", "2", 3, 2, 0),
    ("conv", "3", 256, 3, 256, 1, 1),
    ("conv", "4", 256, 3, 256, 1, 1),
    ("conv", "5", 256, 3, 256, 1, 1), ("pool", "5", 3, 2, 0),
]  # fmt: skip
MEDIUM = [
    ("conv", "1", 96, 7, 3, 2, 0), ("norm", "1", 2, 1e-4), ("pool", "1", 3, 2, 0),
    ("conv", "2", 256, 5, 96, 2, 1), ("norm", "2", 2, 1e-4), ("pool", "2", 3, 2, CEIL),
    ("conv", "3", 512, 3, 256, 1, 1),
    ("conv", "4", 512, 3, 512, 1, 1),
    ("conv", "5", 512, 3, 512, 1, 1), ("pool", "5", 3, 2, 0),
]  # fmt: skip
SLOW = [
    ("conv", "1", 96, 7, 3, 2, 0), ("norm", "1", 2, 1e-4), ("pool", "1", 3, 3, (0, 2, 0, 2)),
    ("conv", "2", 256, 5, 96, 1, 0), ("pool", "2", 2, 2, CEIL),
    ("conv", "3", 512, 3, 256, 1, 1),
    ("conv", "4", 512, 3, 512, 1, 1),
    ("conv", "5", 512, 3, 512, 1, 1), ("pool", "5", 3, 3, CEIL),
]  # fmt: skip


def deep(*counts: int) -> list[Row]:
    """Return five stages of 3 x 3 convolutions, so many in each, with a pool after each."""
    rows: list[Row] = []
    depth = 3
    for stage, (count, filters) in enumerate(zip(counts, (64, 128, 256, 512, 512), strict=True), 1):
        for number in range(1, count + 1):
            rows.append(("conv", f"{stage}_{number}", filters, 3, depth, 1, 1))
            depth = filters
        rows.append(("pool", str(stage), 2, 2, 0))
    return rows


DEEP_16 = deep(2, 2, 3, 3, 3)
DEEP_19 = deep(2, 2, 4, 4, 4)


def layers(make: Maker, rows: list[Row]) -> dict[str, Any]:
    """Return the layers of a table by name; each convolution with its ReLU."""
    found: dict[str, Any] = {}
    for kind, number, *numbers in rows:
        if kind == "norm":
            found[f"norm{number}"] = LRN(5, *numbers, 0.75)
        elif kind == "pool":
            found[f"pool{number}"] = Pool(*numbers)
        else:
            found[f"{kind}{number}"] = make.conv(*numbers)
            found[f"relu{number}"] = ReLU()
    return found


def classifier(make: Maker, rows: list[Row], meta: dict[str, Any], name: str) -> refvis.Network:
    """Return the chain of a table whose last layer gives the scores."""
    found = layers(make, rows)
    found.popitem()  # no ReLU after the scores
    return refvis.chain({**found, "prob": Softmax()}, meta, name)


def alexnet(make: Maker) -> refvis.Network:
    return classifier(make, ALEX + fc(6, 256), make.meta(227, 1000, border=29), "imagenet-matconvnet-alex")


def caffenet(make: Maker) -> refvis.Network:
    return classifier(make, CAFFE + fc(6, 256), make.meta(227, 1000, "image", 29), "imagenet-caffe-ref")


def vgg_f(make: Maker) -> refvis.Network:
    return classifier(make, FAST + fc(6, 256), make.meta(224, 1000, "image", 32), "imagenet-vgg-f")


def vgg_m(make: Maker) -> refvis.Network:
    return classifier(make, MEDIUM + fc(6, 512), make.meta(224, 1000, "image", 32), "imagenet-vgg-m")


def vgg_s(make: Maker) -> refvis.Network:
    return classifier(make, SLOW + fc(6, 512), make.meta(224, 1000, "image", 32), "imagenet-vgg-s")


def vgg_16(make: Maker) -> refvis.Network:
    return classifier(make, DEEP_16 + fc(7, 512), make.meta(224, 1000, border=32), "imagenet-vgg-verydeep-16")


def vgg_19(make: Maker) -> refvis.Network:
    return classifier(make, DEEP_19 + fc(7, 512), make.meta(224, 1000, border=32), "imagenet-vgg-verydeep-19")


def vgg_face(make: Maker) -> refvis.Network:
    return classifier(make, DEEP_16 + fc(7, 512, 2622), make.meta(224, 2622, border=32), "vgg-face")
