"""Hostile files made by hand: small ones that ask for much, contradict themselves, or hold what no model holds."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from fuzz.files import write
from fuzz.models import conv, graph, meta, plain_chain, single
from support.dag_files import layer, net, row
from support.matlab_files import V5_HEADER, V73, element, matrix

Writer = Callable[[Path], Any]
HUGE = (2, 1000, 30_000, 10**9, 2**31 - 1, 2**31, 1e18, 1e300)
BAD = (float("inf"), float("nan"), -1, 0, 0.5, 1 + 1j)


def crafted() -> Iterator[tuple[str, Writer]]:
    """Yield a name and a writer for each file."""
    for families in (values_of_fields(), sizes_of_images(), shapes_of_graphs(), v5_files(), hdf5_files()):
        yield from families


def of_tree(tree: dict[str, Any], kind: str = "v7") -> Writer:
    return lambda path: write(tree, path, kind)


def chain(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"layers": list(layers), "meta": more or meta()}


FIELDS: tuple[tuple[dict[str, Any], str, int], ...] = (
    (conv(3, 4), "pad", 1),
    (conv(3, 4), "pad", 4),
    (conv(3, 4), "stride", 2),
    (conv(3, 4), "dilate", 1),
    ({"type": "convt", "weights": [single(2, 2, 4, 3), []]}, "upsample", 1),
    ({"type": "convt", "weights": [single(2, 2, 4, 3), []], "upsample": row(30_000)}, "crop", 4),
    ({"type": "convt", "weights": [single(2, 2, 4, 3), []]}, "numGroups", 1),
    ({"type": "pool", "pool": row(2, 2)}, "pool", 2),
    ({"type": "pool", "pool": row(2**31 - 1, 2**31 - 1)}, "pad", 1),
    ({"type": "pool", "pool": row(2, 2)}, "stride", 1),
    ({"type": "pool", "pool": row(20_000, 1), "pad": row(19_999, 19_999, 0, 0), "method": "avg"}, "stride", 2),
    ({"type": "spnorm"}, "param", 4),
    ({"type": "lrn"}, "param", 4),
    ({"type": "noffset"}, "param", 2),
    ({"type": "dropout"}, "rate", 1),
    ({"type": "relu"}, "leak", 1),
    ({"type": "bnorm", "weights": [single(3, 1), single(3, 1), single(3, 2)]}, "epsilon", 1),
)
"""Layers, and a field of each with its number of values."""


def values_of_fields() -> Iterator[tuple[str, Writer]]:
    """Every number of HUGE and BAD in every field of geometry."""
    for number, (struct, field, count) in enumerate(FIELDS):
        for value in HUGE + BAD:
            changed = {**struct, field: np.full((1, count), value)}
            yield f"field {number} {struct['type']}.{field} = {value}", of_tree(chain(changed, {"type": "relu"}))
    for value in (30_000, 2**31 - 1, 2**20, -1):
        roi = layer("roi", "dagnn.ROIPooling", "data rois", "y", subdivisions=row(value, 2), method="avg")
        yield f"roi {value}", of_tree({"net": net(roi, meta=meta())})
        theta = layer("t", "dagnn.Conv", "data", "t", "w", size=row(6, 5, 3, 6), hasBias=row(0))
        grid = layer("g", "dagnn.AffineGridGenerator", "t", "g", Ho=row(value), Wo=row(value))
        sample = layer("s", "dagnn.BilinearSampler", "data g", "y")
        yield f"grid {value}", of_tree({"net": net(theta, grid, sample, meta=meta(), w=single(6, 5, 3, 6))})


def sizes_of_images() -> Iterator[tuple[str, Writer]]:
    """Sizes of inputs that no memory holds, or that are none."""
    sizes: tuple[Any, ...] = (
        row(30_000, 30_000, 3), row(2**31 - 1, 2**31 - 1, 3), row(5, 5, 2**31 - 1), row(1, 1e9, 3), row(1e18, 1e18, 3),
        row(0, 0, 3), row(-5, 5, 3), row(5.5, 5.5, 3), row(5, 5, 0), row(5, 5, -3), row(float("nan"), 5, 3), row(5, 5),
        row(5), row(*range(1, 40)), np.full((1, 3), 1j), "big", [row(5), row(5)], {}, np.ones((0, 3)),
        np.ones((3, 1), "int8") * 5, np.ones((1, 3), bool),
    )  # fmt: skip
    for number, size in enumerate(sizes):
        first = meta()
        first["normalization"] = {"imageSize": size}
        yield f"imageSize {number}", of_tree(chain(conv(3, 4), **first))
        yield f"inputs {number}", of_tree(chain(conv(3, 4), inputs=["data", size]), "hdf5")
    averages = (
        np.zeros((1, 1)),
        np.full((6, 5, 3), np.nan),
        np.zeros((6, 5, 3), complex),
        "a",
        {},
        np.zeros((60, 50, 30)),
    )
    for number, average in enumerate(averages):
        first = meta()
        first["normalization"] |= {"averageImage": average, "imageStd": average, "imageFactor": average}
        yield f"average {number}", of_tree(chain(conv(3, 4), **first))
    for number, names in enumerate((np.zeros((1, 10**6), "int8"), ["x" * 10**6], [{}, []], "abc", [row(1, 2)] * 9)):
        yield f"classes {number}", of_tree(chain(conv(3, 4), classes={"name": names}))


def shapes_of_graphs() -> Iterator[tuple[str, Writer]]:
    """Graphs that double, branch, run in circles, or repeat themselves."""
    for kind in ("Concat", "Sum"):
        for count in (40, 400, 4000):
            doubling = [layer(f"l{i}", f"dagnn.{kind}", f"x{i} x{i}", f"x{i + 1}") for i in range(count)]
            yield f"{count} {kind}", of_tree({"net": net(*doubling, meta=meta(1, 1))})
    for factor in (2, 2**31 - 1):
        up = {"type": "convt", "weights": [single(1, 1, 3, 3), []], "upsample": row(factor)}
        yield f"upsampling by {factor} again and again", of_tree(chain(*[up] * 1000))
        down = conv(3, 3, 1, stride=row(factor), pad=row(0))
        yield f"steps of {factor} again and again", of_tree(chain(*[down] * 1000))
    wide = [layer(f"l{i}", "dagnn.ReLU", "data", f"y{i}") for i in range(3000)]
    yield "3000 side by side", of_tree({"net": net(*wide, meta=meta())})
    yield "20000 in a row", of_tree(chain(*[{"type": "relu", "name": "r"}] * 20_000))
    yield "a circle", of_tree({"net": net(layer("a", "dagnn.ReLU", "y", "x"), layer("b", "dagnn.ReLU", "x", "y"))})
    yield "its own input", of_tree({"net": net(layer("a", "dagnn.ReLU", "x", "x"))})
    yield "two writers", of_tree({"net": net(layer("a", "dagnn.ReLU", "x", "y"), layer("b", "dagnn.ReLU", "x", "y"))})
    yield "no parameter", of_tree({"net": net(layer("a", "dagnn.Conv", "x", "y", "f b"))})
    yield "a name of a megabyte", of_tree(chain({"type": "relu", "name": "n" * 10**6}))
    yield "a type of a megabyte", of_tree(chain({"type": "n" * 10**6, "name": "a"}))
    yield "control characters", of_tree(chain({"type": "\x1b[2J", "name": "a\nb\x00\x07"}), "hdf5")
    for kind in ("v5", "hdf5"):
        for value in (
            row(1),
            "text",
            {},
            [],
            [[]],
            [row(1)],
            [{}],
            np.zeros((0, 0)),
            [{"type": row(1)}],
            [{"type": ""}],
        ):
            yield f"layers are {value!r:.20} in {kind}", of_tree({"net": {"layers": value, "x": row(1)}}, kind)
        for part in ("vars", "params", "meta", "layers"):
            tree = graph()
            tree["net"][part] = row(1, 2, 3)
            yield f"{part} are numbers in {kind}", of_tree(tree, kind)
        for part in ("inputs", "outputs", "params", "block", "name", "type"):
            tree = graph()
            del tree["net"]["layers"][0][part]
            yield f"a layer without {part} in {kind}", of_tree(tree, kind)


def packed(path: Path, body: bytes) -> None:
    data = zlib.compress(body, 6)
    path.write_bytes(V5_HEADER + element(15, data)[: 8 + len(data)])


def deep_cells() -> bytes:
    body = matrix(6, (1, 1), "", element(9, bytes(8)))
    for _ in range(500):
        body = matrix(1, (1, 1), "x", body)
    return body


def v5_files() -> Iterator[tuple[str, Writer]]:
    """Files of version 5 and 7 with impossible or exploding contents."""
    names = element(5, b"\x01\x00\x00\x00") + element(1, b"a" * 10**6)
    bodies: dict[str, Callable[[], bytes]] = {
        "300 MB of zeros": lambda: matrix(6, (37_500_000, 1), "x", element(9, bytes(300_000_000))),
        "bytes of class double": lambda: matrix(6, (80_000_000, 1), "x", element(2, bytes(80_000_000))),
        "a million empty cells": lambda: matrix(1, (10**6, 1), "x", element(14, b"") * 10**6),
        "three million empty cells": lambda: matrix(1, (3 * 10**6, 1), "x", element(14, b"") * 3 * 10**6),
        "a million names": lambda: matrix(2, (0, 0), "x", names),
        "rows of text": lambda: matrix(4, (3 * 10**6, 2), "x", element(16, b"a" * 6 * 10**6)),
        "no fields": lambda: matrix(2, (10**6, 1), "x", element(5, b"\x01\0\0\0"), element(1, b""), bytes(8 * 10**6)),
        "deep cells": deep_cells,
        "sizes that overflow": lambda: matrix(6, (2**30, 2**30, 2**30, 2**30), "x", element(9, bytes(8))),
        "thirty-three axes": lambda: matrix(6, (1,) * 33, "x", element(9, bytes(8))),
        "empty axes": lambda: matrix(6, (0, 2**31 - 1, 2**31 - 1), "x", element(9, b"")),
        "an empty matrix": lambda: matrix(6, (0, 0), "x", element(9, b"")),
    }
    for name, make in bodies.items():
        yield f"v7 {name}", lambda path, make=make: packed(path, make())
        yield f"v5 {name}", lambda path, make=make: path.write_bytes(V5_HEADER + make())


def changed_v73(change: Callable[[Any], Any], compression: str | None = None) -> Writer:
    def writer(path: Path) -> None:
        V73(path, compression=compression).write(plain_chain())
        with h5py.File(path, "r+") as file:
            change(file)

    return writer


def zeros(kind: str, stored: str, count: int) -> Writer:
    def change(file: Any) -> None:
        data = file.create_dataset("x", (count, 1), stored, compression="gzip", chunks=(1 << 20, 1))
        for start in range(0, count, 1 << 20):
            data[start : start + (1 << 20)] = np.zeros((1 << 20, 1), stored)
        data.attrs["MATLAB_class"] = np.bytes_(kind)

    return changed_v73(change)


def links(count: int) -> Writer:
    def change(file: Any) -> None:
        for number in range(count):
            file["net"][f"v{number}"] = file["net/meta"]

    return changed_v73(change)


def references(count: int, levels: int) -> Writer:
    def change(file: Any) -> None:
        target = file["net"]
        for level in range(levels):
            values = np.full((count, 1), target.ref, h5py.ref_dtype)
            target = file.create_dataset(f"c{level}", data=values, compression="gzip")
            target.attrs["MATLAB_class"] = np.bytes_("cell")

    return changed_v73(change)


def circle(file: Any) -> None:
    file["net/again"] = file["net"]


def empty(dimensions: Any) -> Writer:
    def change(file: Any) -> None:
        data = file.create_dataset("net/e", data=np.array(dimensions))
        data.attrs["MATLAB_class"], data.attrs["MATLAB_empty"] = np.bytes_("double"), np.uint8(1)

    return changed_v73(change)


def hdf5_files() -> Iterator[tuple[str, Writer]]:
    """Files of version 7.3 with exploding or endless contents."""
    for kind, stored in (
        ("double", "i1"),
        ("single", "u1"),
        ("int8", "i1"),
        ("logical", "u1"),
        ("char", "u2"),
        ("int64", "i8"),
    ):
        yield f"hdf5 zeros {kind} stored as {stored}", zeros(kind, stored, 100 << 20)
    yield "hdf5 100000 links", links(100_000)
    yield "hdf5 cell of 100000 references", references(100_000, 1)
    yield "hdf5 cells of cells of references", references(50, 8)
    yield "hdf5 a circle", changed_v73(circle)
    for dimensions in ([0, 2**60], [2**63 - 1], [-1, 2], [0.5, 0], [float("inf"), 0], [0] * 40, [1, 1], []):
        yield f"hdf5 empty {str(dimensions)[:20]}", empty(dimensions)
