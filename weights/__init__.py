"""Model files: reading and writing of MatConvNet's .mat files, and the networks that ship with the project.

`mat` turns files into plain values and back, `matconvnet` turns plain values into layers and back, and `sandbox` reads
files that are not trusted in a child process.
"""

from refvis.weights.bundle import bundled_names, bundled_path
from refvis.weights.errors import ModelFormatError
from refvis.weights.mat.matfile import read_mat
from refvis.weights.mat.tree import Limits, Opaque
from refvis.weights.matconvnet.load_report import LoadReport, RemarkGroup
from refvis.weights.matconvnet.model import Model, Remark
from refvis.weights.matconvnet.save import save_model, save_simplenn
from refvis.weights.read import read_model

__all__ = [
    "Limits",
    "LoadReport",
    "Model",
    "ModelFormatError",
    "Opaque",
    "Remark",
    "RemarkGroup",
    "bundled_names",
    "bundled_path",
    "read_mat",
    "read_model",
    "save_model",
    "save_simplenn",
]
