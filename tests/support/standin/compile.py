"""Compile every kernel for GPUs: ``PYTHONPATH=tests python -m support.standin.compile``; no GPU is needed.

It takes what is there: NVRTC, as CuPy does (``pip install nvidia-cuda-nvrtc-cu12`` is enough), and nvcc. A warning is
an error. It prints the registers of each kernel, and exits with 1 where one does not compile, or without a compiler.
"""

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from refvis import layers
from refvis.layers.fast.kernels import OPTIONS, REAL, Kernel

ARCHITECTURES = ("sm_80", "sm_90")
FLAGS = (*OPTIONS, "-std=c++14")
"""CuPy's own choice of language, from version 13 on."""

Compiler = Callable[[str, str], str]
"""``(source, architecture) -> what the compiler said``; ValueError where it failed."""


def kernels() -> list[Kernel]:
    """Return all kernels of the layers."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(f"{layers.__name__}.")]
    return [one for module in modules for one in vars(module).values() if isinstance(one, Kernel)]


def nvrtc() -> Compiler | None:
    """Return the compiler that CuPy has."""
    packages = [spec for name in ("nvidia.cuda_nvrtc", "nvidia.cu13") if (spec := _found(name))]
    places = [place for spec in packages for place in spec.submodule_search_locations or ()]
    files = [str(file) for place in places for file in sorted(Path(place).glob("lib/libnvrtc.so*"))]
    path = next(iter(files), None) or find_library("nvrtc")
    if path is None:
        return None
    library = ctypes.CDLL(path)

    def compiled(source: str, architecture: str) -> str:
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
        options = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", *FLAGS]
        failed = library.nvrtcCompileProgram(
            program, len(options), (ctypes.c_char_p * len(options))(*(one.encode() for one in options))
        )
        library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        library.nvrtcGetProgramLog(program, log)
        library.nvrtcDestroyProgram(ctypes.byref(program))
        return _clean(log.value.decode(), bool(failed))

    return compiled


def nvcc() -> Compiler | None:
    """Return the compiler of the CUDA toolkit."""
    path = shutil.which("nvcc")
    if path is None:
        return None

    def compiled(source: str, architecture: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kernel.cu"
            file.write_text(source)
            command = [path, "--cubin", f"-arch={architecture}", "-Xptxas", "-v", *FLAGS]
            ended = subprocess.run(
                [*command, "-o", f"{folder}/kernel.cubin", str(file)], capture_output=True, text=True, check=False
            )
        return _clean(ended.stdout + ended.stderr, ended.returncode != 0)

    return compiled


def _found(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None


def _clean(log: str, failed: bool) -> str:
    if failed or "warning" in log.lower():
        raise ValueError(log)
    return log


def rows(compiler: Compiler) -> Iterator[tuple[str, str, str, str]]:
    """Yield kernel, dtype, architecture, and registers, or the error."""
    for kernel in kernels():
        for dtype in REAL:
            for architecture in ARCHITECTURES:
                try:
                    said = compiler(kernel.source(dtype), architecture)
                except ValueError as error:
                    yield kernel.name, dtype, architecture, f"FAILED\n{error}"
                else:
                    registers = re.search(r"Used (\d+) registers", said)
                    yield kernel.name, dtype, architecture, f"{registers[1] if registers else '?'} registers"


def main() -> None:
    """Compile all kernels with all compilers."""
    compilers = {one.__name__: found for one in (nvrtc, nvcc) if (found := one())}
    if not compilers:
        sys.exit("no compiler: install nvidia-cuda-nvrtc-cu12, or the CUDA toolkit with nvcc")
    wrong = False
    for name, compiler in compilers.items():
        for kernel, *rest in rows(compiler):
            print(f"{name}: {kernel}, {', '.join(rest)}")
            wrong |= "FAILED" in rest[-1]
    sys.exit(wrong)


if __name__ == "__main__":
    main()
