"""From a name or a file to a network, and back."""

from pathlib import Path

from refvis.network import Network, model_name
from refvis.weights import bundled_names, bundled_path, read_model, save_model


def bundled() -> tuple[str, ...]:
    """Return the names of the networks that ship with refvis; `load` takes them."""
    return bundled_names()


def load(path: str | Path) -> Network:
    """Return the network in a MatConvNet .mat file (simplenn or DagNN; v5, v7 or v7.3), or a bundled one by name.

    Raises FileNotFoundError, or ModelFormatError saying the file, the place in it, what was found and expected.
    """
    if str(path) in bundled_names() and not Path(path).exists():
        path = bundled_path(str(path))
    elif not Path(path).exists():
        names = ", ".join(bundled_names()) or "none"
        raise FileNotFoundError(
            f"there is no file {str(path)!r}, and no bundled network of that name (there is: {names})"
        )
    model = read_model(path)
    return Network(model.nodes, meta=model.meta, load_report=tuple(model.report), name=model_name(path))


def save(network: Network, path: str | Path) -> None:
    """Write the network as a MatConvNet model, v5 .mat, whole or not at all; `load` gives it back exactly.

    A chain with the variables x0, x1, ... is written as a simplenn model, any other network as a DagNN.
    Raises ValueError for layers that MatConvNet has no word for.
    """
    save_model(network.to("numpy").nodes, network.meta, path)
