"""A lesion that pushes tissue aside: bright on FLAIR and T2, dark on T1."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume
from napari_itermask.synthetic.lesion import LesionDraw, add_lesion, draw_lesion
from napari_itermask.synthetic.outline import box_around, offsets
from napari_itermask.synthetic.places import at_depth, contrast_of
from napari_itermask.synthetic.visible import region

RADIUS = (8.0, 18.0)
"""mm"""
CHANGE = (0.35, 0.8)
"""Of the brain's median, on FLAIR; on T1 seven tenths of it are taken away."""
ON_T1 = -0.7
SHALLOWEST = 9.0
PUSH = (0.1, 0.3)
"""Of the radius, at the lesion's border."""
MOST_PUSH = 0.35
"""A stronger one would fold the tissue over itself."""
REACH = 4.0
"""Radii beyond which nothing is pushed."""


def draw(
    rng: np.random.Generator, severity: float, brain: Mask, spacing: Spacing, **_: Any
) -> dict[str, Any]:
    """Place, size, outline and contrast; severity multiplies the contrast and the push."""
    where, step = at_depth(brain, spacing, SHALLOWEST)
    lesion = draw_lesion(rng, where, RADIUS, CHANGE)
    lesion = replace(lesion, change=abs(lesion.change) * severity)
    plain = asdict(lesion)
    plain["centre"] = [float(c * s) for c, s in zip(lesion.centre, step, strict=True)]
    plain["stretch"] = list(lesion.stretch)
    push = min(MOST_PUSH, float(rng.uniform(*PUSH)) * severity)
    return {**plain, "push": push, "contrast": ""}


def apply(
    image: Volume, brain: Mask, spacing: Spacing, draw: Draw, **_: Any
) -> tuple[Volume, Mask]:
    """Push the tissue away from the centre, then put the lesion there. The truth is the lesion."""
    sign = ON_T1 if contrast_of(image, brain, draw).startswith("t1") else 1.0
    fields = {k: v for k, v in draw.items() if k in LesionDraw.__dataclass_fields__}
    fields.update(
        centre=tuple(draw["centre"]), stretch=tuple(draw["stretch"]), change=sign * draw["change"]
    )
    after, where = add_lesion(
        _pushed(image, brain, spacing, draw), brain, LesionDraw(**fields), spacing
    )
    if sign < 0:  # no tissue is darker than no signal
        after[brain] = np.maximum(after[brain], 0)
    return after, region(image, after, brain, where)


def _pushed(image: Volume, brain: Mask, spacing: Spacing, draw: Draw) -> Volume:
    """Tissue moved outward, most at the lesion's border, less and less beyond; not at the rim."""
    from scipy import ndimage

    radius = draw["radius"]
    box = box_around(image.shape, spacing, draw["centre"], REACH * radius)
    away = offsets(box, spacing, draw["centre"])
    distance = np.sqrt(sum(a * a for a in away)) / radius
    # At a distance d the pull is push * radius * d * exp(1 - d): along each axis that is offset
    # times this.
    strength = draw["push"] * np.exp(1 - distance)
    depth = ndimage.distance_transform_edt(brain[box], sampling=spacing)
    strength *= np.clip(depth / 8, 0, 1) * np.clip(REACH - distance, 0, 1)
    where = [
        (a - strength * a) / s + (c - b.start)
        for a, s, c, b in zip(away, spacing, draw["centre"], box, strict=True)
    ]
    out = image.copy()
    tissue = ndimage.map_coordinates(image[box], where, order=1, mode="nearest")
    # Only where it moves by more than a trace, so that the rest keeps its grain.
    moves = brain[box] & (strength * distance * radius > 0.02)
    out[box] = np.where(moves, tissue, image[box])
    return out
