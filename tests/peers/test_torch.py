"""Two thousand random layers here and in PyTorch: outputs, gradients, and gradients of parameters.

PyTorch computes in float64, refvis in float32 and float64, by definition and by fast twins, from arrays in many orders
of storage.
"""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: CONTRIBUTING.md says how")

import torch
from support import storage_orders as orders
from support.peers.compared import assert_close
from support.peers.torch_kinds import KINDS
from support.peers.torch_random import Case, Draw

import refvis
from refvis import layers

SEEDS = range(48)
ORDERS = (np.ascontiguousarray, orders.fortran, orders.channels_first, orders.negative_strides, orders.every_second)


def theirs(case: Case, signal: np.ndarray, sizes: bool = False) -> dict[str, np.ndarray]:
    """Return output and gradients by PyTorch; with `sizes` those of all absolute values."""

    def tensor(values: np.ndarray, grad: bool = True) -> torch.Tensor:
        values = np.abs(values) if sizes else values
        return torch.tensor(np.ascontiguousarray(values), dtype=torch.float64).requires_grad_(grad)

    free = len(case.inputs) - case.fixed
    inputs = [tensor(x, number < free) for number, x in enumerate(case.inputs)]
    parameters = {name: tensor(getattr(case.layer, name)) for name in case.parameters}
    y = case.theirs(*inputs, **parameters)
    y.backward(tensor(signal, grad=False))
    gradients = {f"input {number}": x.grad.numpy() for number, x in enumerate(inputs[:free])}
    return {"output": y.detach().numpy()} | gradients | {name: p.grad.numpy() for name, p in parameters.items()}


def ours(case: Case, signal: np.ndarray, exact: bool) -> dict[str, np.ndarray]:
    """Return the same by refvis."""
    with refvis.exact() if exact else nullcontext():
        y = layers.forward(case.layer, *case.inputs)
        back = layers.backward(case.layer, signal, y, *case.inputs)
        parameters = layers.parameter_gradients(case.layer, signal, y, *case.inputs)
    gradients = {f"input {number}": dx for number, dx in enumerate(back[: len(back) - case.fixed])}
    return {"output": y} | gradients | parameters


def stored(random: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Return the values in one of the orders, drawn."""
    return ORDERS[random.integers(len(ORDERS))](values)


def drawn(kind: str, seed: int, dtype: Any) -> tuple[Case, np.ndarray]:
    """Return a random case with arrays stored anyhow, and a signal at its output."""
    random = np.random.default_rng([seed, *kind.encode()])
    case = KINDS[kind](Draw(random, dtype))
    parameters = {name: stored(random, getattr(case.layer, name)) for name in case.parameters}
    case = replace(case, layer=replace(case.layer, **parameters), inputs=tuple(stored(random, x) for x in case.inputs))
    shape = layers.output_shape(case.layer, *(x.shape for x in case.inputs))
    return case, stored(random, random.standard_normal(shape).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_random_layers(kind: str, dtype: Any) -> None:
    for seed in SEEDS:
        case, signal = drawn(kind, seed, dtype)
        expected = theirs(case, signal)
        sizes = theirs(case, signal, sizes=True) if case.linear else expected | case.sizes(signal)
        for exact in (True, False):
            found = ours(case, signal, exact)
            np.testing.assert_equal(found.keys(), expected.keys())
            for name, values in found.items():
                np.testing.assert_equal(values.dtype, np.dtype(dtype))
                atol = case.roundings * np.finfo(dtype).eps * np.abs(sizes[name]).max()
                assert_close("PyTorch", values, expected[name], atol, f"{kind} {seed}, {name}, exact: {exact}")


def test_there_are_two_thousand_layers() -> None:
    np.testing.assert_array_less(2000, len(KINDS) * len(SEEDS) * 2)
