"""Machines as text, one line for each property."""

from refvis.machine.advice import INSTRUCTION_SETS
from refvis.machine.probe import Machine
from refvis.text.terminal import align_columns


def machine_lines(machine: Machine) -> list[str]:
    """Return the machine as aligned lines, each the name of a property and its value."""
    instructions = next((level for level, needed in INSTRUCTION_SETS.items() if needed <= machine.flags), "")
    rows = {
        "refvis": f"{machine.refvis}, in {machine.folder}",
        "Python": f"{machine.python}, {machine.executable}",
        "system": machine.system,
        "processor": ", ".join(filter(None, (machine.processor, _count_text(machine.cores, "core"), instructions))),
        "NumPy": machine.numpy,
        "BLAS": _blas(machine),
        "CuPy": machine.gpus.cupy or "not installed",
        "GPUs": ", ".join(machine.gpus.names) or f"none{f' ({machine.gpus.problem})' if machine.gpus.problem else ''}",
        "settings": ", ".join(f"{name}={value}" for name, value in machine.settings.items()) or "none",
    }
    return align_columns(list(rows.items()), 2)


def _blas(machine: Machine) -> str:
    blas = machine.blas
    parts = [f"{blas.name} {blas.version or ''}".strip()]
    if blas.kernels is not None:
        parts.append(f"kernels for {blas.kernels}")
    if blas.threads is not None:
        parts.append(_count_text(blas.threads, "thread"))
    return ", ".join(parts)


def _count_text(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
