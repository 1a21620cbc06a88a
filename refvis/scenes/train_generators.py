"""Training of the bundled generators on generated scenes, with the gradients of this project.

    python -m refvis.scenes.train_generators NAME OUT.mat [--scenes 16000] [--epochs 12] [--seed 0]

The loss (Dosovitskiy & Brox 2016) is the mean squared difference between the drawn image and the scene that the code is
of. `FEATURES` times the same at relu2 of the bundled network, relative to that code's mean square, keeps edges that
squared pixels alone would blur (their second paper of 2016). The optimiser is Adam, with a rate that falls to zero
along half a cosine. Scenes are mirrored and shifted. After an interruption, the same command resumes from the last
epoch.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from refvis.layers import Array, Graph
from refvis.loading import load
from refvis.network import Network
from refvis.scenes.code_statistics import code_meta
from refvis.scenes.generators import OUTPUT_SCALE, PLANS, fold_scales, meta, new_generator
from refvis.scenes.scene import TEST_SEEDS, TRAINING_SEEDS, batch
from refvis.scenes.training import (
    adam,
    augment,
    batches,
    fresh_state,
    load_state,
    parameters,
    rate_at,
    save_state,
)
from refvis.weights import save_simplenn

BATCH, RATE, DECAY, FEATURES = 32, 2e-3, 1e-3, 0.25
COMPARED = "relu2"
"""Variable of the bundled network where drawn images are compared with scenes, in addition to the pixels."""
VALIDATION = TEST_SEEDS[-200:]


def train(name: str, out: Path, scenes: int, epochs: int, seed: int) -> None:
    """Train the generator of the bundled name `name` and write it to `out`."""
    plan, net = PLANS[name], load("scenes")
    images = batch(tqdm(TRAINING_SEEDS[:scenes], desc="scenes", unit="scene"))[0]
    checks = inputs(net, batch(VALIDATION)[0])
    coder, judge = net.upto(plan.source), net.upto(COMPARED)
    codes = coder.forward(checks).output
    scale = float(np.sqrt((codes * codes).mean()))
    graph = new_generator(plan, codes.shape[3], np.random.default_rng(seed))
    values = parameters(graph)
    state, saved = fresh_state(values), out.with_suffix(f".{seed}-{scenes}-{epochs}.npz")
    per_epoch = scenes // BATCH
    for epoch in range(load_state(saved, values, state), epochs):
        random, losses = np.random.default_rng([seed, epoch]), []
        progress = tqdm(batches(scenes, BATCH, random), total=per_epoch, desc=f"epoch {epoch + 1} of {epochs}")
        for number, chosen in enumerate(progress):
            step = epoch * per_epoch + number + 1
            x = inputs(net, augment(images[chosen], random))
            coded = coder.forward(x)
            trace = graph.forward(coded.output / np.float32(scale))
            loss, signal = loss_and_gradient(judge, trace.output, x, coded[judge.outputs[0]])
            losses.append(loss)
            gradients = graph.parameter_gradients(trace, {graph.outputs[0]: signal})
            adam(values, gradients, state, step, rate_at(step, epochs * per_epoch, RATE), DECAY)
            progress.set_postfix(loss=f"{np.mean(losses[-100:]):.4f}")
        save_state(saved, values, state, epoch + 1)
        drawn = graph.forward(codes / np.float32(scale)).output * np.float32(OUTPUT_SCALE)
        share = float(((drawn - checks) ** 2).sum() / (checks**2).sum())
        tqdm.write(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, squared error / square of held-out {share:.4f}")
    about = code_meta(net, plan.source)
    save_simplenn(fold_scales(graph, scale).nodes, meta(plan, codes.shape, about), out)
    saved.unlink(missing_ok=True)


def inputs(net: Network, images: Array) -> Array:
    """Return uint8 images (N x 64 x 64 x 3) as inputs of the bundled network, float32."""
    average: Array = np.asarray(net.meta["normalization"]["averageImage"], "float32").reshape(3)
    return images.astype("float32") - average


def loss_and_gradient(judge: Graph, drawn: Array, x: Array, target: Array) -> tuple[float, Array]:
    """Return the loss of images (units of OUTPUT_SCALE) against inputs x and features `target`, and its gradient."""
    difference = drawn - x / np.float32(OUTPUT_SCALE)
    loss, signal = float((difference**2).mean()), difference * np.float32(2 / difference.size)
    trace = judge.forward(drawn * np.float32(OUTPUT_SCALE))
    features = trace.output - target
    weight = FEATURES / float((target * target).sum())
    back = judge.backward(trace, {judge.outputs[0]: features * np.float32(2 * weight)})[judge.inputs[0]]
    return loss + weight * float((features**2).sum()), signal + back * np.float32(OUTPUT_SCALE)


def main(arguments: Any = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train one of the bundled generators on generated scenes.")
    parser.add_argument("name", choices=sorted(PLANS), help="which of them")
    parser.add_argument("out", type=Path, help="the .mat file to write")
    parser.add_argument("--scenes", type=int, default=16000, help="number of training scenes")
    parser.add_argument("--epochs", type=int, default=12, help="passes over them")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, order and variations")
    options = parser.parse_args(arguments)
    train(options.name, options.out, options.scenes, options.epochs, options.seed)


if __name__ == "__main__":
    main()
