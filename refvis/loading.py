"""Loading and saving of networks: a name, a file of MatConvNet or ONNX, or a PyTorch module to `Network`, and back."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from refvis.network import Network, model_name, require_network
from refvis.weights import LoadReport, Model, Remark, bundled_names, bundled_path, read_model, save_model
from refvis.weights.matconvnet.full_layers import with_convolutions
from refvis.weights.torch_modules.read import read_torch


def bundled() -> tuple[str, ...]:
    """Return the names of the networks that ship with refvis, sorted; `load` takes them in place of a path.

    >>> import refvis
    >>> "scenes" in refvis.bundled()
    True
    """
    return bundled_names()


def load(
    path: str | Path,
    *,
    isolate: bool = False,
    seconds: float | None = None,
    memory: int | None = None,
    network: str | None = None,
    size: tuple[int, int] | None = None,
) -> Network:
    """Return the network in a MatConvNet .mat file, in an ONNX file, or a bundled network by its name.

    ``load_report`` of the result lists what was filled in, changed or ignored, and warns if the file does not store the
    preprocessing of images; ``with_images`` adds it. Print it to read it: remarks that say the same share a line.

    Parameters:

        path      a .mat file of version 5, 6, 7 or 7.3 with a simplenn network or a DagNN; an ONNX file, which needs
                  the package onnx (pip install 'refvis[onnx]'); or a name from `bundled`
        isolate   read the file in a child process, for files that are not trusted. Default: False
        seconds   time of that process in s. Default: 10, and one for each 20 MB of the file
        memory    memory of that process in bytes. Default: 1 GB, and six times the file's size
        network   the place of the network in a file that holds several, such as "netD" or "nets{3}". Default: the
                  only one, or the one at a usual place (net, model.net, model, or at top level)
        size      height and width of the input, for an ONNX file that leaves them open. Default: 224 x 224

    Raises FileNotFoundError if there is no such file or name, ModuleNotFoundError for an ONNX file without the package
    onnx, ValueError for `network` or `size` with a file of the other kind, and ModelFormatError if the file is not a
    model or is damaged; with `isolate` also if it crashes the process that reads it, or exceeds its time or memory.

    >>> import refvis
    >>> net = refvis.load("scenes")
    >>> net.nodes[0].name, net.input_size
    ('conv1', (64, 64))
    """
    exists = os.path.exists(path)  # false also for a name that is too long, where Path(path).exists() raises
    if str(path) in bundled_names() and not exists:
        path = bundled_path(str(path))
    elif not exists:
        names = ", ".join(bundled_names()) or "none"
        raise FileNotFoundError(
            f"there is no file {str(path)!r}, and no bundled network of that name; bundled networks: {names}"
        )
    model = read_model(path, isolate=isolate, seconds=seconds, memory=memory, network=network, size=size)
    return network_of(model, model_name(path))


def from_torch(module: Any, example: Any) -> Network:
    """Return the network that a PyTorch module computes; torch traces it (``torch.fx``), and is not needed afterwards.

    Parameters:

        module    a torch.nn.Module of one input, in eval mode
        example   an input of it, N x C x H x W, an array or a tensor: the network is for inputs of its size

    Layers have the names of the module's parts, such as "features.0", or of the calls in its forward methods. The
    network takes N x H x W x C: ``x.transpose(0, 2, 3, 1)``. What has no layer here becomes a layer without
    implementation, and ``load_report`` says so. The weights are copies. `docs/guide/onnx.md` lists what maps to what.

    Raises TypeError for anything that is not a module, ValueError for a module in training mode, for an example of
    another shape, and for a module that torch cannot trace or run on the example; and ModelFormatError for one that
    computes nothing of its input.
    """
    return network_of(read_torch(module, example), type(module).__name__)


def network_of(model: Model, name: str) -> Network:
    """Return the network of a model, with remarks on what is missing for images."""
    net = Network(model.nodes, meta=model.meta, name=name, stored=model.stored)
    about_images = (*unused_preprocessing(net), *resized_images(net))
    return replace(net, load_report=LoadReport((*missing_preprocessing(net), *model.report, *about_images)))


def missing_preprocessing(net: Network) -> list[Remark]:
    """Return a warning for the average image and one for the input size, if the network's file does not store it."""
    place, remarks = "meta.normalization", []
    if net.normalization.get("averageImage") is None:
        text = "the model has no average image: nothing is subtracted from images"
        remarks.append(Remark(f"{place}.averageImage", "warning", text, "net.with_images(average=...)"))
    if net.input_size is None:
        text = "the model has no input size: images keep their own size"
        remarks.append(Remark(f"{place}.imageSize", "warning", text, "net.with_images(size=...)"))
    return remarks


