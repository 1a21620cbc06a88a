"""Commands of the command line: a function for each command, and the options that they share."""

from refvis.commands.classify import classify
from refvis.commands.deconvolution import deconvolution
from refvis.commands.examples import examples
from refvis.commands.explain import explain
from refvis.commands.info import info
from refvis.commands.invert import invert
from refvis.commands.ledger import ledger
from refvis.commands.maximize import maximize
from refvis.commands.modes import modes
from refvis.commands.occlusion import occlusion
from refvis.commands.scenes import scenes
from refvis.commands.show import show
from refvis.commands.vectors import vectors
from refvis.commands.verify import verify

__all__ = [
    "classify",
    "deconvolution",
    "examples",
    "explain",
    "info",
    "invert",
    "ledger",
    "maximize",
    "modes",
    "occlusion",
    "scenes",
    "show",
    "vectors",
    "verify",
]
