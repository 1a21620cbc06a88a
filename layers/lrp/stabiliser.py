"""Stabilisers: three ways to keep a denominator z away from zero. Other libraries choose one without naming it.

    signed:    d = z + e sign(z)             (Bach et al. 2015, equation 58; captum, zennit, lrp_toolbox)
    clipped:   d = sign(z) max(|z|, e)       (zennit's `clip`)
    positive:  d = z + e                     (Montavon et al. 2019, section 10.2.2)

e is `eps`; with `relative`, it is eps times the root mean square of z over each image. sign(0) is `at_zero`: +1 in
captum and zennit, 0 in FeatureVis, where a denominator of zero stays zero.
"""

from dataclasses import dataclass, fields

from refvis.layers.base.arrays import Array, array_module

EPSILON = 1e-6
"""The default stabiliser of all rules, in units of the layer's output."""

FORMS = ("signed", "clipped", "positive")


@dataclass(frozen=True, repr=False)
class Stabiliser:
    """A denominator z, moved away from zero: d = z + e sign(z), or another of the three forms.

        eps        e, 0 or more, in units of z. Default 1e-6
        form       "signed": z + e sign(z), the default; "clipped": sign(z) max(|z|, e); "positive": z + e
        relative   whether e is eps times the root mean square of z over each image. Default False
        at_zero    the sign of zero: 1, the default, 0 or -1

    Raises ValueError for other values.

    >>> import numpy as np
    >>> from refvis.layers import lrp
    >>> z = np.array([2.0, -2.0, 0.0])
    >>> lrp.Stabiliser(0.5)(z)
    array([ 2.5, -2.5,  0.5])
    >>> lrp.Stabiliser(3.0, "clipped", at_zero=0)(z)
    array([ 3., -3.,  0.])
    """

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
        """Return the call that makes it, with the fields that differ from their defaults."""
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
        """Return size * sign(z). Where zero counts as +1, this takes fewer passes over z than `sign` does."""
        if self.at_zero != 1:
            return size * self.sign(z)
        if (z >= 0).all():  # as sums of positive contributions are
            return size
        return array_module(z).copysign(size, z + z.dtype.type(0))  # the sum is +0 where z is -0


def stabiliser(eps: float | Stabiliser) -> Stabiliser:
    """Return the stabiliser that `eps` stands for: itself, or a signed absolute one of that size."""
    return eps if isinstance(eps, Stabiliser) else Stabiliser(eps)


def stabilised(z: Array, eps: float | Stabiliser) -> Array:
    """Return z moved away from zero: z + eps where z >= 0, z - eps elsewhere, or as the `Stabiliser` says.

    >>> import numpy as np
    >>> from refvis.layers import lrp
    >>> lrp.stabilised(np.array([2.0, 0.0, -2.0]), 0.5).tolist()
    [2.5, 0.5, -2.5]
    """
    return stabiliser(eps)(z)
