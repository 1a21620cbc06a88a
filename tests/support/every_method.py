"""Each public method of the three classes, once, by name: a function of a classifier of `small_nets` and an input."""

import numpy as np
from support.small_nets import conv

import refvis
from refvis.input_reconstruction.image.fourier import Fourier
from refvis.input_reconstruction.presets import PRESETS
from refvis.layers import Pool, ReLU, array_module
from refvis.optimisation.lbfgs import LBFGS

SEGMENTS = np.arange(13)[:, None] // 5 * 3 + np.arange(11) // 4

METHODS = {
    "deconvolution": lambda net, x: refvis.deconvolution(net, x, "guided", channel=[1, 3]),
    "deconvolution, relevance": lambda net, x: refvis.deconvolution(net, x, "epsilon_gamma_box", against=2),
    "gradient_times_input": refvis.gradient_times_input,
    "linear_approximation": lambda net, x: refvis.linear_approximation(net, x, layer="relu2"),
    "grad_cam": refvis.grad_cam,
    "guided_grad_cam": refvis.guided_grad_cam,
    "cam": lambda net, x: refvis.cam(pooled(net), x, upsample=False),
    "excitation_backprop": lambda net, x: refvis.excitation_backprop(net, x, layer="pool1", contrastive=True),
    "integrated_gradients": lambda net, x: refvis.integrated_gradients(net, x, steps=4),
    "deeplift": refvis.deeplift,
    "smoothgrad": lambda net, x: refvis.smoothgrad(net, x, samples=3),
    "smoothgrad_squared": lambda net, x: refvis.smoothgrad_squared(net, x, samples=3),
    "vargrad": lambda net, x: refvis.vargrad(net, x, samples=3),
    "ledger": lambda net, x: refvis.ledger(net, x).entries,
    "occlusion": lambda net, x: refvis.occlusion(net, x, specs=[(5, 4), (3, 4)], draws=2, fill="random"),
    "occlusion, colour": lambda net, x: refvis.occlusion(net, x, 5, 4, fill=array_module(x).asarray([1.0, 2.0, 3.0])),
    "occlusion, image": lambda net, x: refvis.occlusion(net, x, 5, 4, fill=x[:, ::-1]),
    "occlusion, everything": lambda net, x: refvis.occlusion(net, x, 5, 4, incremental=False, measure="spectral"),
    "discrepancy": lambda net, x: refvis.discrepancy(net, x, "conv2", 3, size=4, stride=4),
    "feature_occlusion": lambda net, x: refvis.feature_occlusion(net, x, "relu1", value=1.0),
    "rise": lambda net, x: refvis.rise(net, x, 12, cells=3),
    "lime": lambda net, x: refvis.lime(net, x, SEGMENTS, 40, fill="segment"),
    "kernel_shap": lambda net, x: refvis.kernel_shap(net, x, SEGMENTS, 60),
    "meaningful_perturbation": lambda net, x: refvis.meaningful_perturbation(net, x, cells=4, steps=3),
    "extremal_perturbation": lambda net, x: refvis.extremal_perturbation(net, x, cells=4, sigma=1.0, steps=3),
    "inversion": lambda net, x: refvis.inversion(net, x, "relu1", steps=4, starts=2),
    "natural_preimage": lambda net, x: refvis.natural_preimage(net, x, "relu2", steps=3),
    "activation_maximization": lambda net, x: refvis.activation_maximization(net, channel=[0, 2], steps=3),
    "inversion, l-bfgs": lambda net, x: refvis.inversion(net, x, "relu1", steps=3, optimiser=LBFGS()),
    "inversion, fourier": lambda net, x: refvis.inversion(net, x, "relu1", steps=3, parametrisation=Fourier()),
    **{
        name: lambda net, x, name=name: refvis.activation_maximization(net, "conv2", [1], name, steps=4)
        for name in PRESETS
    },
    "empirical_receptive_field": lambda net, x: refvis.empirical_receptive_field(
        net, pictures(), "relu1", 1, 2, size=3, stride=3
    ),
    "caricature": lambda net, x: refvis.caricature(net, x, "relu2", steps=3),
    "deepdream": lambda net, x: refvis.deepdream(net, x, "relu1", octaves=2, ratio=1.1, steps=2, jitter=1),
    "examples": lambda net, x: refvis.examples(net, pictures(), "relu1", [0, 2], 2).scores,
    "featurevis.deconvolution": lambda net, x: refvis.featurevis.deconvolution(net, x, "deconvnet"),
    "featurevis.occlusion": lambda net, x: refvis.featurevis.occlusion(net, x, (5, 4), version="dagnn"),
    "featurevis.reconstruction": lambda net, x: refvis.featurevis.reconstruction(
        net.upto("relu1"), x, net.upto("relu1").forward(x * 0.5).output, 2
    ),
}


def pictures():
    """Return pictures."""
    return list(np.random.default_rng(2).integers(0, 256, (4, 13, 11, 3)).astype("uint8"))


def pooled(net):
    """Return a classifier on global average pooling, where the net is."""
    random = np.random.default_rng(7)
    chain = {
        "conv": conv(random, (8, 3, 3, 3)),
        "relu": ReLU(),
        "pool": Pool((11, 9), method="avg"),
        "fc": conv(random, (5, 1, 1, 8)),
    }
    return refvis.chain(chain).to(net.library)
