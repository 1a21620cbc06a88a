"""The layer stack: operators with their rules, modes, and the network. Arrays in, arrays out."""

from importlib import import_module
from importlib.util import find_spec

from refvis.layers import incremental, ledger, lrp, modes, surgery
from refvis.layers.base.arrays import Array, array_module
from refvis.layers.base.errors import ShapeError
from refvis.layers.base.exactness import exact, is_exact, winograd, winograd_outputs
from refvis.layers.base.memory_limit import MemoryLimitError, memory_limit, memory_limit_bytes
from refvis.layers.base.node import Node
from refvis.layers.batch_norm import BatchNorm
from refvis.layers.bilinear_sampler import BilinearSampler
from refvis.layers.calls import backward, forward, output_shape, parameter_gradients
from refvis.layers.concat import Concat
from refvis.layers.conv import Conv
from refvis.layers.conv_transpose import ConvTranspose
from refvis.layers.crop import Crop
from refvis.layers.dropout import Dropout
from refvis.layers.exported.clip import Clip
from refvis.layers.exported.hard_sigmoid import HardSigmoid
from refvis.layers.exported.hard_swish import HardSwish
from refvis.layers.exported.log_softmax import LogSoftmax
from refvis.layers.exported.resize import Resize
from refvis.layers.exported.select import Select
from refvis.layers.foreign.axpy import Axpy
from refvis.layers.foreign.euclidean_loss import EuclideanLoss, L2Loss
from refvis.layers.foreign.flatten import Flatten
from refvis.layers.foreign.global_pool import GlobalPool
from refvis.layers.foreign.noise_level import NoiseLevel
from refvis.layers.foreign.permute import Permute
from refvis.layers.foreign.prelu import PReLU
from refvis.layers.foreign.sub_pixel import SubPixel
from refvis.layers.foreign.tanh import Tanh
from refvis.layers.foreign.trunc import Trunc
from refvis.layers.fully_connected import FullyConnected
from refvis.layers.graph.network import Graph
from refvis.layers.graph.nodes import chain
from refvis.layers.graph.receptive_field import ReceptiveField, receptive_fields
from refvis.layers.graph.registry import register, unregister
from refvis.layers.graph.trace import Trace
from refvis.layers.grids import AffineGrid, UniformScalingGrid
from refvis.layers.loss import Loss, SoftmaxLoss
from refvis.layers.lrn import LRN
from refvis.layers.norm_offset import NormOffset
from refvis.layers.normalize_lp import NormalizeLp
from refvis.layers.operators import DEFINITIONS, OPERATORS, Layer, Operator, Rule, title
from refvis.layers.pairwise_distance import PairwiseDistance
from refvis.layers.pool import Pool
from refvis.layers.relu import ReLU
from refvis.layers.roi_pool import ROIPool
from refvis.layers.scale import Scale
from refvis.layers.sigmoid import Sigmoid
from refvis.layers.softmax import Softmax
from refvis.layers.spatial_norm import SpatialNorm
from refvis.layers.sum import Sum
from refvis.layers.surgery import (
    canonical_names,
    merge_batchnorm,
    remove_layer,
    rename_variables,
    replace_layer,
)
from refvis.layers.unknown import Unknown

__all__ = [
    "DEFINITIONS",
    "LRN",
    "OPERATORS",
    "AffineGrid",
    "Array",
    "Axpy",
    "BatchNorm",
    "BilinearSampler",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "Dropout",
    "EuclideanLoss",
    "Flatten",
    "FullyConnected",
    "GlobalPool",
    "Graph",
    "HardSigmoid",
    "HardSwish",
    "L2Loss",
    "Layer",
    "LogSoftmax",
    "Loss",
    "MemoryLimitError",
    "Node",
    "NoiseLevel",
    "NormOffset",
    "NormalizeLp",
    "Operator",
    "PReLU",
    "PairwiseDistance",
    "Permute",
    "Pool",
    "ROIPool",
    "ReLU",
    "ReceptiveField",
    "Resize",
    "Rule",
    "Scale",
    "Select",
    "ShapeError",
    "Sigmoid",
    "Softmax",
    "SoftmaxLoss",
    "SpatialNorm",
    "SubPixel",
    "Sum",
    "Tanh",
    "Trace",
    "Trunc",
    "UniformScalingGrid",
    "Unknown",
    "array_module",
    "backward",
    "canonical_names",
    "chain",
    "exact",
    "forward",
    "incremental",
    "is_exact",
    "ledger",
    "lrp",
    "memory_limit",
    "memory_limit_bytes",
    "merge_batchnorm",
    "modes",
    "output_shape",
    "parameter_gradients",
    "receptive_fields",
    "register",
    "remove_layer",
    "rename_variables",
    "replace_layer",
    "surgery",
    "title",
    "unregister",
    "winograd",
    "winograd_outputs",
]

if find_spec("refvis.layers.fast"):  # the folder may be deleted: everything then runs by definition
    import_module("refvis.layers.fast")
