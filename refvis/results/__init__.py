"""Results of the methods: heatmaps and reconstructions, each with a record of how it was made."""

from refvis.results.files import png, write_h5
from refvis.results.heatmap import Heatmap, background
from refvis.results.reconstruction import Reconstruction
from refvis.results.record import Record, record

__all__ = ["Heatmap", "Reconstruction", "Record", "background", "png", "record", "write_h5"]
