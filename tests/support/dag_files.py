"""DagNN structs made by hand, as a .mat file's tree holds them."""

from typing import Any

import numpy as np


def row(*values: float) -> np.ndarray:
    """Return a row of doubles."""
    return np.array([values], "float64")


def layer(
    name: str, kind: str, inputs: str, outputs: str, params: str = "", /, block: Any = None, **fields: Any
) -> dict[str, Any]:
    """Return a layer struct; names of variables and parameters are given in one text each, apart by spaces."""
    wiring = {"inputs": inputs.split(), "outputs": outputs.split(), "params": params.split()}
    return {"name": name, "type": kind, **wiring, "block": fields if block is None else block}


def net(*layers: dict[str, Any], meta: Any = None, **params: np.ndarray) -> dict[str, Any]:
    """Return a DagNN struct of layers and parameters."""
    names = [name for one in layers for name in (*one["inputs"], *one["outputs"])]
    return {
        "layers": list(layers),
        "vars": [{"name": name, "precious": np.zeros((1, 1), bool)} for name in names],
        "params": [
            {"name": name, "value": value, "learningRate": row(1), "weightDecay": row(1)}
            for name, value in params.items()
        ],
        "meta": {} if meta is None else meta,
    }
