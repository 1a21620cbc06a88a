"""Random changes of a tree: values, types, shapes, names of fields; copied, deleted, swapped parts."""

import random
from typing import Any

import numpy as np

NUMBERS = (0, 1, -1, 2, 3, 0.5, -2.5, 1e-300, 255, 65_536, 30_000, 1e5, 1e9, 2**31 - 1, 2**31, 2**53, 1e18, 1e300, -1e9)
ODD = (float("inf"), -float("inf"), float("nan"), 1 + 2j)
DTYPES = (
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
    "bool",
    "complex128",
)
TEXTS = (
    "",
    "a",
    "conv",
    "relu",
    "pool",
    "max",
    "avg",
    "dagnn.Conv",
    "dagnn.Sum",
    "é\x00\x1b[2J",
    "x" * 300,
    "x1",
    "data",
    "net",
)
Path = tuple[Any, ...]


def mutate(tree: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Change a tree in place, in one to four ways, and return it."""
    for _ in range(draw.choice((1, 1, 1, 2, 2, 4))):
        places = list(walk(tree))
        parent, key = draw.choice(places)
        draw.choice((change, change, change, swap, delete, double, rename))(tree, parent, key, places, draw)
    return tree


def walk(value: Any) -> Any:
    """Yield (container, key) of every value inside a tree."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in list(items):
        yield value, key
        yield from walk(entry)


def change(tree: Any, parent: Any, key: Any, places: Any, draw: random.Random) -> None:
    """Put another value in its place, one that is near to it or any."""
    value = parent[key]
    if isinstance(value, np.ndarray) and draw.random() < 0.8:
        parent[key] = near_array(value, draw)
    elif isinstance(value, str) and draw.random() < 0.6:
        parent[key] = draw.choice(TEXTS)
    else:
        parent[key] = any_value(draw)


def near_array(value: np.ndarray, draw: random.Random) -> Any:
    """Return an array with another number, type, shape, or more or fewer of them."""
    kind, array = draw.randrange(5), np.array(value)
    with np.errstate(all="ignore"):
        if kind == 0 and array.size:
            array = (
                array.astype(complex)
                if isinstance(number := draw.choice(NUMBERS + ODD), complex)
                else array.astype(float)
            )
            array.reshape(-1)[draw.randrange(array.size)] = number
            return array
        if kind == 1:
            return array.real.astype(draw.choice(DTYPES))
        if kind == 2:
            return array.reshape(array.shape + (1,) * 2) if draw.random() < 0.3 else array.T.copy()
        if kind == 3:
            return np.concatenate([array, array][: draw.randrange(1, 3)], axis=-1)[..., draw.randrange(2) :]
        return np.full(
            tuple(draw.choice((0, 1, 2, 3, 5)) for _ in range(draw.choice((2, 2, 3, 4)))), draw.choice(NUMBERS)
        )


def any_value(draw: random.Random) -> Any:
    """Return a value of any kind."""
    number = draw.choice(NUMBERS + ODD)
    return draw.choice(
        [
            np.array([[number]]),
            np.array([[number, draw.choice(NUMBERS)]]),
            np.zeros((0, 0)),
            np.zeros((0, 3, 0), "float32"),
            np.ones((1, 1), "int8"),
            np.ones((2, 2), bool),
            draw.choice(TEXTS),
            {},
            [],
            {"a": np.ones((1, 1)), "type": "conv"},
            [np.ones((2, 3)), "text", {}],
            [{"name": "a"}, {"name": "b"}],
        ]
    )


def swap(tree: Any, parent: Any, key: Any, places: Any, draw: random.Random) -> None:
    """Put a copy of another part of the tree in its place; a part around it would make an endless tree."""
    other, name = draw.choice(places)
    parent[key] = copied(other[name])


def copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: copied(entry) for name, entry in value.items()}
    return [copied(entry) for entry in value] if isinstance(value, list) else value


def delete(tree: Any, parent: Any, key: Any, places: Any, draw: random.Random) -> None:
    """Take a field or an entry away."""
    if parent is not tree or len(tree) > 1:
        del parent[key]


def double(tree: Any, parent: Any, key: Any, places: Any, draw: random.Random) -> None:
    """Enter a value once more, beside itself or under another name."""
    if isinstance(parent, list):
        parent.insert(draw.randrange(len(parent) + 1), copied(parent[key]))
    else:
        parent[draw.choice((f"{key}2", "weights", "pad", "size", "type"))] = copied(parent[key])


def rename(tree: Any, parent: Any, key: Any, places: Any, draw: random.Random) -> None:
    """Give a field the name of another one, or none that is known."""
    if isinstance(parent, dict):
        names = [name for _, name in places if isinstance(name, str)]
        parent[draw.choice([*names, "x", "opts", "param", "block"])] = parent.pop(key)
