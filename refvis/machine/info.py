"""A machine as text."""

from refvis.machine.advice import WIDEST
from refvis.machine.probe import Machine
from refvis.text.columns import aligned


def described(machine: Machine) -> list[str]:
    """Return the machine as lines of a name and what it is."""
    widest = next((level for level, needed in WIDEST.items() if needed <= machine.flags), "")
    rows = {
        "refvis": f"{machine.refvis}, in {machine.folder}",
        "Python": f"{machine.python}, {machine.executable}",
        "system": machine.system,
        "processor": ", ".join(filter(None, (machine.processor, _counted(machine.cores, "core"), widest))),
        "NumPy": machine.numpy,
        "BLAS": _blas(machine),
        "CuPy": machine.gpus.cupy or "not installed",
        "GPUs": ", ".join(machine.gpus.names) or f"none{f' ({machine.gpus.problem})' if machine.gpus.problem else ''}",
        "settings": ", ".join(f"{name}={value}" for name, value in machine.settings.items()) or "none",
    }
    return aligned(list(rows.items()), 2)


def _blas(machine: Machine) -> str:
    blas = machine.blas
    parts = [f"{blas.name} {blas.version or ''}".strip()]
    if blas.kernels is not None:
        parts.append(f"kernels for {blas.kernels}")
    if blas.threads is not None:
        parts.append(_counted(blas.threads, "thread"))
    return ", ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
