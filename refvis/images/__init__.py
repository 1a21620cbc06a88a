"""Images in and out: files and arrays to pixels and back, colour scales, contact sheets."""

from refvis.images.preprocessing import FILTERS, ImageLike, cut_centre, picture, pixels, resize, subtract_average

__all__ = ["FILTERS", "ImageLike", "cut_centre", "picture", "pixels", "resize", "subtract_average"]
