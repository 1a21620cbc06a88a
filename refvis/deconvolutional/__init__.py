"""Deconvolutional methods, the second class of the taxonomy: a signal is backpropagated from a unit to the input."""

from refvis.deconvolutional.accounts.ledger import Ledger, ledger
from refvis.deconvolutional.cam import cam
from refvis.deconvolutional.deconvolution import deconvolution
from refvis.deconvolutional.deeplift import deeplift
from refvis.deconvolutional.excitation import excitation_backprop
from refvis.deconvolutional.grad_cam import grad_cam, guided_grad_cam
from refvis.deconvolutional.gradient_times_input import gradient_times_input
from refvis.deconvolutional.integrated_gradients import integrated_gradients
from refvis.deconvolutional.linear_approximation import linear_approximation
from refvis.deconvolutional.smoothgrad import smoothgrad, smoothgrad_squared, vargrad

__all__ = [
    "Ledger",
    "cam",
    "deconvolution",
    "deeplift",
    "excitation_backprop",
    "grad_cam",
    "gradient_times_input",
    "guided_grad_cam",
    "integrated_gradients",
    "ledger",
    "linear_approximation",
    "smoothgrad",
    "smoothgrad_squared",
    "vargrad",
]
