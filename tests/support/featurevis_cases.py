"""The golden cases of FeatureVis: what to call with what, and what the original answered.

`PYTHONPATH=tests python -m support.featurevis_cases` prints how far each family is from the original at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from support.approximate_power import approximate_power
from support.golden_files import COMMITTED, SHARED, golden, images, numbers, read

import refvis
from refvis import featurevis
from refvis.layers import LRN

FAMILIES = (
    "fv_deconv", "fv_dagdeconv", "fv_zoodeconv", "fv_occlusion", "fv_dagocclusion", "fv_reconstruction",
    "fv_dagreconstruction",
)  # fmt: skip
ARGUMENTS = {
    "ReLUPass": "relu_pass",
    "ConvolutionPass": "convolution_pass",
    "pNormFactor": "p_norm_factor",
    "tvNormFactor": "tv_norm_factor",
    "targetFactor": "target_factor",
    "momentum": "momentum",
}


@cache
def network(name: str) -> refvis.Network:
    """Return the network of a golden file, committed or shared."""
    path = COMMITTED / name
    return refvis.load(path if path.exists() else SHARED / "golden" / name)


@dataclass(frozen=True)
class Case:
    """A golden case: the `function`, its `arguments` and `options`, what is `expected`, the original's error.

    `approximate`: of a network with local response normalisation, only the result with its own power is known.
    """

    function: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    expected: np.ndarray
    error: str
    approximate: bool

    def difference(self) -> float:
        """Return the largest difference from the original, relative to its largest value; both are NaN together."""
        found = self.function(*self.arguments, **self.options)
        np.testing.assert_equal(found.shape, self.expected.shape)
        np.testing.assert_equal(np.isnan(found), np.isnan(self.expected))
        if np.isnan(self.expected).all():
            return 0.0
        return float(np.nanmax(np.abs(found - self.expected)) / np.nanmax(np.abs(self.expected)))


def case(path: Path) -> Case:
    """Return the case of a file."""
    content = read(path)
    inputs, given, outputs = content["inputs"], content["options"], content["outputs"]
    net = network(given["net_file"])
    places = net.stored_nodes
    options = {ARGUMENTS[name]: plain(value) for name, value in given.items() if name in ARGUMENTS}
    if "MeasureLayer" in given:
        options["measure_layer"] = places[int(given["MeasureLayer"].item()) - 1].name
    if "MeasureFilter" in given:
        options["measure_filter"] = int(given["MeasureFilter"].item()) - 1
    if "BoxColor" in given:
        options["box_color"] = given["BoxColor"].ravel()
    if "num_layers" in given:
        net = net.upto(places[int(given["num_layers"].item()) - 1].name)
    if "OutputName" in given:
        net = net.upto(given["OutputName"])
    function = getattr(featurevis, content["op"].partition("_")[2])
    arguments: tuple[Any, ...] = (net, images(inputs["im" if "im" in inputs else "start"]))
    if "target" in inputs:
        arguments = (*arguments, images(inputs["target"]), int(given["Runs"].item()))
    arguments = (*arguments, *(sum((numbers(one) for one in spec), ()) for spec in given.get("specs", [])))
    expected = outputs.get("heatmap_exact_lrn", outputs["heatmap"])
    measured = net.upto(options["measure_layer"]) if "measure_layer" in options else net
    normalised = any(isinstance(node.layer, LRN) for node in measured.nodes)
    approximate = normalised and "heatmap_exact_lrn" not in outputs
    return Case(function, arguments, options, expected, outputs.get("error", ""), approximate)


def plain(value: Any) -> Any:
    """Return a text as it is, and a 1 x 1 array as its number."""
    return value if isinstance(value, str) else float(value.item())


def differences(family: str) -> Iterator[tuple[str, str, float]]:
    """Return what is compared, the file, and the difference, of all cases in which the original found something."""
    for path in golden(f"{family}_*"):
        one = case(path)
        kind = f"{family} {one.options.get('convolution_pass', '')}".lower()
        if one.approximate:
            yield f"{kind}, known with approximate power", path.stem, one.difference()
            with approximate_power():
                yield f"{kind}, both with approximate power", path.stem, one.difference()
        elif not one.error:
            yield kind, path.stem, one.difference()


if __name__ == "__main__":
    rows = [row for family in FAMILIES for row in differences(family)]
    for kind in dict.fromkeys(row[0] for row in rows):
        found = [(row[2], row[1]) for row in rows if row[0] == kind]
        print(f"{kind:70}{len(found):3} cases, at most {max(found)[0]:.1e} ({max(found)[1]})")
