"""The field of view was too small: what lay outside folds in at the other side."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume
from napari_itermask.synthetic.kspace import planes
from napari_itermask.synthetic.visible import changed

AXIS = 1
OUTSIDE = 0.15
"""Of the brain's length, at severity 1."""
MOST = 0.9


def draw(severity: float, brain: Mask, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies how much of the brain lies outside."""
    inside = np.flatnonzero(brain.any(axis=(0, 2)))
    length = int(inside[-1] - inside[0] + 1)
    outside = min(MOST, OUTSIDE * severity) * length
    # As much in front as behind, so that the middle stays where it is.
    margin = min(max(1, round(outside / 2)), (length - 1) // 2)
    return {"axis": AXIS, "first": int(inside[0]) + margin, "count": length - 2 * margin}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Within the field of view add what lies a whole number of fields away; empty it outside."""
    axis, first, count = draw["axis"], draw["first"], draw["count"]
    source = np.moveaxis(image, axis, 0)
    field = np.zeros((count, *source.shape[1:]), np.float32)
    for start in range(first % count - count, len(source), count):
        low, high = max(0, start), min(len(source), start + count)
        field[low - start : high - start] += source[low:high]
    after = np.zeros_like(image)
    after[planes(axis, slice(first, first + count))] = np.moveaxis(field, 0, axis)
    return after, changed(image, after, brain)
