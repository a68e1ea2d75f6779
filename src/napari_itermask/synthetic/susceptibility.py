"""Signal lost, shifted and piled up near air: above the sinus, or above an ear canal.

Air bends the field that gives every voxel its place along the readout: tissue there is read at a
wrong place, squeezed or thinned, and its signal dies within a voxel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume
from napari_itermask.synthetic.outline import box_around, offsets
from napari_itermask.synthetic.visible import changed

AXIS = 1
SITES = ((0.5, 0.75), (0.24, 0.6), (0.76, 0.6))
"""Shares of the brain's box on axes 0 and 1: the sinus, the left and the right ear canal."""
WIDTH = 13.0
"""mm: sigma of the field's bump."""
BELOW = 4.0
"""mm below the brain's underside."""
SHIFT = 7.0
"""mm, at severity 1."""
LOSS = 2.0
PILED = 3.0
"""The most that piling up brightens."""


def draw(
    rng: np.random.Generator, severity: float, brain: Mask, spacing: Spacing, **_: Any
) -> dict[str, Any]:
    """Above which air, and which way; severity multiplies the shift and the loss."""
    site = SITES[int(rng.integers(len(SITES)))]
    jitter = rng.uniform(-0.03, 0.03, 2)
    centre = [0.0, 0.0, 0.0]
    for axis in range(2):
        inside = np.flatnonzero(brain.any(axis=tuple(a for a in range(3) if a != axis)))
        centre[axis] = float(inside[0] + (site[axis] + jitter[axis]) * (inside[-1] - inside[0]))
    column = brain[round(centre[0]), round(centre[1])]
    column = column if column.any() else brain.any(axis=(0, 1))
    centre[2] = float(column.argmax() - BELOW / spacing[2])
    return {
        "axis": AXIS,
        "centre": centre,
        "width": WIDTH * float(rng.uniform(0.85, 1.15)),
        "shift": SHIFT * severity * float(rng.choice([-1.0, 1.0])),
        "loss": LOSS * severity,
    }


def apply(
    image: Volume, brain: Mask, spacing: Spacing, draw: Draw, **_: Any
) -> tuple[Volume, Mask]:
    """Shift along the axis, scale by how much is squeezed into a voxel, then let signal die."""
    from scipy import ndimage

    axis, width = draw["axis"], draw["width"]
    box = box_around(image.shape, spacing, draw["centre"], 4 * width)
    away = offsets(box, spacing, draw["centre"])
    bump = np.exp(-sum(a * a for a in away) / (2 * width * width))
    shift = draw["shift"] * bump
    slope = -shift * away[axis] / width**2  # of the shift along the axis, mm per mm
    where = list(np.indices(bump.shape, np.float32))
    where[axis] = where[axis] - shift / spacing[axis]
    moved = ndimage.map_coordinates(image[box], where, order=1, mode="nearest")
    lost = np.exp(-draw["loss"] * bump**2)
    # Where neither does anything that one could measure, the image keeps its grain.
    reached = np.abs(shift) > 0.02
    after = image.copy()
    after[box] = np.where(reached, moved * np.clip(1 - slope, 0, PILED) * lost, image[box])
    return after, changed(image, after, brain)
