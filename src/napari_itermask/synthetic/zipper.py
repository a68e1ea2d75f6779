"""Bands of random values: three on axis 1, in every axial slice (published; method 9).

The published code multiplies the slice's k-space by random numbers, keeps the remainder by 256 and
stretches it to the slice's range. What the remainder leaves is even noise: here drawn as such.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import (
    PUBLISHED_SIDE,
    Draw,
    Mask,
    Volume,
    rows_around,
    seed_of,
)
from napari_itermask.synthetic.visible import region

AXIS = 1
MIDDLES = (62.5, 92.5, 122.5)
ROWS = 5


def draw(rng: np.random.Generator, severity: float, brain: Mask, **_: Any) -> dict[str, Any]:
    """The noise's seed; severity is the bands' opacity up to 1, and widens them beyond.

    Fixed in the published code. A wider band holds a narrower one.
    """
    width = ROWS * max(1.0, severity) / PUBLISHED_SIDE
    bands = [rows_around(m / PUBLISHED_SIDE, width, brain.shape[AXIS]) for m in MIDDLES]
    return {
        "bands": [list(band) for band in bands],
        "opacity": min(1.0, severity),
        "seed": seed_of(rng),
    }


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Mix each row of a band with even noise between its axial slice's darkest and brightest."""
    low = image.min(axis=(0, 1))
    reach = image.max(axis=(0, 1)) - low
    after, where = image.copy(), np.zeros(image.shape, bool)
    for row in sorted({first + i for first, count in draw["bands"] for i in range(count)}):
        # A row has its own chance, so that widening a band leaves its middle as it was.
        rng = np.random.default_rng([draw["seed"], row])
        noise = low + reach * rng.random((image.shape[0], image.shape[2]), np.float32)
        after[:, row] += np.float32(draw["opacity"]) * (noise - image[:, row])
        where[:, row] = True
    return after, region(image, after, brain, where)
