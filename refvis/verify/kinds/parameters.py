"""Wrong gradients of parameters that any layer with parameters can have."""

from collections.abc import Callable

import numpy as np

from refvis.layers import Array
from refvis.verify.case import Case, Values
from refvis.verify.kind import Answer, Compute, Kind


def scaled_gradients(
    name: str, text: str, factor: Callable[[Case], float], only: str = "", flag: str = "MISSING_STEP"
) -> Answer:
    """Return the answer that multiplies the gradients by a number; `only`: that of the field of this name."""

    def change(case: Case, field: str, gradient: Array) -> Array:
        return gradient * factor(case) if only in ("", field) else gradient

    return gradients_are(name, text, change, flag)


def gradients_are(name: str, text: str, change: Callable[[Case, str, Array], Array], flag: str) -> Answer:
    """Return the answer that changes each gradient: ``(case, field, gradient) -> gradient``."""

    def compute(kind: Kind, case: Case) -> Values:
        found = kind.results("parameter_gradients", case)
        return {field: change(case, field, np.asarray(gradient)) for field, gradient in found.items()}

    return Answer(name, text, {"parameter_gradients": compute}, flag=flag)


def first_image(kind: Kind, case: Case) -> Values:
    """Return the gradients of the first image alone."""
    signal = case.signal if case.signal is None else case.signal[:1]
    return kind.results("parameter_gradients", Case(case.layer, tuple(x[:1] for x in case.inputs), signal))


def of_absolute_signal(kind: Kind, case: Case) -> Values:
    """Return the gradients of the signal's absolute value."""
    signal = np.abs(np.asarray(case.signal))
    return kind.results("parameter_gradients", Case(case.layer, case.inputs, signal))


def images(case: Case) -> int:
    """Return the number of images."""
    return len(case.inputs[0])


def positions(case: Case) -> int:
    """Return the number of positions of the signal, in all images."""
    signal = np.asarray(case.signal)
    return int(signal.size // signal.shape[3])


def answers(weights: str, biases: str, windows: bool = True) -> tuple[Answer, ...]:
    """Return the answers for a layer with these two fields; `windows`: whether its output has several positions."""
    alone: Compute = first_image
    means = (
        scaled_gradients(
            f"mean_{biases}_gradient",
            f"its gradient of the {biases} is a mean, not a sum",
            lambda case: 1 / positions(case),
            biases,
        ),
        scaled_gradients(
            f"mean_{weights}_gradient",
            f"its gradient of the {weights} is a mean over positions, not a sum",
            lambda case: 1 / positions(case),
            weights,
        ),
    )
    return (
        *(means if windows else ()),
        scaled_gradients(
            "mean_over_images",
            "its gradients are divided by the number of images",
            lambda case: 1 / images(case),
            flag="CONVENTION",
        ),
        scaled_gradients(
            f"{weights}_mean_over_images",
            f"its gradient of the {weights} is divided by the number of images",
            lambda case: 1 / images(case),
            weights,
        ),
        scaled_gradients(
            f"{biases}_mean_over_images",
            f"its gradient of the {biases} is divided by the number of images",
            lambda case: 1 / images(case),
            biases,
        ),
        scaled_gradients(
            f"no_{biases}_gradient", f"its gradient of the {biases} is zero", lambda case: 0.0, biases, "UNSUPPORTED"
        ),
        scaled_gradients("negated_gradients", "its gradients have the other sign", lambda case: -1.0),
        scaled_gradients("doubled_gradients", "its gradients are twice as large", lambda case: 2.0),
        Answer("first_image_gradients", "its gradients are those of the first image", {"parameter_gradients": alone}),
        Answer(
            "gradients_of_absolute_signal",
            "its gradients take the signal's absolute value",
            {"parameter_gradients": of_absolute_signal},
        ),
    )
