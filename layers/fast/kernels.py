"""Kernels for CuPy's arrays: CUDA C of a few lines, in place of many array operations.

A kernel is written in gather form: each thread computes one value of the result from all its parts, in one fixed order.
No two threads write to the same place, so the result does not depend on their timing.

The same lines are valid C: tests compile them for the processor and compare the results with the definition, bit for
bit. That is why products and sums are not contracted (``--fmad=false``): each operation rounds as it does in NumPy.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from refvis.layers.base.arrays import Array, array_module

OPTIONS = ("--fmad=false",)
THREADS, MOST_BLOCKS = 256, 1 << 16
"""Threads of a block, and the most blocks: a thread computes several values where these are too few."""

REAL = {"float32": "float", "float64": "double"}
WHOLE = np.dtype("int64").type

SOURCE = """\
typedef {real} real;
typedef long long whole;
{functions}
extern "C" __global__ void {name}(const whole size, real* target, {parameters}) {{
    const whole step = (whole)gridDim.x * blockDim.x;
    for (whole i = (whole)blockIdx.x * blockDim.x + threadIdx.x; i < size; i += step) {{
{body}
    }}
}}
"""


@dataclass(frozen=True)
class Kernel:
    """A kernel whose `body` computes value number i of `size`; it has access to `target` and the `parameters`.

    Its types are `real`, that of the arrays, and `whole`, of 64 bits. `functions` are written before the kernel.
    """

    name: str
    parameters: str
    body: str
    functions: str = ""

    def source(self, dtype: Any) -> str:
        """Return the source for arrays of that dtype, float32 or float64."""
        return SOURCE.format(
            real=REAL[np.dtype(dtype).name],
            functions=self.functions,
            name=self.name,
            parameters=" ".join(self.parameters.split()),
            body=self.body.strip("\n"),
        )

    def __call__(self, target: Array, *arguments: Any) -> None:
        """Compute all values of `target`, a CuPy array in any layout.

        Other arrays are converted to contiguous ones of its dtype. Whole numbers are passed as `whole`, others as
        `real`.
        """
        xp, real = array_module(target), target.dtype.type
        if not target.size:
            return

        def like_target(one: Any) -> Any:
            if isinstance(one, int | float):
                return (WHOLE if isinstance(one, int) else real)(one)
            return xp.ascontiguousarray(one, target.dtype)

        blocks = min(-(-target.size // THREADS), MOST_BLOCKS)
        _compile(xp, self, target.dtype.name)(
            (blocks,), (THREADS,), (WHOLE(target.size), target, *map(like_target, arguments))
        )


@lru_cache(maxsize=64)
def _compile(xp: Any, kernel: Kernel, dtype: str) -> Any:
    """Return CuPy's kernel, which is compiled at its first call on a device and cached."""
    return xp.RawKernel(kernel.source(dtype), kernel.name, options=OPTIONS)
