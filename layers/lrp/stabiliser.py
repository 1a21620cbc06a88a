"""Stabilisers: how a denominator z is kept away from zero, with every choice that libraries make in silence.

    signed:    d = z + e sign(z)             (Bach et al. 2015, equation 58; captum, zennit, lrp_toolbox)
    clipped:   d = sign(z) max(|z|, e)       (zennit's `clip`)
    positive:  d = z + e                     (Montavon et al. 2019, section 10.2.2)

e is `eps`, or with `relative` eps times the root mean square of z over each image. sign(0) is `at_zero`: +1 in captum
and zennit, 0 in FeatureVis, so that a denominator that is zero stays zero there.
"""

from dataclasses import dataclass, fields

from refvis.layers.base.arrays import Array, array_module

EPSILON = 1e-6
"""The stabiliser that rules take unless told otherwise, in the units of the layer's output."""

FORMS = ("signed", "clipped", "positive")


@dataclass(frozen=True, repr=False)
class Stabiliser:
    """d = z moved away from zero by `eps` (absolute, or `relative` to the root mean square of each image)."""

    eps: float = EPSILON
    form: str = "signed"
    relative: bool = False
    at_zero: int = 1

    def __post_init__(self) -> None:
        """Check the fields."""
        if not self.eps >= 0:
            raise ValueError(f"the stabiliser's eps is {self.eps}, expected 0 or more")
        if self.form not in FORMS:
            raise ValueError(f"the stabiliser's form is {self.form!r}, expected one of {', '.join(FORMS)}")
        if self.at_zero not in (-1, 0, 1):
            raise ValueError(f"the stabiliser's at_zero is {self.at_zero}, expected the sign of zero: 1, 0 or -1")

    def __repr__(self) -> str:
        """Return what makes it, as short as it can be: the fields that differ from their default."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        return f"Stabiliser({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    def sign(self, z: Array) -> Array:
        """Return the sign of z (its dtype), `at_zero` where z is 0; NaN stays."""
        xp = array_module(z)
        return xp.where(z == 0, z.dtype.type(self.at_zero), xp.sign(z))

    def __call__(self, z: Array) -> Array:
        """Return the stabilised denominator (shape and dtype of z)."""
        xp = array_module(z)
        e = z.dtype.type(self.eps)
        if self.relative:
            e = e * xp.sqrt((z * z).mean(axis=tuple(range(1, z.ndim)), keepdims=True))
        if self.form == "positive":
            return z + e
        return z + self._signed(e, z) if self.form == "signed" else self._signed(xp.maximum(abs(z), e), z)

    def _signed(self, size: Array, z: Array) -> Array:
        """Return size * sign(z), without the passes over z that make up most of a rule's time if zero counts as +1."""
        if self.at_zero != 1:
            return size * self.sign(z)
        if (z >= 0).all():  # as sums of positive contributions are
            return size
        return array_module(z).copysign(size, z + z.dtype.type(0))  # the sum is +0 where z is -0


def stabiliser(eps: float | Stabiliser) -> Stabiliser:
    """Return the stabiliser that `eps` stands for: itself, or a signed absolute one of that size."""
    return eps if isinstance(eps, Stabiliser) else Stabiliser(eps)


def stabilised(z: Array, eps: float | Stabiliser) -> Array:
    """Return z moved away from zero: z + eps where z >= 0, z - eps elsewhere, or what the `Stabiliser` says."""
    return stabiliser(eps)(z)