def unused_preprocessing(net: Network) -> list[Remark]:
    """Return a remark if MatConvNet's evaluation would cut out the centre of images, which `preprocess` does not.

    `cnn_imagenet_evaluate` does so by cropSize; `keepAspect` says whether it takes the image's proportions for the
    input's. The examples for single images resize them as a whole.
    """
    entries, place = net.normalization, "meta.normalization"
    if entries.get("imageCrop") is not None:
        return []
    whole = "here images are resized to the input size as a whole, as MatConvNet's examples do"
    share = np.ravel(entries.get("cropSize") or 1.0)
    if share.dtype.kind == "f" and (share < 1).any():
        border = f", for a border of {entries['border']}" if "border" in entries else ""
        kept = " x ".join(f"{part:.4g}" for part in dict.fromkeys(share.tolist()))
        text = f"evaluation cuts out the centre, {kept} of an image{border}; {whole}"
        return [Remark(f"{place}.cropSize", "warning", text, "net.with_images(crop=True)")]
    if entries.get("keepAspect"):
        text = f"evaluation cuts out the centre with the input's proportions; {whole}"
        return [Remark(f"{place}.keepAspect", "ignored", text, "net.with_images(crop=True)")]
    return []


def resized_images(net: Network) -> list[Remark]:
    """Return a remark for an average image, or a deviation, that is resized to the input's size."""
    remarks = []
    for name in ("averageImage", "imageStd"):
        values: Any = net.normalization.get(name)
        size = net.input_size
        if size and np.ndim(values) == 3 and np.shape(values)[:2] not in ((1, 1), size):
            found = " x ".join(map(str, np.shape(values)))
            text = f"{name} is {found}: it is resized to the input's {size[0]} x {size[1]}"
            remarks.append(Remark(f"meta.normalization.{name}", "changed", text))
    return remarks


def save(network: Network, path: str | Path) -> None:
    """Write the network as a MatConvNet model, a v5 .mat file; `load` gives it back bit for bit.

    A chain with the variables x0, x1, ... is written as a simplenn model, any other network as a DagNN. The layers
    stand in the order of the file that the network came from; loading puts them in MatConvNet's order of execution.
    The file appears whole or not at all; an existing file is replaced.

    A FullyConnected is written as the convolution that it is, whose filters are as big as its input, and loads as that
    Conv. The size of its input follows from the network's (``with_images(size=...)``), or is 1 x 1 behind another one.

    Raises ValueError for layers that MatConvNet's models cannot hold, for a FullyConnected whose input has no known
    size, and OSError if the file cannot be written.

    >>> import refvis
    >>> net = refvis.chain({"relu": refvis.layers.ReLU(), "prob": refvis.layers.Softmax()})
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     refvis.save(net, f"{directory}/small.mat")
    ...     refvis.load(f"{directory}/small.mat")
    Network('small': 2 layers, x0 -> x2)
    """
    require_network(network)
    size, channels = network.input_size, network.channels
    shapes = {network.inputs[0]: (1, *size, channels)} if size is not None and channels is not None else {}
    own = network.to("numpy")
    save_model(replace(own, nodes=with_convolutions(own.nodes, shapes)).stored_nodes, network.meta, path)
