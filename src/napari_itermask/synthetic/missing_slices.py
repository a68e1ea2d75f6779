"""Axial slices dropped out here and there: 6 % of the brain's on axis 2."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume
from napari_itermask.synthetic.visible import region

AXIS = 2
SHARE = 0.06


def draw(rng: np.random.Generator, severity: float, brain: Mask, **_: Any) -> dict[str, Any]:
    """Which slices, in an order of chance; severity multiplies how many of that order go."""
    inside = np.flatnonzero(brain.any(axis=(0, 1)))
    order = rng.permutation(inside)
    count = max(1, round(severity * SHARE * inside.size))
    return {"axis": AXIS, "slices": sorted(int(i) for i in order[:count])}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Set the slices to no signal."""
    where = np.zeros(image.shape, bool)
    np.moveaxis(where, draw["axis"], 0)[draw["slices"]] = True
    after = np.where(where, np.float32(0), image)
    return after, region(image, after, brain, where)
