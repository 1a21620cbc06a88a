"""Preparation of inputs: pixels become x = (pixels * factor - average) / std, and back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from refvis.images.preprocessing import picture, require_fit, resize, subtract_average
from refvis.layers import Array


@dataclass(frozen=True, eq=False)
class Preparation:
    """How pixels 0 ... 255 become a network's input: x = (pixels * factor - average) / std.

    Fields:

        average  what is subtracted, H x W x C or one value per channel; default: None, nothing
        factor   what pixels are multiplied by before; default: 1
        std      what is divided by after, H x W x C or one value per channel; default: None, nothing
    """

    average: Any = None
    factor: float = 1.0
    std: Any = None

    @classmethod
    def of(cls, normalization: dict[str, Any]) -> Self:
        """Return the preparation that meta.normalization stores as averageImage, imageFactor and imageStd."""
        factor = normalization.get("imageFactor")
        return cls(normalization.get("averageImage"), 1.0 if factor is None else factor, normalization.get("imageStd"))

    @property
    def is_known(self) -> bool:
        """Whether anything is stored."""
        return self.average is not None or self.is_scaled

    @property
    def is_scaled(self) -> bool:
        """Whether inputs have other units than pixels."""
        return self.factor != 1 or self.std is not None

    @property
    def unit(self) -> Any:
        """One pixel value in units of the input, factor / std: a number, or an array as `std` is."""
        return np.float32(self.factor) / (np.float32(1) if self.std is None else np.asarray(self.std, "float32"))

    def prepare(self, pixels: Array) -> Array:
        """Return pixels, H x W x C, as an input of that shape, float32; ValueError if average or std do not fit."""
        x = subtract_average(pixels if self.factor == 1 else pixels * np.float32(self.factor), self.average)
        if self.std is None:
            return x
        std = np.asarray(self.std, "float32")
        require_fit(std, x, "imageStd")
        return x / std

    def picture(self, x: Array) -> Array:
        """Return an input, 1 x H x W x C, as a picture, H x W x 3 uint8."""
        return picture(x, self.average, factor=self.factor, std=self.std)

    def fitted(self, size: tuple[int, int] | None) -> "Preparation":
        """Return the preparation with its images resized to the input's `size`, as MatConvNet's evaluation does.

        `cnn_imagenet_evaluate` calls imresize for an average image of another size than imageSize.
        """

        def fit(values: Any) -> Any:
            if np.ndim(values) == 3 and np.shape(values)[:2] != (1, 1):
                return resize(np.asarray(values, "float32"), size)
            return values

        return Preparation(fit(self.average), self.factor, fit(self.std))

    def of_size(self, size: tuple[int, int]) -> "Preparation":
        """Return the preparation for inputs of that height and width: of other images, the mean colour."""

        def fit(values: Any) -> Any:
            if np.ndim(values) == 3 and np.shape(values)[:2] not in ((1, 1), size):
                return np.mean(values, axis=(0, 1))
            return values

        return Preparation(fit(self.average), self.factor, fit(self.std))
