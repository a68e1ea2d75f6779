"""A soft, irregular outline around a centre: the same shape at any size and on any voxels.

The radius depends on the direction alone, so a larger one holds a smaller one whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.synthetic.draws import Spacing, Volume

Box = tuple[slice, slice, slice]


def draw_outline(rng: np.random.Generator, roughness: float) -> dict[str, Any]:
    """What makes a shape: how far it is stretched along each axis, and its waves."""
    waves = np.column_stack([rng.normal(0, 2.2, (6, 3)), rng.uniform(0, 2 * np.pi, 6)])
    return {
        "stretch": [float(v) for v in np.exp(rng.normal(0, 0.18, 3))],
        "roughness": roughness,
        "waves": [[float(v) for v in wave] for wave in waves],
    }


def soft_outline(
    shape: tuple[int, ...],
    spacing: Spacing,
    centre: list[float],
    radius: float,
    softness: float,
    form: dict[str, Any],
) -> tuple[Box, Volume]:
    """How far each voxel belongs to it, 0 to 1, within the box returned with it.

    ``centre`` in voxels, ``radius`` and ``softness`` (the border's width) in mm.
    """
    reach = radius * (1 + form["roughness"] * 2) * max(form["stretch"]) + softness
    box = box_around(shape, spacing, centre, reach)
    x, y, z = offsets(box, spacing, centre)
    distance = np.sqrt(x * x + y * y + z * z) + 1e-6
    along: list[NDArray[Any]] = [axis / distance for axis in (x, y, z)]
    stretched = np.sqrt(sum((a / k) ** 2 for a, k in zip(along, form["stretch"], strict=True)))
    stretched = np.maximum(stretched, 0.1)  # 0 at the very centre, which has no direction
    wobble = sum(
        np.cos(sum(w * a for w, a in zip(wave[:3], along, strict=True)) + wave[3])
        for wave in form["waves"]
    ) / np.sqrt(len(form["waves"]) / 2)
    border = radius / stretched * (1 + form["roughness"] * np.clip(wobble, -2, 2))
    inside = np.clip((border - distance) / softness + 0.5, 0, 1)
    return box, inside.astype(np.float32)


def box_around(shape: tuple[int, ...], spacing: Spacing, centre: list[float], reach: float) -> Box:
    """The part of ``shape`` within ``reach`` mm of ``centre`` (voxels) along each axis."""
    sides = []
    for n, s, c in zip(shape, spacing, centre, strict=True):
        low = int(np.clip(np.floor(c - reach / s), 0, n - 1))
        sides.append(slice(low, int(np.clip(np.ceil(c + reach / s) + 1, low + 1, n))))
    return sides[0], sides[1], sides[2]


def offsets(box: Box, spacing: Spacing, centre: list[float]) -> list[NDArray[np.float32]]:
    """Distance in mm from ``centre`` along each axis, for the voxels of ``box``, sparse."""
    return list(
        np.ix_(
            *(
                ((np.arange(b.start, b.stop) - c) * s).astype(np.float32)
                for b, c, s in zip(box, centre, spacing, strict=True)
            )
        )
    )
