"""k-space was cut short: ringing beside every edge.

As where fewer lines were measured than the image has voxels, and the rest was filled with zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume
from napari_itermask.synthetic.kspace import planes, to_image, to_kspace
from napari_itermask.synthetic.visible import changed

AXES = (0, 1)
COARSER = 2.0
"""mm by which the voxels that were truly measured are larger, at severity 1."""


def draw(severity: float, spacing: Spacing, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies how much larger the measured voxels are."""
    kept = [spacing[axis] / (spacing[axis] + COARSER * severity) for axis in AXES]
    return {"axes": list(AXES), "kept": kept}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Keep a share of k-space around its middle, along each axis alone; zeros elsewhere."""
    after = image
    for axis, kept in zip(draw["axes"], draw["kept"], strict=True):
        n = image.shape[axis]
        spectrum = to_kspace(after, [axis])
        away = np.abs(np.arange(n) - n // 2)
        spectrum[planes(axis, np.flatnonzero(away > kept * n / 2))] = 0
        after = to_image(spectrum, [axis])
    return after, changed(image, after, brain)
