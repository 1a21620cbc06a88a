"""Print the memory of VGG-16, forward and back, in megabytes as JSON: ``python -m benchmarks.peak``."""

import json
import re
import sys
import tracemalloc
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks import TESTS

sys.path.append(str(TESTS))

from benchmarks import networks


def measured(name: str = "VGG-16") -> dict[str, float]:
    """Return the size of weights and trace, the peak of all arrays, and that of the process where it is known."""
    tracemalloc.start()
    net = networks.network(name)
    x = networks.of_size(net)
    tracemalloc.reset_peak()
    trace = net.forward(x)
    seed = trace.output * 0
    seed[..., 3] = 1
    net.backward(trace, {trace.ends[0]: seed})
    parameters = (getattr(node.layer, one.name) for node in net.nodes for one in fields(node.layer))
    found = {
        "weights": _megabytes(parameters),
        "trace": _megabytes(trace.values()),
        "arrays": tracemalloc.get_traced_memory()[1] / 1e6,
    }
    return found | _process()


def _megabytes(arrays: Iterable[Any]) -> float:
    return float(sum(array.nbytes for array in arrays if hasattr(array, "nbytes")) / 1e6)


def _process() -> dict[str, float]:
    """Return the largest size of the process, where Linux tells it (what `getrusage` says counts its parent's, too)."""
    status = Path("/proc/self/status")
    text = status.read_text() if status.exists() else ""
    found = re.search(r"VmHWM:\s*(\d+) kB", text)
    return {"process": int(found[1]) * 1024 / 1e6} if found else {}


if __name__ == "__main__":
    print(json.dumps(measured()))
