"""Kinds by name: everything that can be verified."""

from difflib import get_close_matches
from typing import Any

from refvis.verify.kind import Kind
from refvis.verify.kinds.activations import SIGMOID, SOFTMAX
from refvis.verify.kinds.batch_norm import BATCH_NORM
from refvis.verify.kinds.bilinear_sampler import BILINEAR_SAMPLER
from refvis.verify.kinds.conv import CONV
from refvis.verify.kinds.conv_transpose import CONV_TRANSPOSE
from refvis.verify.kinds.crop import CROP
from refvis.verify.kinds.dropout import DROPOUT
from refvis.verify.kinds.foreign.activations import CLIP, HARD_SIGMOID, HARD_SWISH, LOG_SOFTMAX, PRELU, TANH, TRUNC
from refvis.verify.kinds.foreign.joined_inputs import AXPY, EUCLIDEAN_LOSS, GLOBAL_POOL, L2_LOSS
from refvis.verify.kinds.foreign.rearrangements import FLATTEN, NOISE_LEVEL, PERMUTE, RESIZE, SELECT, SUB_PIXEL
from refvis.verify.kinds.fully_connected import FULLY_CONNECTED
from refvis.verify.kinds.grids import AFFINE_GRID, SCALING_GRID
from refvis.verify.kinds.joins import CONCAT, SUM
from refvis.verify.kinds.loss import LOSS, LOSS_KINDS, SOFTMAX_LOSS
from refvis.verify.kinds.lrn import LOCAL_RESPONSE
from refvis.verify.kinds.methods.grad_cam import GRAD_CAM
from refvis.verify.kinds.methods.gradient_times_input import GRADIENT_TIMES_INPUT
from refvis.verify.kinds.methods.integrated_gradients import INTEGRATED_GRADIENTS
from refvis.verify.kinds.methods.occlusion import OCCLUSION
from refvis.verify.kinds.norm_offset import NORM_OFFSET
from refvis.verify.kinds.normalize_lp import NORMALIZE_LP
from refvis.verify.kinds.pairwise_distance import PAIRWISE_DISTANCE
from refvis.verify.kinds.pool import AVERAGE_POOL, MAX_POOL
from refvis.verify.kinds.relu import DECONVNET, GUIDED, RELU
from refvis.verify.kinds.roi_pool import ROI_POOL
from refvis.verify.kinds.rules import rule_kind, rule_names
from refvis.verify.kinds.scale import SCALE
from refvis.verify.kinds.spatial_norm import SPATIAL_NORM

OPERATOR_KINDS: dict[str, Kind] = {
    one.name: one
    for one in (
        CONV,
        CONV_TRANSPOSE,
        FULLY_CONNECTED,
        MAX_POOL,
        AVERAGE_POOL,
        RELU,
        GUIDED,
        DECONVNET,
        SIGMOID,
        SOFTMAX,
        LOCAL_RESPONSE,
        BATCH_NORM,
        NORMALIZE_LP,
        SPATIAL_NORM,
        NORM_OFFSET,
        ROI_POOL,
        BILINEAR_SAMPLER,
        AFFINE_GRID,
        SCALING_GRID,
        DROPOUT,
        SUM,
        CONCAT,
        SCALE,
        CROP,
        PAIRWISE_DISTANCE,
        LOSS,
        *LOSS_KINDS,
        SOFTMAX_LOSS,
        EUCLIDEAN_LOSS,
        L2_LOSS,
        GLOBAL_POOL,
        AXPY,
        TANH,
        PRELU,
        TRUNC,
        CLIP,
        HARD_SIGMOID,
        HARD_SWISH,
        LOG_SOFTMAX,
        SUB_PIXEL,
        PERMUTE,
        FLATTEN,
        SELECT,
        NOISE_LEVEL,
        RESIZE,
    )
}
METHOD_KINDS: dict[str, Kind] = {
    one.name: one for one in (GRAD_CAM, GRADIENT_TIMES_INPUT, INTEGRATED_GRADIENTS, OCCLUSION)
}
ALL_KINDS = OPERATOR_KINDS | METHOD_KINDS
ALIASES = {
    "pool": "max_pool",
    "avg_pool": "average_pool",
    "convolution": "conv",
    "batchnorm": "batch_norm",
    "deconv": "conv_transpose",
    "linear": "fully_connected",
}


def kinds() -> tuple[str, ...]:
    """Return the names of all operators and methods. `rules` returns those of rules and modes."""
    return tuple(ALL_KINDS)


def rules() -> tuple[str, ...]:
    """Return the names of rules and modes, each of which may be followed by " at " and an operator's name."""
    return rule_names()


def find(name: str, **options: Any) -> Kind:
    """Return the kind of that name, with the options of its rule.

    A rule or mode may name its operator, and may have another library's name. Raises ValueError, with similar names,
    where there is none, and for options that the rule does not have.

    >>> from refvis import verify
    >>> verify.find("conv").page
    'operators/conv.html'
    >>> verify.find("gamma at fully_connected", gamma=0.5).name
    'gamma at fully_connected'
    >>> verify.find("captum:Alpha1_Beta0_Rule").name
    'captum:Alpha1_Beta0_Rule at conv'
    """
    what, at, place = name.partition(" at ")
    key = ALIASES.get(name, f"{what}{at}{ALIASES.get(place, place)}")
    if key in ALL_KINDS and not options:
        return ALL_KINDS[key]
    kind = rule_kind(key, OPERATOR_KINDS, options)
    if kind is not None:
        return kind
    if key in ALL_KINDS:
        raise ValueError(f"{name!r} has no option {next(iter(options))!r}: only rules have options")
    known = [*kinds(), *rules()]
    near = get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"expected one of {', '.join(known)}"
    raise ValueError(f"there is no kind {name!r}: {hint}")
