"""refvis: an auditable reference for visualising the learned features of convolutional networks.

`layers` has the operators with their rules and the engine, `modes` the tables of rules, `load` reads MatConvNet models;
`occlusion`, `deconvolution` and `inversion` stand for the three classes of the taxonomy of Gruen et al. (2016).

Networks are imported with the package. The methods, which would take as long again, are imported when they are first
used: `__init__.pyi` lists every public name with the module that has it.
"""

import lazy_loader

from refvis import layers as layers
from refvis import loading as loading
from refvis.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
