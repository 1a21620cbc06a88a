"""Reconstructions: inputs made to have a given code, or to excite a unit."""

from dataclasses import dataclass, field
from pathlib import Path

from refvis.layers import Array
from refvis.layers.base.arrays import to_host
from refvis.results.files import png, save_result
from refvis.results.record import Record, measures_text, shape_text

FAILED = 0.5
"""A search for a code has failed if it ends above this share of the start's squared distance."""


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction:
    """An input made to have a given code, or to excite a unit.

    Fields:

        x         N x H x W x C as the network takes it: one image per target, the best of its starts
        image     the first of them as a picture, H x W x 3 uint8
        history   name of a term of the objective -> its values, one per iteration (iterations x N where N > 1)
        record    the method, its parameters, the model and the versions
        measures  name -> measured values of the result, one per image
        starts    the result of every start, N x starts x H x W x C, the best first; None for methods without starts
        ended     why the search ended: "all steps", "patience" or "interrupted"

    >>> import refvis
    >>> from refvis.scenes import scene
    >>> net = refvis.load("scenes")
    >>> x = net.preprocess(scene(7).image)
    >>> reconstruction = refvis.inversion(net, x, at="relu1", steps=3)
    >>> reconstruction.x.shape, reconstruction.image.shape, reconstruction.ended
    ((1, 64, 64, 3), (64, 64, 3), 'all steps')
    >>> sorted(reconstruction.history), len(reconstruction.history["code"])
    (['code', 'lp', 'tv'], 4)
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
        """True if the run was interrupted; `x` is then the best image up to that moment."""
        return self.ended == "interrupted"

    @property
    def failed(self) -> bool:
        """True if a complete search from noise for a code ended above half of the start's squared distance."""
        start = self.measures.get("norm_of_start")
        return start is not None and not self.partial and bool((self.measures["norm"] > FAILED * start).any())

    def save(self, path: str | Path) -> None:
        """Write the result atomically: .h5 (x, starts, image, history, measures and record) or .png (image).

        Raises ValueError for another suffix, and FileNotFoundError if the folder does not exist.
        """
        arrays = {"x": to_host(self.x), "image": self.image}
        arrays |= {f"history/{name}": values for name, values in self.history.items()}
        arrays |= {f"measures/{name}": values for name, values in self.measures.items()}
        if self.starts is not None and self.starts.shape[1] > 1:
            arrays["starts"] = to_host(self.starts)
        save_result(path, arrays, self.record, lambda: self.image)

    def __repr__(self) -> str:
        """Return one line: the method, the layer and its channels, the shape, the seed, and the measures."""
        record = self.record
        target = f" of {record.explained}" if record.explained else ""
        seed = [f"seed {record.parameters['seed']}"] if "seed" in record.parameters else []
        ended = [f"ended by {self.ended}"] if self.ended == "patience" else ["interrupted"] if self.partial else []
        failed = ["failed: far from the code"] if self.failed else []
        measures = measures_text(self.measures)
        parts = [f"{record.method}{target}, {shape_text(self.x)}", *seed, *ended, *failed, *measures]
        return f"Reconstruction({'; '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """Show the reconstruction in a notebook."""
        return png(self.image, enlarge=4)
