"""The brain's first slices are missing: 30 of 192 from the back on axis 1 (published; method 9)."""

from __future__ import annotations

from typing import Any

from napari_itermask.synthetic.draws import PUBLISHED_SIDE, Draw, Mask, Volume
from napari_itermask.synthetic.slab import drop

AXIS = 1
SLICES = 30


def draw(severity: float, brain: Mask, **_: Any) -> dict[str, Any]:
    """From the brain's first slice on; severity multiplies how many."""
    length = brain.shape[AXIS]
    first = int(brain.any(axis=(0, 2)).argmax())
    count = max(1, round(severity * SLICES / PUBLISHED_SIDE * length))
    return {"axis": AXIS, "first": first, "count": min(count, length - first)}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Set the slices to no signal."""
    return drop(image, brain, draw["axis"], draw["first"], draw["count"])
