"""The head repeats itself along one axis (published, TorchIO's Ghosting; method 9).

Every fourth plane of k-space is scaled, except in the middle. TorchIO counts the planes from the
border and rounds the middle's width down, so that on some grids the very middle is scaled and the
whole image turns dark. Here they are counted from the middle, and two planes of it always stay: the
same on every grid whose axis is a multiple of 8 and has at least 150 voxels, such as the published.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume
from napari_itermask.synthetic.kspace import planes, to_image, to_kspace
from napari_itermask.synthetic.visible import changed

AXIS = 1
GHOSTS = 4
INTENSITY = 2.0
RESTORE = 0.01


def draw(severity: float, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies the intensity."""
    return {"axis": AXIS, "ghosts": GHOSTS, "intensity": INTENSITY * severity, "restore": RESTORE}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Multiply every so many planes of k-space by 1 - intensity, sparing the middle."""
    axis, n = draw["axis"], image.shape[draw["axis"]]
    spectrum = to_kspace(image, [axis])
    away = np.arange(n) - n // 2
    half = max(1, round(draw["restore"] * n) // 2)
    scaled = np.flatnonzero((away % draw["ghosts"] == 0) & ~((away >= -half) & (away < half)))
    spectrum[planes(axis, scaled)] *= np.float32(1 - draw["intensity"])
    after = to_image(spectrum, [axis])
    return after, changed(image, after, brain)
