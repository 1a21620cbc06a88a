"""Checkpoints: the state of a run in a file, written atomically, from which the same call resumes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved, to_host
from refvis.optimisation.checkpoint_file import CheckpointError, pack, unpack
from refvis.optimisation.history import lowest
from refvis.optimisation.state import State
from refvis.warn import warn_caller
from refvis.weights.whole_files import require_writable, write_bytes

VERSION = 2
"""Version of the file; those of version 1 had no checksum."""

LONGEST = 40
"""Letters that an error shows of a value."""


@dataclass(frozen=True)
class Checkpoint:
    """A file (.npz) that is written every `every` steps; `run` describes the run that it belongs to, entry by entry.

    Raises ValueError for another suffix, and OSError if the file cannot be written.
    """

    path: Path
    run: Mapping[str, Any]
    every: int = 50

    def __post_init__(self) -> None:
        """Check the file's name and place."""
        if self.path.suffix != ".npz":
            raise ValueError(f"the checkpoint is {str(self.path)!r}, expected a name that ends in .npz")
        require_writable(self.path)

    def write_if_due(self, state: State) -> None:
        """Write the state every `every` steps."""
        if len(state.rows) % self.every == 0:
            self.write(state)

    def write(self, state: State) -> None:
        """Write the state, whole or not at all. A full disk is a warning, and no reason to end the run."""
        arrays = {"z": state.z, "best": state.best}
        arrays |= {f"memory {name}": array for name, array in state.memory.items()}
        arrays |= {f"term {name}": values for name, values in _columns(state).items()}
        about = json.dumps({"version": VERSION, "run": self._described()})
        data = pack({"about": np.array(about)} | {name: to_host(array) for name, array in arrays.items()})
        try:
            write_bytes(self.path, data)
        except OSError as error:
            warn_caller(f"the run goes on without a new checkpoint: {error}")

    def resume(self, state: State, steps: int) -> State:
        """Return the state in the file, or `state`, the start of a run of so many steps, if there is no file.

        Raises CheckpointError for a file that is damaged, does not fit `state` and `steps`, or is of another run.
        """
        try:
            stored = unpack(self.path)
        except FileNotFoundError:
            return state
        self._check_run(stored.pop("about", None))
        _check_arrays(self.path, stored, state, steps)
        terms = {name.removeprefix("term "): values for name, values in stored.items() if name.startswith("term ")}
        count = len(next(iter(terms.values())))
        rows = tuple({name: values[i] for name, values in terms.items()} for i in range(count))

        def like_z(name: str) -> Array:
            return moved(stored[name], array_module(state.z).__name__)

        memory = {name: like_z(f"memory {name}") for name in state.memory}
        return replace(state, z=like_z("z"), memory=memory, rows=rows, best=like_z("best"), lowest=lowest(rows))

    def remove(self) -> None:
        """Remove the file after the run is complete."""
        self.path.unlink(missing_ok=True)

    def _described(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.run.items()}

    def _check_run(self, about: Array | None) -> None:
        """Raise CheckpointError unless the entry `about` of the file says that it is of this version and this run."""
        try:
            found = json.loads(str(about))
            version, theirs = int(found["version"]), dict(found["run"])
        except (ValueError, TypeError, KeyError):
            raise CheckpointError(self.path, "nothing says which run it is of", "a refvis checkpoint") from None
        if version != VERSION:
            raise CheckpointError(self.path, f"a checkpoint of version {version}", f"version {VERSION}")
        ours = self._described()
        other = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
        if other:
            advice = "give the same arguments, another file, or remove this one"
            found_text = f"it is the checkpoint of another run: {_listed(other, theirs)}"
            raise CheckpointError(self.path, found_text, _listed(other, ours), advice)


def _columns(state: State) -> dict[str, Array]:
    """Return each term's values, rows x N."""
    return {name: np.stack([row[name] for row in state.rows]) for name in state.rows[0]}


def _check_arrays(path: Path, stored: dict[str, Array], state: State, steps: int) -> None:
    """Raise CheckpointError unless the arrays are those of a state between two of so many steps, all finite."""
    expected = dict.fromkeys(("z", "best"), state.z) | {f"memory {name}": one for name, one in state.memory.items()}
    terms = [name for name in stored if name.startswith("term ")]
    if set(stored) - set(terms) != set(expected) or not terms:
        names = ", ".join(map(repr, stored)) or "nothing"
        raise CheckpointError(path, f"it holds {names}", f"{', '.join(map(repr, expected))}, and terms")
    for name, like in expected.items():
        if _kind(stored[name]) != _kind(like):
            raise CheckpointError(path, f"{name!r} is {_kind(stored[name])}", _kind(like))
    count = len(stored[terms[0]]) if stored[terms[0]].ndim else 0
    if not 1 <= count <= steps + 1:
        raise CheckpointError(path, f"{terms[0]!r} has {count} rows", f"1 ... {steps + 1} for a run of {steps} steps")
    for name in terms:
        wanted = f"{count} x {len(state.z)} float64"
        if _kind(stored[name]) != wanted:
            raise CheckpointError(path, f"{name!r} is {_kind(stored[name])}", wanted)
    for name, array in stored.items():
        if not np.isfinite(array).all():
            raise CheckpointError(path, f"{name!r} has values that are NaN or infinite", "finite ones")


def _kind(array: Array) -> str:
    """Return shape and type of an array in words."""
    return f"{' x '.join(map(str, array.shape)) or 'one number'} {array.dtype}"


def _listed(names: Sequence[str], run: Mapping[str, str]) -> str:
    """Return entries of a run's description for an error: "input '0123', steps none"."""
    texts = [f"{name.removeprefix('parameter ')} {_shortened(run.get(name))}" for name in names]
    return ", ".join(texts)


def _shortened(value: str | None) -> str:
    return "none" if value is None else repr(value) if len(value) <= LONGEST else f"{value[:LONGEST]!r}..."
