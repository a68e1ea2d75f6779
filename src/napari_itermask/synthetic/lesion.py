"""A lesion to learn from: one piece of irregular outline and texture, brighter or darker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume


@dataclass(frozen=True)
class LesionDraw:
    """Every number that chance decides for one lesion.

    ``centre`` in voxels, ``radius`` in mm, ``change`` relative to the brain's median (0.4: 40 %
    brighter), ``softness`` of the border in mm.
    """

    centre: tuple[float, float, float]
    radius: float
    stretch: tuple[float, float, float]
    roughness: float
    change: float
    softness: float
    texture: float
    seed: int


def draw_lesion(
    rng: np.random.Generator,
    where: Mask,
    radius: tuple[float, float] = (2.0, 34.0),
    change: tuple[float, float] = (0.2, 0.9),
    brighter: float = 0.95,
) -> LesionDraw:
    """Draw a lesion centred on a voxel of ``where``; small ones as often as large ones.

    ``radius`` in mm and ``change`` relative to the brain's median are ranges; a share ``brighter``
    of the lesions is brighter, the others are darker: by default one in twenty.
    """
    places = np.flatnonzero(where)
    centre = np.unravel_index(int(rng.choice(places)), where.shape)
    low, high = np.log(radius)
    sign = 1.0 if rng.random() < brighter else -1.0
    return LesionDraw(
        centre=tuple(float(c) for c in centre),  # type: ignore[arg-type]
        radius=float(np.exp(rng.uniform(low, high))),
        stretch=tuple(float(v) for v in np.exp(rng.normal(0, 0.25, 3))),  # type: ignore[arg-type]
        roughness=float(rng.uniform(0.1, 0.5)),
        change=sign * float(rng.uniform(*change)),
        softness=float(rng.uniform(0.5, 2.5)),
        texture=float(rng.uniform(0.0, 0.3)),
        seed=int(rng.integers(2**31)),
    )


def add_lesion(
    image: Volume, brain: Mask, draw: LesionDraw, spacing: tuple[float, float, float]
) -> tuple[Volume, Mask]:
    """Put one lesion into ``image`` ``(X, Y, Z)``; returns the new image and the lesion's mask."""
    rng = np.random.default_rng(draw.seed)
    reach = draw.radius * max(draw.stretch) * 1.6 + 3 * draw.softness
    box = tuple(
        slice(max(0, int(c - reach / s)), min(n, int(c + reach / s) + 2))
        for c, s, n in zip(draw.centre, spacing, image.shape, strict=True)
    )
    axes = np.meshgrid(*(np.arange(b.start, b.stop) for b in box), indexing="ij", sparse=True)
    squares = sum(
        ((axis - c) * s / (draw.radius * k)) ** 2
        for axis, c, s, k in zip(axes, draw.centre, spacing, draw.stretch, strict=True)
    )
    shape = np.broadcast_shapes(*(a.shape for a in axes))
    wobble = _smooth_noise(rng, shape, draw.radius * 0.5, spacing)
    inside = (np.sqrt(squares) + draw.roughness * wobble < 1) & brain[box]
    sigma = [draw.softness / s for s in spacing]
    soft = ndimage.gaussian_filter(inside.astype(np.float32), sigma) * brain[box]
    grain = 1 + draw.texture * _smooth_noise(rng, shape, 4.0, spacing)
    out = image.copy()
    out[box] += (draw.change * np.median(image[brain]) * soft * grain).astype(np.float32)
    mask = np.zeros_like(brain)
    mask[box] = soft > 0.5
    return out, mask


def _smooth_noise(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    scale: float,
    spacing: tuple[float, float, float],
) -> Volume:
    noise: Volume = ndimage.gaussian_filter(
        rng.standard_normal(shape).astype(np.float32), [max(scale, 1.0) / s for s in spacing]
    )
    spread = float(noise.std())
    return noise / spread if spread > 0 else noise
