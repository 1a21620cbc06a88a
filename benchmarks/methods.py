"""Methods beside those of captum and zennit, and steps of inversion beside the same steps in PyTorch."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks import networks
from benchmarks.rows import Row, compare
from benchmarks.work import Work
from refvis import inversion
from refvis.network import Network

CHANNEL = 3
STEPS = 10
"""Steps of one run of inversion. The time includes its preparation, on both sides."""


def measure(rounds: int, quick: bool) -> list[Row]:
    """Return a row for each method, and one for inversion."""
    vgg = networks.work("VGG-16")
    return [
        _backward(vgg, "VGG-16, guided", "guided", "captum", lambda a: a.GuidedBackprop, rounds),
        _backward(vgg, "VGG-16, deconvnet", "deconvnet", "captum", lambda a: a.Deconvolution, rounds),
        _relevance(vgg, "VGG-16, epsilon_plus_flat", rounds),
        _inversion(networks.network("AlexNet").upto("pool5"), rounds),
    ]


def _backward(work: Work, what: str, mode: str, library: str, method: Callable[[Any], Any], rounds: int) -> Row:
    """Time a mode of backpropagation beside captum's method."""
    others = {}
    if find_spec("captum") is not None:
        from benchmarks.torch_methods import captum

        others[library] = captum(work, method, CHANNEL)
    return compare(what, lambda: work.backward(mode), others, rounds)


def _relevance(work: Work, what: str, rounds: int) -> Row:
    """Time the composite EpsilonPlusFlat beside zennit's, from a relevance of one."""
    others = {}
    if find_spec("zennit") is not None:
        from benchmarks.torch_methods import zennit

        others["zennit"] = zennit(work, "EpsilonPlusFlat()", CHANNEL)
    return compare(what, lambda: work.backward("epsilon_plus_flat"), others, rounds, goal=0.5)


def _inversion(cut: Network, rounds: int) -> Row:
    """Time steps of Adam on the same objective, from the same image."""
    x = networks.of_size(cut)
    others = {}
    start = 0.1 * x[:, ::-1]
    if find_spec("torch") is not None:
        from benchmarks.torch_methods import torch_inversion

        others["torch"] = torch_inversion(cut, x, start, STEPS)
    return compare(
        f"AlexNet, {STEPS} steps of inversion at pool5",
        lambda: inversion(cut, x, "pool5", steps=STEPS, start=start).x,
        others,
        rounds,
    )
