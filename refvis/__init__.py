"""refvis: an auditable reference for visualising the learned features of convolutional networks.

`layers` has the operators with their rules and the engine, `modes` the tables of rules, `load` reads MatConvNet models;
`occlusion`, `deconvolution` and `inversion` stand for the three classes of the taxonomy of Gruen et al. (2016).

Every public name is imported when it is first used: `__init__.pyi` lists them with the modules that have them. So the
command line starts at once, and can handle Ctrl-C while the rest is imported.
"""

import os as _os

import lazy_loader

from refvis.version import __version__ as __version__

for _name in "layers", "weights":
    if _os.path.isfile(_os.path.join(__path__[0], _name)):  # what git makes of a symbolic link where it may make none
        raise ImportError(
            f"{_os.path.join(__path__[0], _name)!r} is a text file, expected a symbolic link to the folder {_name!r}: "
            "on Windows, install the package ('pip install .' in the checkout), or switch developer mode on and run "
            "'git config core.symlinks true' and 'git checkout -- refvis'"
        )

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
