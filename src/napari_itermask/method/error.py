"""How far the repaint is from the image, voxel by voxel: the error map that is thresholded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.method.settings import RefineSettings

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]
Sign = Literal["both", "brighter", "darker"]


class ErrorMap:
    """The error of a repaint of ``image``: as published ``B (x - x_hat)^2``, or one refined.

    Parameters
    ----------
    image, brain
        ``(X, Y, Z)`` float32 in the model's units, and bool.
    spacing
        Voxel size in mm.
    settings
        ``smoothing``, ``sign``, ``intensity_floor``, ``max_difference``, ``expected_error`` and
        ``rim`` are read.
    expected
        ``(X, Y, Z)``: the difference that healthy brains show at each place, above 0; used if
        ``settings.expected_error``.

    Notes
    -----
    Beyond the paper, in this order: the difference keeps one sign, is limited, is divided by what
    healthy brains show, counts only above the intensity floor and off the rim, is smoothed
    (normalised within the brain), and squared. Taking the sign before smoothing was measured to be
    better.
    """

    def __init__(
        self,
        image: Volume,
        brain: Mask,
        spacing: Sequence[float] = (1.0, 1.0, 1.0),
        settings: RefineSettings | None = None,
        expected: Volume | None = None,
    ) -> None:
        settings = settings or RefineSettings()
        self.image = image
        self.brain = brain
        self.spacing = tuple(spacing)
        self.settings = settings
        self.sign: Sign = settings.sign
        self._sigma = [settings.smoothing / s for s in spacing] if settings.smoothing else None
        counted = brain
        if settings.rim > 0:
            counted = ndimage.distance_transform_edt(brain, sampling=spacing) > settings.rim
        # Counted voxels weigh 1 (or 1 / expected); the smoothing is normalised by the brain alone.
        self._weight = counted.astype(np.float32)
        if settings.expected_error:
            if expected is None:
                raise ValueError(
                    "expected_error is on, but this model carries no table of expected errors: "
                    "switch it off, or take a model that has one."
                )
            self._weight /= np.maximum(expected, 1e-6)
        # The floor belongs to the sign that is looked for; the other side is read without it.
        self._own_weight = self._weight
        if settings.intensity_floor is not None:
            self._own_weight = self._weight * (image > settings.intensity_floor)
        self._norm: Volume | None = None
        if self._sigma:
            norm = ndimage.gaussian_filter(brain.astype(np.float32), self._sigma)
            self._norm = np.where(counted, 1 / np.maximum(norm, 1e-3), 0).astype(np.float32)

    def __call__(self, reconstruction: Volume, sign: Sign | None = None) -> Volume:
        """The error map ``(X, Y, Z)`` float32 of ``reconstruction``, 0 outside the brain."""
        difference = self.image - reconstruction
        sign = sign or self.sign
        if sign == "brighter":
            np.maximum(difference, 0, out=difference)
        elif sign == "darker":
            np.minimum(difference, 0, out=difference)
        limit = self.settings.max_difference
        if limit is not None:
            np.clip(difference, -limit, limit, out=difference)
        difference *= self._own_weight if sign == self.sign else self._weight
        if self._sigma is not None and self._norm is not None:
            difference = ndimage.gaussian_filter(difference, self._sigma)
            difference *= self._norm
        difference *= difference
        return difference
