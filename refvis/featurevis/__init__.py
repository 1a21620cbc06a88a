"""FeatureVis (Gruen, Rupprecht, Navab, Tombari 2016) with its quirks, for comparisons with its numbers.

Nothing else in refvis has these quirks; docs/featurevis.md lists them.
"""

from refvis.featurevis.deconvolution import deconvolution
from refvis.featurevis.occlusion import occlusion
from refvis.featurevis.reconstruction import reconstruction

__all__ = ["deconvolution", "occlusion", "reconstruction"]
