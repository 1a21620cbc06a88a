"""The taxonomy's first class: the input is modified and the change of a unit is watched."""

from refvis.input_modification.occlusion import occlusion

__all__ = ["occlusion"]
