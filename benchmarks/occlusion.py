"""Time occlusion against PyTorch: python benchmarks/occlusion.py [--threads 1] [--repeats 3] [--models alex vgg].

AlexNet with LRN (227 x 227, 196 positions) and VGG-16 (224 x 224, 169 positions), boxes of 32 pixels in steps of 16,
random weights, float32. PyTorch computes the same positions in batches of 28, in both of its layouts; the ratio is to
the faster one. All run in turn, in one process, on as many threads; printed are the medians of `--repeats` runs of
elapsed and of processor time. `--batches` N lets PyTorch compute only N of its batches, and scales their time.
Without torch, only the times of refvis are printed; threadpoolctl sets the threads and names the processor's kernels.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from refvis.input_modification.boxes import boxes
from refvis.layers import Array, Graph
from refvis.layers.incremental import forward_changes

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from model_zoo import thin
from torch_twin import twin, whole

MODELS = {"alex": "imagenet-matconvnet-alex", "vgg": "imagenet-vgg-verydeep-16"}
AT_ONCE = 28
Clock = tuple[float, float]
"""Seconds that passed, and seconds of processor time."""


def incremental(graph: Graph, x: Array, places: list[Any]) -> Array:
    """Return the scores for each box of zeros, B x K; the pass over the image itself is part of it."""
    black = np.zeros((1, 1, 3), x.dtype)
    found = np.empty((len(places), 1000), x.dtype)
    for numbers, output in forward_changes(graph, graph.forward(x), places, lambda number: black):
        found[numbers] = output[:, 0, 0]
    return found


def timed(call: Callable[[], Array]) -> tuple[Array, Clock]:
    """Return a result, and what it took."""
    start = time.perf_counter(), time.process_time()
    found = call()
    return found, (time.perf_counter() - start[0], time.process_time() - start[1])


def compare(name: str, repeats: int, batches: int | None) -> str:
    """Return a line for one model."""
    net = thin(MODELS[name], width=1)
    net = net.upto(net.scores)
    side = net.input_size[0]  # type: ignore[index]
    x = np.random.default_rng(0).normal(0, 50, (1, side, side, 3)).astype("float32")
    places = boxes((side, side), (32, 32), (16, 16))
    some = places[: batches * AT_ONCE] if batches else places
    runs: dict[str, Callable[[], Array]] = {"refvis": lambda: incremental(net, x, places)}
    if _installed("torch"):
        import torch

        module = twin(net)
        runs["torch NCHW"] = lambda: whole(module, x, some, AT_ONCE, torch.contiguous_format)
        runs["torch NHWC"] = lambda: whole(module, x, some, AT_ONCE, torch.channels_last)
    clocks: dict[str, list[Clock]] = {title: [] for title in runs}
    scores = {}
    for _ in range(repeats):
        for title, call in runs.items():
            scores[title], clock = timed(call)
            scale = len(places) / len(scores[title])
            clocks[title].append((clock[0] * scale, clock[1] * scale))
    return _line(f"{name}, {len(places)} positions", clocks, _apart(scores))


def _line(title: str, clocks: dict[str, list[Clock]], apart: float) -> str:
    medians = {name: [statistics.median(column) for column in zip(*each, strict=True)] for name, each in clocks.items()}
    text = "; ".join(f"{name} {elapsed:.2f} s ({used:.2f} s)" for name, (elapsed, used) in medians.items())
    if len(medians) == 1:
        return f"{title}: {text}"
    own, *others = medians.values()
    ratios = [own[which] / min(other[which] for other in others) for which in (0, 1)]
    return f"{title}: {text}; ratio {ratios[0]:.3f} ({ratios[1]:.3f}); scores differ by {apart:.1e} of the largest"


def _apart(scores: dict[str, Array]) -> float:
    """Return the largest difference from the first, of its largest value."""
    own, *others = scores.values()
    return max((float(abs(own[: len(one)] - one).max() / abs(own).max()) for one in others), default=0.0)


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def main() -> None:
    """Compare, and print a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batches", type=int, default=None)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    given = parser.parse_args()
    if _installed("torch"):
        import torch

        torch.set_num_threads(given.threads)
    if _installed("threadpoolctl"):
        import threadpoolctl

        threadpoolctl.threadpool_limits(given.threads)
        found = [
            (one["internal_api"], one.get("architecture"), one["num_threads"])
            for one in threadpoolctl.threadpool_info()
        ]
        print("; ".join(f"{api} {kernels or ''} {threads} threads" for api, kernels, threads in found))
    for name in given.models:
        print(compare(name, given.repeats, given.batches), flush=True)


if __name__ == "__main__":
    main()
