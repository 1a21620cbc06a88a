"""Sound models with layers of every type, as plain trees: what is mutated, and written in each format."""

from collections.abc import Callable
from typing import Any

import numpy as np
from support.dag_files import layer, net, row

RANDOM = np.random.default_rng(0)


def single(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype("float32")


def meta(height: int = 6, width: int = 5, channels: int = 3, classes: int = 4) -> dict[str, Any]:
    names = [f"c{number}" for number in range(classes)]
    size = row(height, width, channels)
    images = {"imageSize": size, "averageImage": single(height, width, channels), "interpolation": "bicubic"}
    return {"normalization": images, "classes": {"name": names, "description": names[::-1]}}


def conv(inputs: int, outputs: int, size: int = 3, **fields: Any) -> dict[str, Any]:
    weights = [single(size, size, inputs, outputs), single(1, outputs)]
    return {"type": "conv", "name": "conv", "weights": weights, "pad": row(1, 1, 1, 1), "stride": row(1, 1), **fields}


def plain_chain() -> dict[str, Any]:
    layers = [
        conv(3, 4, name="conv1"),
        {"type": "relu", "name": "relu1", "leak": row(0)},
        {
            "type": "pool",
            "name": "pool1",
            "method": "max",
            "pool": row(2, 2),
            "stride": row(2, 2),
            "pad": row(0, 1, 0, 1),
        },
        {"type": "lrn", "name": "norm1", "param": row(5, 1, 1e-4, 0.75)},
        conv(4, 4, 1, name="fc", pad=row(0), dilate=row(1)),
        {"type": "softmaxloss", "name": "loss"},
    ]
    return {"net": {"layers": layers, "meta": meta()}}


def odd_chain() -> dict[str, Any]:
    layers = [
        {"type": "spnorm", "name": "sp", "param": row(3, 2, 1, 0.5)},
        {"type": "bnorm", "name": "bn", "weights": [single(3, 1), single(3, 1), abs(single(3, 2)) + 1]},
        {
            "type": "convt",
            "name": "up",
            "weights": [single(3, 3, 5, 3), single(5, 1)],
            "upsample": row(2),
            "crop": row(1),
        },
        {"type": "sigmoid", "name": "s"},
        {"type": "noffset", "name": "no", "param": row(0.1, 0.5)},
        {"type": "dropout", "name": "drop", "rate": row(0.5)},
        {"type": "custom", "name": "mine", "forward": "f"},
        {"type": "pdist", "name": "distance", "p": row(2), "class": row(1, 2)},
    ]
    return {"layers": layers[:6] + layers[7:], "meta": meta(), "other": {"layers": layers}}


def graph() -> dict[str, Any]:
    parts = [
        layer("c1", "dagnn.Conv", "data", "x1", "f b", size=row(3, 3, 3, 4), hasBias=row(1), pad=row(1), stride=row(1)),
        layer("r1", "dagnn.ReLU", "x1", "x2", useShortCircuit=row(1), opts=[]),
        layer("p1", "dagnn.Pooling", "x2", "x3", method="avg", poolSize=row(3, 3), pad=row(1), stride=row(1)),
        layer("bn", "dagnn.BatchNorm", "x3", "x4", "g o m", numChannels=row(4), epsilon=row(1e-4)),
        layer("cat", "dagnn.Concat", "x2 x4", "x5", dim=row(3)),
        layer("sum", "dagnn.Sum", "x5 x5", "x6"),
        layer("lrn", "dagnn.LRN", "x6", "x7", param=row(3, 2, 1e-3, 0.5)),
        layer("fc", "dagnn.Conv", "x7", "x8", "w", size=row(6, 5, 8, 4), hasBias=row(0), pad=row(0)),
        layer("prob", "dagnn.SoftMax", "x8", "p"),
        layer("loss", "dagnn.Loss", "x8 label", "objective", loss="softmaxlog", opts=["topK", row(3)]),
    ]
    moments = abs(single(4, 2)) + 1
    arrays = {"f": single(3, 3, 3, 4), "b": single(4, 1), "g": single(4, 1), "o": single(4, 1), "m": moments}
    return {"net": net(*parts, meta=meta(), **arrays, w=single(6, 5, 8, 4))}


def blocks() -> dict[str, Any]:
    parts = [
        layer("sp", "dagnn.SpatialNorm", "data", "x1", param=row(2, 2, 10, 2)),
        layer("sc", "dagnn.Scale", "x1", "x2", "s", hasBias=row(0), size=row(1, 1, 3)),
        layer("lp", "dagnn.NormOffset", "x2", "x3", param=row(1, 0.5)),
        layer("up", "dagnn.ConvTranspose", "x3", "x4", "u", upsample=row(2, 2), crop=row(1, 1, 1, 1), numGroups=row(1)),
        layer("crop", "dagnn.Crop", "x4 x1", "x5", crop=row(1, 1)),
        layer("fc", "dagnn.Conv", "x5", "theta", "w", size=row(6, 5, 2, 6), hasBias=row(0), pad=row(0), stride=row(1)),
        layer("grid", "dagnn.AffineGridGenerator", "theta", "grid", Ho=row(4), Wo=row(3)),
        layer("sample", "dagnn.BilinearSampler", "x5 grid", "x6"),
        layer("drop", "dagnn.DropOut", "x6", "x7", rate=row(0.5), frozen=row(0)),
        layer(
            "roi",
            "dagnn.ROIPooling",
            "x7 rois",
            "x8",
            method="max",
            subdivisions=row(2, 2),
            transform=row(1),
            flatten=row(0),
        ),
        layer("far", "dagnn.PDist", "x7 target", "far", p=row(2), aggregate=row(1), epsilon=row(1e-6)),
        layer("odd", "dagnn.Mine", "x7", "y z", depth=row(3)),
    ]
    arrays = {"s": single(1, 1, 3), "u": single(4, 4, 2, 3), "w": single(6, 5, 2, 6)}
    return {"net": net(*parts, meta=meta(classes=2), **arrays)}


MODELS: tuple[Callable[[], dict[str, Any]], ...] = (plain_chain, odd_chain, graph, blocks)
"""Makers of trees of variables by name."""
