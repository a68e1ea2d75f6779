"""Out of focus: a Gaussian blur of 1.5 mm."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume
from napari_itermask.synthetic.visible import changed

SIGMA = 1.5
"""mm"""


def draw(severity: float, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies the width (sigma, in mm)."""
    return {"sigma": SIGMA * severity}


def apply(
    image: Volume, brain: Mask, spacing: Spacing, draw: Draw, **_: Any
) -> tuple[Volume, Mask]:
    """Blur the whole volume, by as many mm on every axis; beyond the border it is mirrored."""
    from scipy import fft

    after = image
    for axis, (n, size) in enumerate(zip(image.shape, spacing, strict=True)):
        # A sampled kernel does nothing where sigma is a fraction of a voxel: this one is exact.
        turns = np.pi * np.arange(n) / n * draw["sigma"] / size
        kept = np.exp(-0.5 * turns**2).astype(np.float32)
        spectrum = fft.dct(after, axis=axis, norm="ortho")
        spectrum *= kept.reshape([-1 if axis == a else 1 for a in range(3)])
        after = fft.idct(spectrum, axis=axis, norm="ortho", overwrite_x=True)
    return after, changed(image, after, brain)
