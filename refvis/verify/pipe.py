"""An implementation in any language, behind a pipe: it reads requests from its standard input, a line of JSON each.

    {"cmd": "start", "version": 1}
        -> {"version": 1, "implementation": {"name": "mine", "layout": "NCHW", "kinds": ["conv", "lrn"]}}
    {"cmd": "run", "seq": 1, "kind": "conv", "part": "forward", "layer": {...}, "inputs": {"x": {"shape", "data"}}}
        -> {"seq": 1, "values": {"output": {"shape": [...], "data": [...]}}}
        -> {"seq": 1, "skipped": true, "message": "no dilation"}
        -> {"seq": 1, "errored": true, "message": "what went wrong"}
    {"cmd": "stop"}

The commands are those of Bowtie (bowtie-json-schema). Arrays are lists of numbers in row-major order of the layout that
the implementation named. A backward pass has "signal" and "output" among its inputs.
"""

import json
import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy as np

from refvis.layers import Array
from refvis.verify.kind import Part
from refvis.verify.layouts import require_layout
from refvis.verify.writing import array_json, layer_json

VERSION = 1


class HarnessError(RuntimeError):
    """The program does not start, ends, hangs, or does not speak the protocol."""


class Program:
    """A running program that answers requests.

        command  the command line of the program
        wait     seconds to wait for an answer

    Use it in a ``with`` statement: the program ends with it. Raises HarnessError where the program fails.
    """

    def __init__(self, command: str, wait: float = 60.0) -> None:
        """Start the program and ask who it is."""
        self.command, self.wait, self._seq = command, wait, 0
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        except (OSError, ValueError) as error:
            raise HarnessError(f"{command!r} cannot be started: {error}") from None
        self._lines: Queue[str] = Queue()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.about = self._started()
            self.layout = require_layout(str(self.about.get("layout", "NHWC")))
        except (HarnessError, ValueError):
            self.stop()
            raise

    def _started(self) -> Mapping[str, Any]:
        """Ask the program who it is."""
        about = self._ask({"cmd": "start", "version": VERSION})
        implementation = about.get("implementation")
        if about.get("version") != VERSION or not isinstance(implementation, Mapping):
            raise HarnessError(
                f"{self.command!r} answered {_short(about)} to start, expected version {VERSION} and an implementation"
            )
        return implementation

    def __enter__(self) -> Self:
        """Return the program."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the program."""
        self.stop()

    def run(self, kind: str, part: Part, layer: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the program gives for a case.

        Raises NotImplementedError where it skips the case, RuntimeError where it says that it failed.
        """
        self._seq += 1
        arrays = {name: array_json(array) for name, array in inputs.items()}
        request = {"kind": kind, "part": part, "layer": layer_json(layer), "inputs": arrays}
        answer = self._ask({"cmd": "run", "seq": self._seq, **request})
        if answer.get("seq") != self._seq:
            raise HarnessError(f"{self.command!r} answered {_short(answer)}, expected seq {self._seq}")
        if answer.get("skipped"):
            raise NotImplementedError(str(answer.get("message", "skipped")))
        if answer.get("errored"):
            raise RuntimeError(str(answer.get("message", "it failed")))
        values = answer.get("values")
        if not isinstance(values, Mapping):
            raise HarnessError(f"{self.command!r} answered {_short(answer)}, expected values, skipped or errored")
        return {str(name): _array(value, self.command) for name, value in values.items()}

    def stop(self) -> None:
        """Ask the program to end, and end it."""
        with suppress(OSError, ValueError):
            self._stdin.write(json.dumps({"cmd": "stop"}) + "\n")
        with suppress(OSError, ValueError):
            self._stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._stdout.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            self._stdin.write(json.dumps(request) + "\n")
            self._stdin.flush()
            line = self._lines.get(timeout=self.wait)
        except (OSError, ValueError):
            line = ""
        except Empty:
            self._process.kill()
            raise HarnessError(f"{self.command!r} gave no answer within {self.wait:g} seconds") from None
        if not line:
            code = self._process.wait()
            raise HarnessError(f"{self.command!r} ended with code {code}, expected an answer to {request['cmd']!r}")
        try:
            answer = json.loads(line)
        except ValueError:
            raise HarnessError(f"{self.command!r} answered {_short(line)}, expected a line of JSON") from None
        if not isinstance(answer, dict):
            raise HarnessError(f"{self.command!r} answered {_short(answer)}, expected an object")
        return answer

    def _read(self) -> None:
        """Put the program's lines into the queue, and an empty one at the end."""
        for line in self._stdout:
            self._lines.put(line)
        self._lines.put("")


def functions(program: Program, kind: str) -> dict[Part, Any]:
    """Return the program as functions for `verify.layer`, by part."""

    def forward(layer: Any, *inputs: Array) -> Array:
        return _one(program.run(kind, "forward", layer, _named(inputs)), "output")

    def backward(layer: Any, signal: Array, output: Array, *inputs: Array) -> Any:
        given = {**_named(inputs), "signal": signal, "output": output}
        values = program.run(kind, "backward", layer, given)
        if len(inputs) == 1:
            return _one(values, "signal")
        return tuple(_one(values, f"signal of x{number}") for number in range(len(inputs)))

    def parameter_gradients(layer: Any, signal: Array, output: Array, *inputs: Array) -> dict[str, Array]:
        given = {**_named(inputs), "signal": signal, "output": output}
        return program.run(kind, "parameter_gradients", layer, given)

    parts: dict[Part, Any] = {
        "forward": forward,
        "backward": backward,
        "parameter_gradients": parameter_gradients,
    }
    return parts


def _named(inputs: tuple[Array, ...]) -> dict[str, Array]:
    return {"x": inputs[0]} if len(inputs) == 1 else {f"x{number}": array for number, array in enumerate(inputs)}


def _one(values: Mapping[str, Array], name: str) -> Array:
    if name not in values:
        raise RuntimeError(f"it gives no {name!r}, only {', '.join(map(repr, values)) or 'nothing'}")
    return values[name]


def _array(value: Any, command: str) -> Array:
    try:  # some languages write a list of one number as a number
        data, shape = (one if isinstance(one, list) else [one] for one in (value["data"], value["shape"]))
        return np.array([float(one) for one in data]).reshape([int(one) for one in shape])
    except (TypeError, KeyError, ValueError) as error:
        raise HarnessError(f"{command!r} gave {_short(value)}, expected an array of shape and data: {error}") from None


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(text.strip()[:80])
