"""The stand-in's ``RawKernel``: the very source, compiled as C++ and run on the processor, block by block.

It is stricter than CuPy, which hands over what it is given: the number of arguments, their types, those of arrays and
the size of the grid are checked. Products and sums are contracted only where the options do not forbid it, as in CUDA.
With the environment variable `SANITIZE`, each access to memory is checked, too; Python has to be started with the
libraries for it (`sanitized`).
"""

import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.standin.ndarray import ndarray

BEFORE = """\
#include <cmath>
#define __global__
#define __device__
struct place { unsigned x, y, z; };
static place blockIdx, threadIdx, gridDim, blockDim;
using std::sqrt;
"""
AFTER = """
template <typename T> struct letter { static const char value = '?'; };
template <> struct letter<int> { static const char value = 'i'; };
template <> struct letter<long long> { static const char value = 'q'; };
template <> struct letter<float> { static const char value = 'f'; };
template <> struct letter<double> { static const char value = 'd'; };
template <typename T> struct letter<const T> : letter<T> {};
template <typename T> struct letter<T*> { static const char value = letter<T>::value - 32; };  // a capital

template <int... I> struct numbers {};
template <int N, int... I> struct upto : upto<N - 1, N - 1, I...> {};
template <int... I> struct upto<0, I...> { typedef numbers<I...> type; };

template <typename... T> struct launched {
    static const char* types() { static const char found[] = {letter<T>::value..., 0}; return found; }
    template <int... I> static void run(void (*kernel)(T...), void** given, numbers<I...>) {
        for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++)
            for (threadIdx.x = 0; threadIdx.x < blockDim.x; threadIdx.x++) kernel(*static_cast<T*>(given[I])...);
    }
};
template <typename... T> launched<T...> of(void (*)(T...)) { return launched<T...>(); }
template <typename... T> void run(void (*kernel)(T...), void** given) {
    launched<T...>::run(kernel, given, typename upto<sizeof...(T)>::type());
}
extern "C" const char* types() { return decltype(of(NAME))::types(); }
extern "C" void launch(unsigned blocks, unsigned threads, void** given) {
    gridDim = {blocks, 1, 1}, blockDim = {threads, 1, 1};
    run(NAME, given);
}
"""
SANITIZE = "STANDIN_SANITIZE"
LETTERS = {"int32": "i", "int64": "q", "float32": "f", "float64": "d"}
MOST_THREADS = 1024


class RawKernel:
    """A kernel of one dimension, from its source."""

    def __init__(self, code: str, name: str, options: tuple[str, ...] = ()) -> None:
        if unknown := set(options) - {"--fmad=false"}:
            raise ValueError(f"options {sorted(unknown)} are unknown to the stand-in: teach it what they mean")
        self._text = f"{BEFORE}{code}{AFTER.replace('NAME', name)}"
        self._flags = ("-ffp-contract=off",) if options else ()

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        if len(grid) != 1 or len(block) != 1 or not 0 < grid[0] < 2**31 or not 0 < block[0] <= MOST_THREADS:
            raise ValueError(f"grid {grid} and block {block}, expected one number each, of 1 to 2^31 - 1 and 1024")
        library = compiled(self._text, self._flags)
        expected, found = library.types().decode(), "".join(map(letter, args))
        if found != expected:
            raise TypeError(f"the arguments have the types {found}, expected {expected} (capitals: arrays)")
        held = [np.array(one._held.ctypes.data if isinstance(one, ndarray) else one) for one in args]
        library.launch(grid[0], block[0], (ctypes.c_void_p * len(held))(*(one.ctypes.data for one in held)))


def letter(argument: Any) -> str:
    """Return what stands for an argument's type."""
    if isinstance(argument, ndarray):
        return LETTERS[argument.dtype.name].upper()
    if not isinstance(argument, np.generic):
        raise TypeError(f"a kernel was given {argument!r}: give an array, or a number of NumPy's, whose size is known")
    return LETTERS[argument.dtype.name]


@cache
def compiled(text: str, flags: tuple[str, ...]) -> Any:
    """Return the source as a library; where there is no compiler, the test that asks for it is skipped."""
    path = _folder() / sha256(f"{text}{flags}".encode()).hexdigest()
    path.with_suffix(".cpp").write_text(text)
    flags += ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if os.environ.get(SANITIZE) else ()
    command = [compiler(), "-std=c++11", "-O1", "-Wall", "-Wextra", "-Werror", *flags, "-shared", "-fPIC"]
    ended = subprocess.run(
        [*command, "-o", f"{path}.so", f"{path}.cpp"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={key: value for key, value in os.environ.items() if key != "LD_PRELOAD"},
    )
    if ended.returncode:
        raise ValueError(f"the kernel does not compile:\n{ended.stderr}")
    library = ctypes.CDLL(f"{path}.so")
    library.types.restype = ctypes.c_char_p
    return library


def compiler() -> str:
    """Return the C++ compiler."""
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if found is None:
        pytest.skip("kernels run here as C++, and there is no C++ compiler (c++, g++ or clang++)")
    return found


def sanitized() -> dict[str, str] | None:
    """Return an environment in which kernels' accesses to memory are checked; None where the compiler has no such."""
    libraries = []
    for name in ("libasan.so", "libubsan.so"):
        ended = subprocess.run([compiler(), f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        libraries.append(ended.stdout.strip())
    if not all(map(os.path.isabs, libraries)):
        return None
    return {**os.environ, SANITIZE: "1", "LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0"}


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="refvis-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
