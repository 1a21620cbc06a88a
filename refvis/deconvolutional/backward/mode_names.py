"""Modes by name, where a method of its own that is asked for as a mode is named with its function."""

from refvis.layers import modes

METHODS = (
    "cam",
    "deeplift",
    "excitation_backprop",
    "grad_cam",
    "gradient_times_input",
    "guided_grad_cam",
    "integrated_gradients",
    "linear_approximation",
    "occlusion",
    "smoothgrad",
    "smoothgrad_squared",
    "vargrad",
)
"""Functions of `refvis` that explain a unit, and are no table of rules."""


def found(mode: str | modes.Mode) -> modes.Mode:
    """Return the mode of that name, or the table itself; ValueError for other names, which says what they may mean."""
    if isinstance(mode, str) and mode not in modes.MODES:
        for method in METHODS:
            if _plain(method) == _plain(mode):
                raise ValueError(f"{mode!r} is no mode but a method of its own: call refvis.{method}(net, x) in Python")
    return modes.find(mode)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())
