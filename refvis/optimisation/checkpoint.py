"""Checkpoints: the state of a run in a file, written atomically, from which the same call resumes."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from refvis.files import write_atomically
from refvis.layers import Array, array_module
from refvis.layers.base.arrays import moved, to_host
from refvis.optimisation.state import State


@dataclass(frozen=True)
class Checkpoint:
    """A file (.npz) that is written every `every` steps; `key` identifies the run that it belongs to."""

    path: Path
    key: str
    every: int = 50

    def __post_init__(self) -> None:
        """Check the file's name."""
        if self.path.suffix != ".npz":
            raise ValueError(f"the checkpoint is {str(self.path)!r}, expected a name that ends in .npz")

    def write_if_due(self, state: State) -> None:
        """Write the state every `every` steps."""
        if len(state.rows) % self.every == 0:
            self.write(state)

    def write(self, state: State) -> None:
        """Write the state atomically."""
        arrays = {"z": state.z, "best": state.best, "lowest": state.lowest}
        arrays |= {f"memory {name}": array for name, array in state.memory.items()}
        arrays |= {f"term {name}": np.stack([row[name] for row in state.rows]) for name in state.rows[0]}
        host = {name: to_host(array) for name, array in arrays.items()}

        def write(part: Path) -> None:
            with part.open("wb") as file:
                np.savez(file, key=self.key, **host)

        write_atomically(self.path, write)

    def resume(self, state: State) -> State:
        """Return the state in the file, or `state` if there is no file; ValueError for the file of another run."""
        if not self.path.exists():
            return state
        with np.load(self.path, allow_pickle=False) as stored:
            if "key" not in stored or str(stored["key"]) != self.key:
                raise ValueError(
                    f"{self.path} is the checkpoint of another run: give the same arguments, or remove the file"
                )
            arrays = {name: stored[name] for name in stored.files if name != "key"}
        terms = {name.removeprefix("term "): values for name, values in arrays.items() if name.startswith("term ")}
        count = len(next(iter(terms.values())))

        def like_z(name: str) -> Array:
            return moved(arrays[name], array_module(state.z).__name__)

        return replace(
            state,
            z=like_z("z"),
            memory={name: like_z(f"memory {name}") for name in state.memory},
            rows=tuple({name: values[i] for name, values in terms.items()} for i in range(count)),
            best=like_z("best"),
            lowest=arrays["lowest"],
        )

    def remove(self) -> None:
        """Remove the file after the run is complete."""
        self.path.unlink(missing_ok=True)
