"""What methods return: heatmaps and reconstructions, each with a record of how it was made."""

from refvis.heatmaps import Heatmap, below
from refvis.reconstructions import Reconstruction
from refvis.records import Record, record
from refvis.result_files import png, write_h5

__all__ = ["Heatmap", "Reconstruction", "Record", "below", "png", "record", "write_h5"]
