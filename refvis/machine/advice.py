"""What slows arithmetic down on a machine, and which environment variable mends it."""

from refvis.machine.probe import Blas, Machine

WIDEST = {
    "AVX-512": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "AVX2": frozenset({"avx2", "fma"}),
    "AVX": frozenset({"avx"}),
}
"""What a processor's flags allow, the widest first. OpenBLAS's kernels for one need all of its flags."""

KERNELS = {
    "AVX-512": ("SkylakeX", "Cooperlake", "SapphireRapids"),
    "AVX2": ("Haswell", "Zen"),
    "AVX": ("Sandybridge", "Bulldozer", "Piledriver", "Steamroller", "Excavator"),
    "SSE": (
        *("Prescott", "Atom", "Core2", "Penryn", "Dunnington", "Nehalem"),
        *("Opteron", "Opteron_SSE3", "Barcelona", "Bobcat", "Nano"),
    ),
}
"""OpenBLAS's names for x86 processors, by what their kernels use; the first stands for all."""

ORDER = tuple(KERNELS)


def advice(machine: Machine) -> list[str]:
    """Return a remark for each thing that costs speed and can be mended, in words for the person at the machine."""
    return [remark for remark in (kernels(machine.blas, machine.flags), spinning(machine)) if remark]


def kernels(blas: Blas, flags: frozenset[str]) -> str | None:
    """Return a remark if OpenBLAS computes with less than the processor has, or with more; None where that is unknown.

    Nothing is suggested that the flags do not allow: kernels for instructions that a processor lacks end the process.
    """
    used = next((level for level, names in KERNELS.items() if blas.kernels in names), None)
    has = next((level for level, needed in WIDEST.items() if needed <= flags), "SSE")
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


def spinning(machine: Machine) -> str | None:
    """Return a remark if OpenBLAS's threads wait for work by spinning for long."""
    blas = machine.blas
    if blas.name != "openblas" or blas.threading != "pthreads" or (blas.threads or 1) == 1:
        return None
    if "OPENBLAS_THREAD_TIMEOUT" in machine.settings:
        return None
    return (
        "OpenBLAS's idle threads spin for a while after each product and keep their cores from other work: "
        "on a busy machine set OPENBLAS_NUM_THREADS=1 before Python starts (OPENBLAS_THREAD_TIMEOUT=20 lets them sleep "
        "sooner, which helps some networks on a quiet one)."
    )
