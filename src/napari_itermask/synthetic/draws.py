"""What chance decided for one anomaly, as plain numbers that are recorded; shared types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

Draw = Mapping[str, Any]
"""Plain JSON: numbers, lists of numbers, a word. With it an effect is a pure function."""

Spacing = tuple[float, float, float]
"""Voxel size in mm along the canonical axes: right, anterior, superior."""

PUBLISHED_SIDE = 192
"""Voxels of the published grid; positions given in them become shares of an axis elsewhere."""


def seed_of(rng: np.random.Generator) -> int:
    """A seed that JSON can hold, for an effect that needs more chance than a few numbers."""
    return int(rng.integers(2**31))


def rows_around(centre: float, width: float, length: int) -> tuple[int, int]:
    """First index and count of the voxels whose middle lies within ``width`` around ``centre``.

    Both as shares of an axis of ``length`` voxels. At least one; a wider band holds a narrower one.
    """
    low, high = (np.ceil((centre + side * width / 2) * length - 0.5) for side in (-1, 1))
    if high <= low:
        low = np.floor(centre * length)
        high = low + 1
    first, end = max(0, int(low)), min(length, int(high))
    return first, end - first
