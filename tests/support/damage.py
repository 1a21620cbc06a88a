"""Model files of every kind, small, and random damage to them."""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from support.matlab_files import V73, StructArray

import refvis
from refvis import layers
from refvis.weights import read_mat

KINDS = ("cut", "flip", "bytes", "numbers", "move", "splice")


def chain() -> refvis.Network:
    """Return a small chain of several kinds of layers, with meta data."""
    random = np.random.default_rng(0)
    conv = layers.Conv(random.standard_normal((4, 3, 2, 3)).astype("float32"), np.ones(4, "float32"), pad=1)
    parts = {
        "conv": conv,
        "relu": layers.ReLU(),
        "norm": layers.LRN(),
        "pool": layers.Pool(2),
        "prob": layers.Softmax(),
    }
    classes = {"name": ["a", "b", "c", "d"], "description": ["a", "b", "c", "d"]}
    return refvis.chain(parts, {"classes": classes, "normalization": {"imageSize": (5, 6, 3)}})


def graph() -> refvis.Network:
    """Return a small graph with shared parameters, batch normalisation and an unknown layer."""
    conv = layers.Conv(np.ones((3, 1, 1, 3), "float32"), np.ones(3, "float32"))
    norm = layers.BatchNorm(np.ones(3), np.zeros(3), np.ones((3, 2)))
    odd = layers.Unknown("dagnn.Odd", {"depth": np.ones((1, 1)), "text": "some", "weights": []})
    nodes = [
        layers.Node("a", conv, "data", "x"),
        layers.Node("b", conv, "x", "y"),
        layers.Node("n", norm, "y", "z"),
        layers.Node("sum", layers.Sum(), ("x", "z"), "s"),
        layers.Node("odd", odd, ("s", "label"), "o"),
    ]
    return refvis.Network(nodes)


def sound_files(folder: Path) -> list[bytes]:
    """Return the contents of sound model files: v5 plain and compressed, v7.3 plain and compressed, chain and graph."""
    found = []
    for name, net in (("chain", chain()), ("graph", graph())):
        path = folder / f"{name}.mat"
        refvis.save(net, path)
        found.append(path.read_bytes())
        found.append(found[-1][:128] + zlib.decompress(found[-1][136:]))  # a header, and one compressed variable
        tree = read_mat(path)
        for key, value in tree["net"].items():
            is_array = name == "graph" and isinstance(value, list)
            tree["net"][key] = StructArray(value) if is_array else value
        found += [V73(path, compression=kind).write(tree).read_bytes() for kind in (None, "gzip")]
    return found


def mutated(files: Sequence[bytes], seed: int) -> bytes:
    """Return one of the files, damaged as the seed has it, in one to three ways."""
    draw = random.Random(seed)
    data = bytearray(draw.choice(files))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        damage(data, draw, files)
    return bytes(data)


def damage(data: bytearray, draw: random.Random, files: Sequence[bytes]) -> None:
    """Damage the data in one way; half of the places are near the start."""
    kind, reach = draw.choice(KINDS), draw.choice((2048, len(data)))
    at = draw.randrange(min(reach, len(data)) or 1)
    if kind == "cut":
        del data[at:]
    elif kind == "flip" and data:
        data[at] ^= 1 << draw.randrange(8)
    elif kind == "bytes":
        data[at : at + draw.randrange(1, 9)] = draw.randbytes(draw.randrange(9))
    elif kind == "numbers":
        number = draw.choice((0, 1, 0x7F, 0xFF, 0xFFFF, 2**31 - 1, 2**32 - 1, draw.getrandbits(32)))
        data[at : at + 4] = number.to_bytes(4, draw.choice(("little", "big")))
    elif kind == "move":
        start = draw.randrange(len(data) or 1)
        data[at : at + 64] = data[start : start + 64]
    elif kind == "splice":
        other = draw.choice(files)
        start = draw.randrange(len(other))
        data[at:] = other[start : start + len(data)]
