"""Training of the bundled network on generated scenes, with the gradients of this project.

    python -m refvis.scenes.train OUT.mat [--scenes 16000] [--epochs 14] [--seed 0]

The optimiser is Adam (Kingma & Ba 2015) on MatConvNet's softmax loss, with decoupled weight decay (Loshchilov & Hutter
2019) and a learning rate that falls to zero along half a cosine. Scenes are mirrored and shifted at random. The same
seed gives the same scenes, order and masks; weights then agree up to the rounding of the machine's matrix products.
The state is saved beside OUT.mat after each epoch; the same command resumes from it after an interruption.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.layers import Array, Dropout, Graph, Node, SoftmaxLoss
from refvis.layers.dropout import draw_mask
from refvis.scenes.network import INPUT_SCALE, fold_input_scale, meta, new_network
from refvis.scenes.scene import TEST_SEEDS, TRAINING_SEEDS, batch
from refvis.scenes.training import adam, augment, batches, fresh_state, load_state, parameters, rate_at, save_state
from refvis.weights import save_simplenn

BATCH, RATE, DECAY = 64, 1.2e-3, 1e-2
DRY = 5
"""Number of first epochs without dropout; with dropout, the scores would stay at chance for several epochs."""
VALIDATION = TEST_SEEDS[-1000:]
"""Scenes for monitoring: not trained on, and not among those that `refvis.scenes.accuracy` uses."""


def training_graph(graph: Graph, masks: dict[str, Array]) -> Graph:
    """Return the graph with the given dropout masks, and with the training loss in place of its softmax."""
    nodes = []
    for node in graph.nodes[:-1]:
        layer = replace(node.layer, mask=masks[node.name]) if node.name in masks else node.layer
        nodes.append(replace(node, layer=layer))
    last = graph.nodes[-1]
    return Graph((*nodes, Node("loss", SoftmaxLoss(), (*last.inputs, "label"), last.outputs)))


def dropout_masks(
    graph: Graph, count: int, shapes: dict[str, tuple[int, ...]], random: np.random.Generator
) -> dict[str, Array]:
    """Return a fresh mask for each dropout layer, for a batch of `count` images."""
    return {
        node.name: draw_mask(node.layer, (count, *shapes[node.inputs[0]][1:]), random)
        for node in graph.nodes
        if isinstance(node.layer, Dropout)
    }


def to_input(images: Array, average: Array) -> Array:
    """Return uint8 images (N x H x W x 3) as training inputs, float32."""
    scaled: Array = (images.astype("float32") - average) / np.float32(INPUT_SCALE)
    return scaled


def accuracy(graph: Graph, images: Array, labels: Array, average: Array) -> float:
    """Return the share of images whose most probable class is their label."""
    right = 0
    for start in range(0, len(images), 100):
        part = slice(start, start + 100)
        scores = graph.forward(to_input(images[part], average)).output
        right += int((scores[:, 0, 0].argmax(axis=1) == labels[part]).sum())
    return right / len(images)


def train(out: Path, scenes: int, epochs: int, seed: int) -> None:
    """Train and write the model to `out`."""
    graph = new_network(np.random.default_rng(seed))
    images, labels, _ = batch(tqdm(TRAINING_SEEDS[:scenes], desc="scenes", unit="scene"))
    check_images, check_labels, _ = batch(VALIDATION)
    average = images.mean(axis=(0, 1, 2), dtype="float64").astype("float32")
    values = parameters(graph)
    state = fresh_state(values)
    saved = out.with_suffix(f".{seed}-{scenes}-{epochs}.npz")
    done = load_state(saved, values, state)
    shapes, per_epoch = graph.shapes(x0=(1, *images.shape[1:])), scenes // BATCH
    for epoch in range(done, epochs):
        random, losses = np.random.default_rng([seed, epoch]), []
        progress = tqdm(
            batches(scenes, BATCH, random), total=per_epoch, desc=f"epoch {epoch + 1} of {epochs}", unit="batch"
        )
        for number, chosen in enumerate(progress):
            step = epoch * per_epoch + number + 1
            masks = dropout_masks(graph, BATCH, shapes, random) if epoch >= DRY else {}
            net = training_graph(graph, masks)
            x = to_input(augment(images[chosen], random), average)
            trace = net.forward(x, label=(labels[chosen] + 1).astype("float32"))
            losses.append(float(trace.output.item()))
            adam(
                values,
                net.parameter_gradients(trace, {net.outputs[0]: np.ones((1, 1, 1, 1), "float32")}),
                state,
                step,
                rate_at(step, epochs * per_epoch, RATE),
                DECAY,
            )
            progress.set_postfix(loss=f"{np.mean(losses[-100:]):.3f}")
        save_state(saved, values, state, epoch + 1)
        share = accuracy(graph, check_images, check_labels, average)
        tqdm.write(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, validation accuracy {share:.4f}")
    save_simplenn(fold_input_scale(graph).nodes, meta(average), out)
    saved.unlink(missing_ok=True)


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
