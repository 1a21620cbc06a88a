"""Results of small networks, computed with `layers/fast` or without it: ``python -m support.without_fast FILE``.

The command writes them to FILE (.npz), with the names of the twins and the package's folder. The test runs it on a
copy of the package that has no folder `layers/fast`.
"""

import sys
from pathlib import Path

import numpy as np
from support.small_nets import classifier, inputs

import refvis
from refvis.layers import ConvTranspose, Graph, Node, Pool, Sum, modes
from refvis.layers.base.exactness import TWINS


def with_branches() -> Graph:
    """Return a graph with what the classifier lacks: two branches, their sum, and a transposed convolution."""
    random = np.random.default_rng(2)
    filters = random.standard_normal((7, 3, 2, 5)).astype("float32")
    trunk = classifier().upto("drop2").nodes
    below = trunk[-1].output
    return Graph(
        (
            *trunk,
            Node("pool_a", Pool((2, 1), method="avg"), (below,), ("a",)),
            Node("pool_b", Pool((2, 1)), (below,), ("b",)),
            Node("add", Sum(), ("a", "b"), ("sum",)),
            Node("up", ConvTranspose(filters.repeat(2, axis=0)[:10], upsample=2), ("sum",), ("image",)),
        )
    )


def results(dtype: str) -> dict[str, np.ndarray]:
    """Return forward passes, backward passes in every mode, parameter gradients and an occlusion, each by a name."""
    found: dict[str, np.ndarray] = {}
    random = np.random.default_rng(1)
    for title, net in (("chain", classifier()), ("branches", with_branches())):
        trace = net.forward(inputs(2, dtype))
        found |= {f"{title} forward {name}": value for name, value in trace.items()}
        seeds = {trace.ends[0]: random.standard_normal(trace.output.shape).astype(dtype)}
        for mode in modes.MODES:
            found[f"{title} {mode}"] = net.backward(trace, seeds, mode)[net.inputs[0]]
        gradients = net.parameter_gradients(trace, seeds)
        found |= {f"{title} parameter {node} {name}": value for (node, name), value in gradients.items()}
    found["occlusion"] = refvis.occlusion(classifier(), inputs(1, dtype), (4, 3), (3, 2), channel=2).values
    return found


def main(path: str) -> None:
    """Write the results, float64, with the twins' names and where the package was."""
    twins = [twin.__module__ for twin in TWINS.values()]
    np.savez(path, twins=np.array(twins, str), package=str(Path(refvis.__file__).parent), **results("float64"))


if __name__ == "__main__":
    main(sys.argv[1])
