"""Train the bundled network on generated scenes, with this project's own gradients.

    python -m refvis.scenes.train OUT.mat [--scenes 16000] [--epochs 14] [--seed 0]

Adam (Kingma & Ba 2015) on MatConvNet's softmax loss, with decoupled weight decay (Loshchilov & Hutter 2019) and a
learning rate that falls to zero along half a cosine; scenes are mirrored and shifted at random. The same seed gives the
same scenes, order and masks; the weights are then equal to the rounding of the machine's matrix products. After every
epoch the state is saved beside OUT.mat; the same command, run again after an interruption, goes on from there.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.layers import Array, Dropout, Graph, Node, SoftmaxLoss
from refvis.layers.dropout import draw_mask
from refvis.scenes.network import INPUT_SCALE, for_raw_inputs, meta, untrained
from refvis.scenes.scene import TEST_SEEDS, TRAINING_SEEDS, batch
from refvis.weights import save_simplenn

BATCH, RATE, DECAY, SHIFT = 64, 1.2e-3, 1e-2, 4
FIRST_MOMENT, SECOND_MOMENT, TINY = 0.9, 0.999, 1e-8
DRY = 5
"""Epochs at the beginning without dropout: with it, the scores stay at chance for several epochs."""
VALIDATION = TEST_SEEDS[-1000:]
"""Scenes for a look at the progress: not trained on, and not among those that accuracy is measured on."""

Parameters = dict[tuple[str, str], Array]


def parameters(graph: Graph) -> Parameters:
    """Return {(node name, field): array} for all filters and biases."""
    found = {}
    for node in graph.nodes:
        for field in ("filters", "biases"):
            if getattr(node.layer, field, None) is not None:
                found[node.name, field] = getattr(node.layer, field)
    return found


def with_layers(graph: Graph, masks: dict[str, Array]) -> Graph:
    """Return the graph with the given dropout masks and with its softmax replaced by the loss of the training."""
    nodes = []
    for node in graph.nodes[:-1]:
        layer = replace(node.layer, mask=masks[node.name]) if node.name in masks else node.layer
        nodes.append(replace(node, layer=layer))
    last = graph.nodes[-1]
    return Graph((*nodes, Node("loss", SoftmaxLoss(), (*last.inputs, "label"), last.outputs)))


def masks_for(
    graph: Graph, count: int, shapes: dict[str, tuple[int, ...]], random: np.random.Generator
) -> dict[str, Array]:
    """Return a fresh mask for each dropout layer, for a batch of `count` images."""
    return {
        node.name: draw_mask(node.layer, (count, *shapes[node.inputs[0]][1:]), random)
        for node in graph.nodes
        if isinstance(node.layer, Dropout)
    }


def varied(images: Array, random: np.random.Generator) -> Array:
    """Return images (N x H x W x 3), each mirrored at even odds and shifted by up to SHIFT pixels, edges repeated."""
    side = images.shape[1]
    wide = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    out = np.empty_like(images)
    for i, (y, x) in enumerate(random.integers(0, 2 * SHIFT + 1, (len(images), 2))):
        out[i] = wide[i, y : y + side, x : x + side]
    mirrored = random.random(len(images)) < 0.5
    out[mirrored] = out[mirrored, :, ::-1]
    return out


def adam(values: Parameters, gradients: Parameters, state: dict[str, Parameters], step: int, rate: float) -> None:
    """Take one step of Adam, in place."""
    for key, gradient in gradients.items():
        first, second = state["first"][key], state["second"][key]
        first += (1 - FIRST_MOMENT) * (gradient - first)
        second += (1 - SECOND_MOMENT) * (gradient * gradient - second)
        unbiased = first / (1 - FIRST_MOMENT**step), second / (1 - SECOND_MOMENT**step)
        values[key] -= rate * unbiased[0] / (np.sqrt(unbiased[1]) + TINY)
        if key[1] == "filters":
            values[key] *= 1 - rate * DECAY


def batches(count: int, random: np.random.Generator) -> Iterator[Array]:
    """Yield the indices of all scenes in random order, BATCH at a time; an incomplete last batch is left out."""
    order = random.permutation(count)
    for start in range(0, count - BATCH + 1, BATCH):
        yield order[start : start + BATCH]


def prepared(images: Array, average: Array) -> Array:
    """Return uint8 images (N x H x W x 3) as inputs of the network in training, float32."""
    scaled: Array = (images.astype("float32") - average) / np.float32(INPUT_SCALE)
    return scaled


def accuracy(graph: Graph, images: Array, labels: Array, average: Array) -> float:
    """Return the share of images whose most probable class is their label."""
    right = 0
    for start in range(0, len(images), 100):
        part = slice(start, start + 100)
        scores = graph.forward(prepared(images[part], average)).output
        right += int((scores[:, 0, 0].argmax(axis=1) == labels[part]).sum())
    return right / len(images)


def train(out: Path, scenes: int, epochs: int, seed: int) -> None:
    """Train and write the model to `out`."""
    graph = untrained(np.random.default_rng(seed))
    images, labels, _ = batch(tqdm(TRAINING_SEEDS[:scenes], desc="scenes", unit="scene"))
    check_images, check_labels, _ = batch(VALIDATION)
    average = images.mean(axis=(0, 1, 2), dtype="float64").astype("float32")
    values = parameters(graph)
    state = {name: {key: np.zeros_like(value) for key, value in values.items()} for name in ("first", "second")}
    saved = out.with_suffix(f".{seed}-{scenes}-{epochs}.npz")
    done = _resumed(saved, values, state)
    shapes, per_epoch = graph.shapes(x0=(1, *images.shape[1:])), scenes // BATCH
    for epoch in range(done, epochs):
        random, losses = np.random.default_rng([seed, epoch]), []
        progress = tqdm(batches(scenes, random), total=per_epoch, desc=f"epoch {epoch + 1} of {epochs}", unit="batch")
        for number, chosen in enumerate(progress):
            step = epoch * per_epoch + number + 1
            rate = RATE * min(1.0, step / 200) * (1 + np.cos(np.pi * step / (epochs * per_epoch))) / 2
            masks = masks_for(graph, BATCH, shapes, random) if epoch >= DRY else {}
            net = with_layers(graph, masks)
            x = prepared(varied(images[chosen], random), average)
            trace = net.forward(x, label=(labels[chosen] + 1).astype("float32"))
            losses.append(float(trace.output.item()))
            adam(
                values,
                net.parameter_gradients(trace, {net.outputs[0]: np.ones((1, 1, 1, 1), "float32")}),
                state,
                step,
                float(rate),
            )
            progress.set_postfix(loss=f"{np.mean(losses[-100:]):.3f}")
        _save_state(saved, values, state, epoch + 1)
        share = accuracy(graph, check_images, check_labels, average)
        tqdm.write(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, validation accuracy {share:.4f}")
    save_simplenn(for_raw_inputs(graph).nodes, meta(average), out)
    saved.unlink(missing_ok=True)


def _groups(values: Parameters, state: dict[str, Parameters]) -> dict[str, Array]:
    named = {"value": values, **state}
    return {f"{kind} {node} {field}": array for kind, group in named.items() for (node, field), array in group.items()}


def _save_state(path: Path, values: Parameters, state: dict[str, Parameters], epochs: int) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, epochs=epochs, **_groups(values, state))
    os.replace(part, path)


def _resumed(path: Path, values: Parameters, state: dict[str, Parameters]) -> int:
    """Copy a saved state into `values` and `state`; return the number of epochs that it has behind it."""
    if not path.exists():
        return 0
    with np.load(path) as stored:
        for name, array in _groups(values, state).items():
            array[...] = stored[name]
        return int(stored["epochs"])


def main(arguments: Any = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the bundled network on generated scenes.")
    parser.add_argument("out", type=Path, help="the .mat file to write")
    parser.add_argument("--scenes", type=int, default=16000, help="number of training scenes")
    parser.add_argument("--epochs", type=int, default=14, help="passes over them")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, order, masks and variations")
    options = parser.parse_args(arguments)
    train(options.out, options.scenes, options.epochs, options.seed)


if __name__ == "__main__":
    main()
