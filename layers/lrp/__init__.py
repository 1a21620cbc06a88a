"""Relevance propagation (LRP), written once for every layer that has a forward and a gradient.

A rule shares out the relevance R at a layer's output to its inputs, in proportion to what each input contributed. A
layer that is linear in x, y_k = sum_d w_kd x_d + b_k, has the contributions w_kd x_d. Every linear rule has one form:

    R_d = sum_k  c_kd / (sum_d' c_kd' + bias_k + stabiliser_k) * R_k

where c is w_kd x_d, changed in some way. The sum over k is a product with transposed weights, which is the layer's
gradient. So each rule has five steps, and none depends on the kind of layer:

    modify inputs and weights -> forward -> divide -> gradient -> multiply

| file            | rules                                                                                     |
|-----------------|-------------------------------------------------------------------------------------------|
| `epsilon.py`    | `epsilon` (with eps=0: LRP-0)                                                             |
| `signs.py`      | `gamma`, `alpha_beta`, `z_plus`: positive and negative contributions apart                |
| `excitation.py` | `excitation`, `contrastive`                                                               |
| `inputs.py`     | `w_square`, `flat`, `box`: for a first layer, which reads pixels                          |
| `others.py`     | `passes`, `conv`, `pool`, `spread`, `tangent`, `lrn_taylor`: not linear, or of two kinds  |

Every rule returns a tuple with one array for each input, in its shape and dtype. Rules share these parameters:

    layer        the layer
    signal       R, the relevance of the output, N x H x W x K, float32 or float64
    output       y, what the layer computed, in the shape of the signal
    inputs       x, what the layer read, N x H x W x C each
    eps          the stabiliser, in units of the output; a number, or a `Stabiliser` that names its form and the sign
                 of zero. Default 1e-6
    bias         what becomes of b: "booked" (it keeps its share), "absent" (it does not take part) or "spread" (its
                 share goes in equal parts to the inputs that reach the output)
    split        when a contribution counts as positive: by the sign of the product, "both" (default), or by that of
                 the weight, "weights"
    modify_bias  whether the bias is changed as the weights are (default), or kept whole
    book         a `Booking`, to which the rule adds the relevance that no input received. Default: none

Other libraries make these choices without naming them. Where a denominator is zero, the rule passes nothing on, and
books the relevance that arrived there.
"""

from refvis.layers.lrp.booking import Booking
from refvis.layers.lrp.epsilon import epsilon
from refvis.layers.lrp.excitation import contrastive, excitation
from refvis.layers.lrp.inputs import box, flat, w_square
from refvis.layers.lrp.linear import LINEAR, Linear, linear
from refvis.layers.lrp.others import conv, lrn_taylor, noise_level, passes, pool, spread, tangent
from refvis.layers.lrp.shares import quotient
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
    "noise_level",
    "passes",
    "pool",
    "quotient",
    "spread",
    "stabilised",
    "tangent",
    "w_square",
    "z_plus",
]
