"""What is done with each file, and which ends are right: a network, a ModelFormatError, or the limit's error.

A network that loads may still not run: then a ValueError of refvis itself says why, such as ShapeError.
"""

import contextlib
import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import refvis
from refvis import cli
from refvis.endings import scores_of
from refvis.report import explain
from refvis.show import described, drawing

SMALL = "8MB"
"""The memory limit where a network runs many times."""

SIDE = 12
"""Pixels of an image for a network whose file does not say how large they are, or says they are large."""

PACKAGES = tuple(os.path.realpath(f"{next(iter(refvis.__path__))}{name}") for name in ("", "/layers", "/weights"))
"""Folders of refvis: an error that the user can mend is raised in one of them."""


class Outcome(dict[str, str]):
    """How each stage ended, by name; `seconds` is the computing time of the slowest."""

    seconds = 0.0

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Measure a stage."""
        start = time.process_time()
        yield
        self.seconds = max(self.seconds, time.process_time() - start)


def outcome(path: Path, thorough: bool) -> Outcome:
    """Return how each stage ended; the stages after loading are left out unless it gives a network.

    `thorough` adds the child process, `explain`, and two commands of the command line.
    """
    found = Outcome()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = attempt(found, "load", lambda: refvis.load(path), refvis.ModelFormatError)
        if thorough:
            attempt(found, "isolated", lambda: refvis.load(path, isolate=True), refvis.ModelFormatError)
            for command in ("show", "classify"):
                with found.timed():
                    found[f"refvis {command}"] = commanded(command, path)
        if net is not None:
            attempt(found, "show", lambda: (described(net), drawing.svg(net), drawing.dot(net)))
            attempt(found, "forward", lambda: run(net))
            attempt(found, "gradients", lambda: small(gradients, net))
            attempt(found, "relevance", lambda: small(relevance, net))
            if thorough:
                attempt(found, "explain", lambda: small(explained, net))
    return found


def attempt(found: Outcome, stage: str, function: Callable[[], Any], *allowed: type[Exception]) -> Any:
    """Call a function, and enter its end: "done", the name of an error that may be, or a fault with its place."""
    with found.timed():
        try:
            result = function()
        except Exception as error:
            found[stage] = verdict(error, allowed or (ValueError,))
            return None
        found[stage] = "done"
        return result


def verdict(error: Exception, allowed: tuple[type[Exception], ...]) -> str:
    """Return the name of an error; "fault: ..." unless it is allowed and raised in refvis, or the limit's."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    own = os.path.realpath(place.filename).startswith(PACKAGES)
    if isinstance(error, refvis.MemoryLimitError) or (isinstance(error, allowed) and own):
        return type(error).__name__
    return f"fault: {type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})"


def image(net: refvis.Network) -> Any:
    """Return a small picture."""
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype("uint8")


def run(net: refvis.Network) -> Any:
    """Run the network on an input of its own size, if that is small, and on what `preprocess` makes."""
    height, width = net.input_size or (SIDE, SIDE)
    if height * width <= SIDE**4:
        return net.forward(np.ones((1, height, width, min(net.channels or 3, SIDE**2)), "float32"))
    return net.forward(net.preprocess(image(net)))


def small(function: Callable[[refvis.Network], Any], net: refvis.Network) -> Any:
    """Call a function that runs the network many times, with a limit that bounds its time, too."""
    with refvis.memory_limit(SMALL):
        return function(net)


def explained(net: refvis.Network) -> Any:
    """Explain the score of a small picture."""
    return explain(net, image(net), steps=1, maximize=False)


def gradients(net: refvis.Network) -> Any:
    """Go back from the first of the scores in the modes that every layer has rules for."""
    x = net.preprocess(image(net))
    return [refvis.deconvolution(net, x, mode, at=scores_of(net)[0]) for mode in ("gradient", "guided", "deconvnet")]


def relevance(net: refvis.Network) -> Any:
    """Go back from the first of the scores in modes of relevance."""
    x = net.preprocess(image(net))
    return [refvis.deconvolution(net, x, mode, at=scores_of(net)[0]) for mode in ("epsilon", "epsilon_plus_flat")]


def commanded(command: str, path: Path) -> str:
    """Run a command in this process; anything but an exit with 0 or 2 and a line of error is a fault."""
    folder = path.parent
    picture = folder / "picture.png"
    if not picture.exists():
        from PIL import Image

        Image.fromarray(image(None)).save(picture)  # type: ignore[arg-type]
    arguments = {
        "show": ["show", path],
        "classify": ["classify", picture, "--model", path],
    }[command]
    before, errors = sys.argv, io.StringIO()
    sys.argv = ["refvis", "--memory-limit", SMALL, *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            cli.main()
    except SystemExit as end:
        text = errors.getvalue()
        right = end.code in (0, None) or (end.code == 2 and "refvis: error: " in text and "Traceback" not in text)
        return f"exit {end.code or 0}" if right else f"fault: exit {end.code}: {text[-300:]}"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"fault: {type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})"
    finally:
        sys.argv = before
    return "exit 0"
