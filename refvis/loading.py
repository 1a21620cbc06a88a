"""From a name or a file to a network, and back."""

from dataclasses import replace
from pathlib import Path

from refvis.network import Network, model_name
from refvis.weights import Remark, bundled_names, bundled_path, read_model, save_model


def bundled() -> tuple[str, ...]:
    """Return the names of the networks that ship with refvis; `load` takes them."""
    return bundled_names()


def load(
    path: str | Path, *, isolate: bool = False, seconds: float | None = None, memory: int | None = None
) -> Network:
    """Return the network in a MatConvNet .mat file (simplenn or DagNN; v5, v7 or v7.3), or a bundled one by name.

    With `isolate`, for files that are not trusted, the file is read in a child process with limits of time (`seconds`)
    and `memory` (bytes); None: 10 s and 1 GB, and more for large files.
    Raises FileNotFoundError, or ModelFormatError saying the file, the place in it, what was found and expected.
    """
    if str(path) in bundled_names() and not Path(path).exists():
        path = bundled_path(str(path))
    elif not Path(path).exists():
        names = ", ".join(bundled_names()) or "none"
        raise FileNotFoundError(
            f"there is no file {str(path)!r}, and no bundled network of that name (there is: {names})"
        )
    model = read_model(path, isolate=isolate, seconds=seconds, memory=memory)
    report, name = tuple(model.report), model_name(path)
    net = Network(model.nodes, meta=model.meta, load_report=report, name=name, stored=model.stored)
    return replace(net, load_report=(*_warnings(net), *net.load_report))


def _warnings(net: Network) -> list[Remark]:
    """Return what a person should know who gives this network an image."""
    place, found = "meta.normalization", []
    if net.normalization.get("averageImage") is None:
        text, advice = (
            "the model has no average image: nothing is subtracted from images",
            "net.with_images(average=...)",
        )
        found.append(Remark(f"{place}.averageImage", "warning", text, advice))
    if net.input_size is None:
        text, advice = (
            "the model does not say its input size: images are used as large as they are",
            "net.with_images(size=...)",
        )
        found.append(Remark(f"{place}.imageSize", "warning", text, advice))
    return found


def save(network: Network, path: str | Path) -> None:
    """Write the network as a MatConvNet model, v5 .mat, whole or not at all; `load` gives it back bit for bit.

    A chain with the variables x0, x1, ... is written as a simplenn model, any other network as a DagNN, in the order of
    the file that it came from; layers come back in MatConvNet's order of execution.
    Raises ValueError for layers that MatConvNet has no word for.
    """
    save_model(network.to("numpy").stored_nodes, network.meta, path)
