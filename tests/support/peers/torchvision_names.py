"""Empty stand-ins for what zennit and grad-cam import from torchvision, where that is missing or does not load.

Both import it for names of classes and for loading pictures, which no test here needs. The torchvision of a package
index does not load beside a PyTorch that was built elsewhere: it asks for operators that this PyTorch does not have.
"""

import importlib
import sys
from types import ModuleType

NAMES = {
    "torchvision": (),
    "torchvision.models": (),
    "torchvision.models.resnet": ("Bottleneck", "BasicBlock"),
    "torchvision.ops": ("FrozenBatchNorm2d",),
    "torchvision.transforms": ("Compose", "Normalize", "ToTensor"),
    "torchvision.transforms.functional": ("resize",),
}


def provide() -> None:
    """Put the stand-ins where Python looks for modules, unless torchvision itself loads."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        made = {name: ModuleType(name) for name in NAMES}
        for name, module in made.items():
            vars(module).update({one: type(one, (), {}) for one in NAMES[name]})
            parent, _, last = name.rpartition(".")
            if parent:
                setattr(made[parent], last, module)
        sys.modules.update(made)
