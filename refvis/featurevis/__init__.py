"""FeatureVis (Gruen, Rupprecht, Navab, Tombari 2016), quirks and all, for those who compare with its numbers.

Nothing else in refvis inherits the quirks; docs/featurevis.md lists them.
"""

from refvis.featurevis.deconvolution import deconvolution
from refvis.featurevis.occlusion import occlusion
from refvis.featurevis.reconstruction import reconstruction

__all__ = ["deconvolution", "occlusion", "reconstruction"]
