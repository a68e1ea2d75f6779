"""Slices in the middle are missing: 80 to 109 of 192 on axis 1 (published; method 9)."""

from __future__ import annotations

from typing import Any

from napari_itermask.synthetic.draws import PUBLISHED_SIDE, Draw, Mask, Volume, rows_around
from napari_itermask.synthetic.slab import drop

AXIS = 1
MIDDLE = 95 / PUBLISHED_SIDE
SLICES = 30


def draw(severity: float, brain: Mask, **_: Any) -> dict[str, Any]:
    """Around one place of the axis; severity multiplies how many."""
    width = severity * SLICES / PUBLISHED_SIDE
    first, count = rows_around(MIDDLE, width, brain.shape[AXIS])
    return {"axis": AXIS, "first": first, "count": count}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Set the slices to no signal."""
    return drop(image, brain, draw["axis"], draw["first"], draw["count"])
