"""The table of operators: ONNX's name -> the function that makes layers of it."""

from collections.abc import Callable

from refvis.weights.onnx import arithmetic, channels, dense, norms, pointwise, resizing, shapes, windows
from refvis.weights.onnx.layout import Feature
from refvis.weights.onnx.operation import Operation

HANDLERS: dict[str, Callable[[Operation], Feature]] = {
    "Add": arithmetic.add,
    "AveragePool": windows.pool,
    "BatchNormalization": norms.batch_norm,
    "Cast": pointwise.cast,
    "Clip": pointwise.clip,
    "Concat": arithmetic.concat,
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "DepthToSpace": channels.depth_to_space,
    "Div": arithmetic.divide,
    "Dropout": pointwise.dropout,
    "Expand": shapes.expand,
    "Flatten": shapes.flatten,
    "Gather": channels.gather,
    "Gemm": dense.gemm,
    "GlobalAveragePool": windows.global_pool,
    "GlobalMaxPool": windows.global_pool,
    "HardSigmoid": pointwise.hard_sigmoid,
    "HardSwish": pointwise.hard_swish,
    "Identity": pointwise.same,
    "LRN": norms.lrn,
    "LeakyRelu": pointwise.leaky_relu,
    "LogSoftmax": norms.log_softmax,
    "MatMul": dense.matmul,
    "MaxPool": windows.pool,
    "Mul": arithmetic.multiply,
    "Neg": arithmetic.negative,
    "PRelu": pointwise.prelu,
    "Pad": windows.pad,
    "ReduceMax": shapes.reduce,
    "ReduceMean": shapes.reduce,
    "Relu": pointwise.relu,
    "Reshape": shapes.reshape,
    "Resize": resizing.resize,
    "Sigmoid": pointwise.sigmoid,
    "Slice": channels.channel_slice,
    "Softmax": norms.softmax,
    "Squeeze": shapes.squeeze,
    "Sub": arithmetic.subtract,
    "Sum": arithmetic.add,
    "Tanh": pointwise.tanh,
    "Transpose": shapes.transpose,
    "Unsqueeze": shapes.unsqueeze,
    "Upsample": resizing.resize,
}

SEVERAL: dict[str, Callable[[Operation], tuple[Feature, ...]]] = {"Split": channels.split}
"""Operators with several outputs."""
