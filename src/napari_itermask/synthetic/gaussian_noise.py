"""Noise in k-space, slice by slice (published under this name, though uniform; method 9).

Along axis 0 of centred k-space the middle row or two, which carry the brightness, are spared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume, seed_of
from napari_itermask.synthetic.kspace import to_image, to_kspace
from napari_itermask.synthetic.visible import changed

AMPLITUDE = 0.003
IN_PLANE = (0, 1)


def draw(rng: np.random.Generator, severity: float, **_: Any) -> dict[str, Any]:
    """The noise's seed; severity multiplies its amplitude (fixed in the published code)."""
    return {"amplitude": AMPLITUDE * severity, "seed": seed_of(rng)}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Add uniform noise, of at most a share of each slice's largest real and imaginary part."""
    spectrum = to_kspace(image, IN_PLANE)
    rng = np.random.default_rng(draw["seed"])
    noise = np.empty_like(spectrum)
    for part in ("real", "imag"):
        reach = np.abs(getattr(spectrum, part)).max(axis=IN_PLANE) * draw["amplitude"]
        values = 2 * rng.random(spectrum.shape, np.float32) - 1
        setattr(noise, part, values * reach.astype(np.float32))
    rows = image.shape[0]
    reached = rows - rows // 2 - 1
    noise[reached : rows - reached] = 0
    after = image + to_image(noise, IN_PLANE)
    return after, changed(image, after, brain)
