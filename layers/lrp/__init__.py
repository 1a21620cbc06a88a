"""Relevance propagation (LRP), written once for every layer that has a forward and a gradient.

Relevance R at a layer's output is shared out to its inputs in proportion to what each contributed. A layer that is
linear in x, y_k = sum_d w_kd x_d + b_k, has contributions w_kd x_d, and every linear rule is of one form:

    R_d = sum_k  c_kd / (sum_d' c_kd' + bias_k + stabiliser_k) * R_k

where c is w_kd x_d, changed in some way. The sum over k is a product with transposed weights, which is the layer's
gradient. So each rule is five steps, and says nothing about the kind of layer:

    modify inputs and weights -> forward -> divide -> gradient -> multiply

| file            | rules                                                                                     |
|-----------------|-------------------------------------------------------------------------------------------|
| `epsilon.py`    | `epsilon` (with eps=0: LRP-0)                                                             |
| `signs.py`      | `gamma`, `alpha_beta`, `z_plus`: positive and negative contributions apart                |
| `excitation.py` | `excitation`, `contrastive`                                                               |
| `inputs.py`     | `w_square`, `flat`, `box`: for a first layer, whose inputs are no activations             |
| `others.py`     | `passes`, `conv`, `pool`, `spread`, `tangent`, `lrn_taylor`: not linear, or of two kinds  |

What libraries choose in silence is a parameter here: `eps` (a number, or a `Stabiliser` that names its form and its
sign at zero), `bias` ("booked", "absent", "spread"), `split` (which signs make a contribution positive). Every rule
takes `book`, a `Booking` that it tells where relevance went that no input received. A denominator that is zero passes
nothing on, and is booked.
"""

from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.epsilon import epsilon
from refvis.layers.lrp.excitation import contrastive, excitation
from refvis.layers.lrp.inputs import box, flat, w_square
from refvis.layers.lrp.linear import LINEAR, Linear, linear
from refvis.layers.lrp.others import conv, lrn_taylor, passes, pool, spread, tangent
from refvis.layers.lrp.signs import alpha_beta, gamma, z_plus
from refvis.layers.lrp.stabiliser import EPSILON, Stabiliser, stabilised

__all__ = [
    "EPSILON",
    "LINEAR",
    "Booking",
    "Linear",
    "Stabiliser",
    "alpha_beta",
    "box",
    "contrastive",
    "conv",
    "epsilon",
    "excitation",
    "flat",
    "gamma",
    "linear",
    "lrn_taylor",
    "passes",
    "pool",
    "spread",
    "stabilised",
    "tangent",
    "w_square",
    "z_plus",
]
