"""Advice on settings: what slows arithmetic down on a machine, and the environment variable that mends it."""

from refvis.machine.probe import Blas, Machine

INSTRUCTION_SETS = {
    "AVX-512": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "AVX2": frozenset({"avx2", "fma"}),
    "AVX": frozenset({"avx"}),
}
"""Instruction sets and the processor flags that OpenBLAS's kernels for them need, the widest first."""

KERNELS = {
    "AVX-512": ("SkylakeX", "Cooperlake", "SapphireRapids"),
    "AVX2": ("Haswell", "Zen"),
    "AVX": ("Sandybridge", "Bulldozer", "Piledriver", "Steamroller", "Excavator"),
    "SSE": (
        *("Prescott", "Atom", "Core2", "Penryn", "Dunnington", "Nehalem"),
        *("Opteron", "Opteron_SSE3", "Barcelona", "Bobcat", "Nano"),
    ),
}
"""OpenBLAS's names for x86 processors, by the instruction set of their kernels; advice names the first."""

ORDER = tuple(KERNELS)


def advice(machine: Machine) -> list[str]:
    """Return a remark for each setting that costs speed and can be changed."""
    return [remark for remark in (kernel_advice(machine.blas, machine.flags), thread_advice(machine)) if remark]


def kernel_advice(blas: Blas, flags: frozenset[str]) -> str | None:
    """Return a remark if OpenBLAS's kernels use fewer instructions than the processor has, or more; None if unknown.

    Advice follows the processor's flags, because a kernel with instructions that the processor lacks ends the process.
    """
    used = next((level for level, names in KERNELS.items() if blas.kernels in names), None)
    has = next((level for level, needed in INSTRUCTION_SETS.items() if needed <= flags), "SSE")
    if blas.name != "openblas" or used is None or not flags or used == has:
        return None
    best = KERNELS[has][0]
    if ORDER.index(used) < ORDER.index(has):
        return (
            f"OpenBLAS runs kernels for {blas.kernels} ({used}), which this processor lacks: programs will crash. "
            f"Unset OPENBLAS_CORETYPE, or set it to {best}, before Python starts."
        )
    return (
        f"OpenBLAS runs kernels for {blas.kernels} ({used}), but this processor has {has}: "
        f"set OPENBLAS_CORETYPE={best} before Python starts, and compare the time."
    )


def thread_advice(machine: Machine) -> str | None:
    """Return a remark if idle threads of OpenBLAS keep their cores busy."""
    blas = machine.blas
    if blas.name != "openblas" or blas.threading != "pthreads" or (blas.threads or 1) == 1:
        return None
    if "OPENBLAS_THREAD_TIMEOUT" in machine.settings:
        return None
    return (
        "Idle threads of OpenBLAS spin for a while after each matrix product and keep their cores busy. "
        "On a busy machine, set OPENBLAS_NUM_THREADS=1 before Python starts. On a quiet machine, "
        "OPENBLAS_THREAD_TIMEOUT=20 lets the threads sleep sooner, which speeds up some networks."
    )
