"""Kinds of random layers: name -> the function that draws one."""

from collections.abc import Callable

from support.peers import torch_joins as joins
from support.peers import torch_losses as losses
from support.peers import torch_values as values
from support.peers import torch_windows as windows
from support.peers.torch_random import Case, Draw

KINDS: dict[str, Callable[[Draw], Case]] = {
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "max_pool": windows.max_pool,
    "average_pool": windows.average_pool,
    "full": windows.full,
    "relu": values.relu,
    "sigmoid": values.sigmoid,
    "softmax": values.softmax,
    "lrn": values.lrn,
    "batch_norm": values.batch_norm,
    "normalize_lp": values.normalize_lp,
    "spatial_norm": values.spatial_norm,
    "norm_offset": values.norm_offset,
    "distance": values.distance,
    "concat": joins.concat,
    "total": joins.total,
    "scale": joins.scale,
    "dropout": joins.dropout,
    "sampler": joins.sampler,
    "affine": joins.affine,
    "loss": losses.loss,
}
