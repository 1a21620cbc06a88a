"""Print the memory of VGG-16, forward and backward, in megabytes as JSON: ``python -m benchmarks.peak``."""

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


def measure(name: str = "VGG-16") -> dict[str, float]:
    """Return megabytes: weights, trace, the peak of all arrays, and on Linux the peak of the process."""
    tracemalloc.start()
    net = networks.network(name)
    x = networks.of_size(net)
    tracemalloc.reset_peak()
    trace = net.forward(x)
    seed = trace.output * 0
    seed[..., 3] = 1
    net.backward(trace, {trace.ends[0]: seed})
    parameters = (getattr(node.layer, one.name) for node in net.nodes for one in fields(node.layer))
    megabytes = {
        "weights": _megabytes(parameters),
        "trace": _megabytes(trace.values()),
        "arrays": tracemalloc.get_traced_memory()[1] / 1e6,
    }
    return megabytes | _process()


def _megabytes(arrays: Iterable[Any]) -> float:
    return float(sum(array.nbytes for array in arrays if hasattr(array, "nbytes")) / 1e6)


def _process() -> dict[str, float]:
    """Return the peak of the process as Linux reports it; `getrusage` would include its parent's."""
    status = Path("/proc/self/status")
    text = status.read_text() if status.exists() else ""
    peak = re.search(r"VmHWM:\s*(\d+) kB", text)
    return {"process": int(peak[1]) * 1024 / 1e6} if peak else {}


if __name__ == "__main__":
    print(json.dumps(measure()))
