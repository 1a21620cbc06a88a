"""Probe of the machine: NumPy and its BLAS, threads, the processor, CuPy and GPUs."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from refvis.version import __version__

SETTINGS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_THREAD_TIMEOUT",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUPY_ACCELERATORS",
    "CUPY_TF32",
)
"""Environment variables that change the speed of arithmetic."""
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Blas:
    """NumPy's library of matrix products.

    `kernels` is the processor that its kernels are written for, if it says so. `threading` is the kind of its threads
    ("pthreads", "openmp"). `threads` is None for an unknown library.
    """

    name: str
    version: str | None
    kernels: str | None = None
    threads: int | None = None
    threading: str | None = None


@dataclass(frozen=True)
class Gpus:
    """CuPy's version (None: not installed), the names of its GPUs, and the error of the probe if it failed."""

    cupy: str | None = None
    names: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Machine:
    """Versions, the `folder` of refvis, the processor with its `flags` (empty if unknown), BLAS and GPUs."""

    refvis: str
    folder: str
    python: str
    executable: str
    system: str
    processor: str
    cores: int
    flags: frozenset[str]
    numpy: str
    blas: Blas
    settings: dict[str, str]
    gpus: Gpus


def machine() -> Machine:
    """Return the machine that this process runs on. Imports CuPy if it is installed."""
    model, flags = _processor(CPUINFO.read_text(errors="replace") if CPUINFO.exists() else "")
    return Machine(
        refvis=__version__,
        folder=str(Path(__file__).parents[1]),
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.machine()}",
        processor=model or platform.processor() or "unknown",
        cores=_cores(),
        flags=flags,
        numpy=np.__version__,
        blas=_blas([one for one in threadpool_info() if one["user_api"] == "blas"]),
        settings={name: os.environ[name] for name in SETTINGS if name in os.environ},
        gpus=_gpus(),
    )


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor(cpuinfo: str) -> tuple[str, frozenset[str]]:
    """Return the model's name and the flags of the first core in Linux's list; empty without such a list."""
    rows = (line.partition(":") for line in reversed(cpuinfo.splitlines()))
    listed = {key.strip(): value.strip() for key, _, value in rows}
    return listed.get("model name", ""), frozenset(listed.get("flags", "").split())


def _blas(loaded: list[dict[str, Any]]) -> Blas:
    """Return NumPy's BLAS among the loaded libraries (SciPy brings its own), else the one that NumPy was built with."""
    if not loaded:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return Blas(str(built.get("name", "unknown")), built.get("version"))
    library = min(loaded, key=lambda one: "numpy" not in one["filepath"])
    kernels, threading = library.get("architecture"), library.get("threading_layer")
    return Blas(library["internal_api"], library["version"], kernels, library["num_threads"], threading)


def _gpus() -> Gpus:
    if find_spec("cupy") is None:
        return Gpus()
    try:
        import cupy

        runtime = cupy.cuda.runtime
        names = [runtime.getDeviceProperties(one)["name"].decode() for one in range(runtime.getDeviceCount())]
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # no driver, no GPU, or a broken installation
        return Gpus(getattr(sys.modules.get("cupy"), "__version__", "unknown"), (), str(error) or type(error).__name__)
    return Gpus(cupy.__version__, tuple(names))
