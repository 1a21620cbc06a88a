"""Reconstructions: inputs that were made to have a given code, or to excite a unit."""

from dataclasses import dataclass, field
from pathlib import Path

from refvis.layers import Array
from refvis.results.files import on_host, png, save_result
from refvis.results.record import Record
from refvis.results.text import measured, shape

FAILED = 0.5
"""Share of the start's distance that a search for a code has to get below, or it has failed."""


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction:
    """An input that was made to have a given code, or to excite a unit.

    `x` is N x H x W x C as the network takes it, an image for each thing asked for: the best of its starts; `image`
    the first as a picture, H x W x 3 uint8; `history` one array per term of the objective, a value per iteration
    (iterations x N where N > 1). `measures` holds what was measured of the result, `starts` what came of every start
    (N x starts x H x W x C, the best first), and `ended` says why it ended: "all steps", "patience" or "interrupted".
    """

    x: Array
    image: Array
    history: dict[str, Array]
    record: Record
    measures: dict[str, Array] = field(default_factory=dict)
    starts: Array | None = None
    ended: str = "all steps"

    @property
    def partial(self) -> bool:
        """Whether the run was interrupted: `x` is then the best image until then."""
        return self.ended == "interrupted"

    @property
    def failed(self) -> bool:
        """Whether a search for a code from noise, not interrupted, ended above half of the start's squared distance."""
        start = self.measures.get("norm_of_start")
        return start is not None and not self.partial and bool((self.measures["norm"] > FAILED * start).any())

    def save(self, path: str | Path) -> None:
        """Write the result, whole or not at all: .h5 (x, starts, image, history, measures and record) or .png (image).

        Raises ValueError for another suffix.
        """
        arrays = {"x": on_host(self.x), "image": self.image}
        arrays |= {f"history/{name}": values for name, values in self.history.items()}
        arrays |= {f"measures/{name}": values for name, values in self.measures.items()}
        if self.starts is not None and self.starts.shape[1] > 1:
            arrays["starts"] = on_host(self.starts)
        save_result(path, arrays, self.record, lambda: self.image)

    def __repr__(self) -> str:
        """Return one line: the method, the layer and its channels, the shape, the seed, and what was measured."""
        made = self.record
        of = f" of {made.explained}" if made.explained else ""
        seed = [f"seed {made.parameters['seed']}"] if "seed" in made.parameters else []
        ended = [f"ended by {self.ended}"] if self.ended == "patience" else ["interrupted"] if self.partial else []
        failed = ["failed: far from the code"] if self.failed else []
        parts = [f"{made.method}{of}, {shape(self.x)}", *seed, *ended, *failed, *measured(self.measures)]
        return f"Reconstruction({'; '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """Show the reconstruction in a notebook."""
        return png(self.image, enlarge=4)
