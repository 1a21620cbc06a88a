"""`refvis.from_torch` where torch is not imported: an error for anything, and no import. The rest is in tests/peers."""

import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
import refvis

try:
    refvis.from_torch(np.ones, np.ones((1, 3, 4, 5)))
except TypeError as error:
    print(error)
print([name for name in sys.modules if name.partition(".")[0] == "torch"])
"""


def test_torch_is_never_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    kind = "the module is of type _ArrayFunctionDispatcher, expected a torch.nn.Module"
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert lines[0] in (kind, kind.replace("_ArrayFunctionDispatcher", "function"))
