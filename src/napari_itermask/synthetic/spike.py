"""One wrong point of k-space: stripes all over (published, TorchIO's Spike; method 9).

A point added to k-space is a plane wave added to the image, so no transform is needed. The same as
TorchIO's on any grid, which keeps the real part too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume
from napari_itermask.synthetic.visible import changed

POSITION = 0.45
INTENSITY = 4.0


def draw(severity: float, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies the intensity.

    ``position`` is a share of each axis of centred k-space; ``intensity`` a multiple of the
    largest value there.
    """
    return {"position": [POSITION] * 3, "intensity": INTENSITY * severity}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Add the plane wave."""
    turns: Any = 0.0
    for axis, (n, share) in enumerate(zip(image.shape, draw["position"], strict=True)):
        frequency = int(np.floor(share * n)) - n // 2
        along = np.exp(2j * np.pi * frequency * np.arange(n) / n).astype(np.complex64)
        along = along.reshape([-1 if axis == a else 1 for a in range(3)])
        turns = along if axis == 0 else turns * along
    size = draw["intensity"] * _largest(image) / image.size
    after = image + np.float32(size) * turns.real
    return after, changed(image, after, brain)


def _largest(image: Volume) -> float:
    """The largest magnitude in k-space: the sum of the image, where nothing in it is negative."""
    if image.min() >= 0:
        return float(image.sum(dtype=np.float64))
    from scipy import fft

    return float(np.abs(fft.rfftn(image)).max())
