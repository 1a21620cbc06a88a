"""Images in and out: files and arrays to pixels and back, colour maps, contact sheets."""

from refvis.images.preprocessing import FILTERS, ImageLike, centred, picture, pixels, resized

__all__ = ["FILTERS", "ImageLike", "centred", "picture", "pixels", "resized"]
