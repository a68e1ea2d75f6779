"""Tissue is gone, as after a resection: CSF, or no signal at all, fills the place."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume, seed_of
from napari_itermask.synthetic.outline import draw_outline, soft_outline
from napari_itermask.synthetic.places import at_depth, contrast_of
from napari_itermask.synthetic.visible import region

RADIUS = (11.0, 19.0)
"""mm, at severity 1: 6 to 29 ml."""
DEPTH = (4.0, 18.0)
"""mm: where its centre lies below the brain's surface; many cavities reach that."""
SOFTNESS = 1.5
ROUGHNESS = 0.18
CSF = {"t2": 98.0}
"""The percentile of the brain that looks like CSF; 3 on T1 and FLAIR."""
GRAIN = 0.03


def draw(
    rng: np.random.Generator, severity: float, brain: Mask, spacing: Spacing, **_: Any
) -> dict[str, Any]:
    """Place, outline and filling (0: no signal, 1: CSF); severity multiplies the volume."""
    where, step = at_depth(brain, spacing, *DEPTH)
    centre = np.unravel_index(int(rng.choice(np.flatnonzero(where))), where.shape)
    return {
        "centre": [float(c * s) for c, s in zip(centre, step, strict=True)],
        "radius": float(rng.uniform(*RADIUS)) * severity ** (1 / 3),
        **draw_outline(rng, ROUGHNESS),
        "fill": int(rng.random() < 0.7),
        "seed": seed_of(rng),
        "contrast": "",
    }


def apply(
    image: Volume, brain: Mask, spacing: Spacing, draw: Draw, **_: Any
) -> tuple[Volume, Mask]:
    """Fill the outline. The truth is the outline, where at least half is filling."""
    form = {key: draw[key] for key in ("stretch", "roughness", "waves")}
    box, share = soft_outline(image.shape, spacing, draw["centre"], draw["radius"], SOFTNESS, form)
    share *= brain[box]
    after, where = image.copy(), np.zeros_like(brain)
    after[box] += share * (_filling(image, brain, share.shape, draw) - image[box])
    where[box] = share > 0.5
    return after, region(image, after, brain, where)


def _filling(image: Volume, brain: Mask, shape: tuple[int, ...], draw: Draw) -> Volume | float:
    if not draw["fill"]:
        return 0.0
    inside = image[brain]
    level = np.percentile(inside, CSF.get(contrast_of(image, brain, draw), 3.0))
    noise = np.random.default_rng(draw["seed"]).standard_normal(shape, np.float32)
    out: Volume = np.maximum(level + GRAIN * np.median(inside) * noise, 0).astype(np.float32)
    return out
