"""Which region is hidden while a network learns: blobs, the whole brain, scattered voxels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_itermask.scans.intensity import Mask


def blob(
    rng: np.random.Generator,
    brain: Mask,
    spacing: tuple[float, float, float],
    points: int = 100_000,
) -> Mask:
    """One blob of the paper: a cloud of points around a voxel of the brain, cut to the brain.

    A 3D Gaussian of random orientation and variances U(0.3, 10), in voxels of a grid 2, 4 or 8 mm
    coarse (1/2, 1/4 and 1/8 of the published 1 mm grid); every coarse voxel that is hit is hidden.
    Unlike the published code, every draw is fresh and points off the border do not wrap round.
    """
    coarse = float(rng.choice([2.0, 4.0, 8.0], p=[0.25, 0.5, 0.25]))
    factor = [max(1, round(coarse / s)) for s in spacing]
    shape = [-(-n // f) for n, f in zip(brain.shape, factor, strict=True)]
    centre = (
        np.array(np.unravel_index(int(rng.choice(np.flatnonzero(brain))), brain.shape)) // factor
    )
    axes = np.linalg.qr(rng.standard_normal((3, 3)))[0] * np.sqrt(rng.uniform(0.3, 10, 3))
    hits = np.rint(rng.standard_normal((points, 3)) @ axes.T + centre).astype(int)
    hits = hits[np.all((hits >= 0) & (hits < shape), axis=1)]
    small = np.zeros(shape, bool)
    small[tuple(hits.T)] = True
    for axis, f in enumerate(factor):
        small = np.repeat(small, f, axis)
    return small[tuple(slice(n) for n in brain.shape)] & brain


def hidden_region(
    rng: np.random.Generator, brain: Mask, spacing: tuple[float, float, float], whole: float = 0.4
) -> Mask:
    """A mask as testing shows it: the whole brain, or some blobs, half of the time with specks.

    The whole brain is where the refinement starts; specks are what it passes through, since it
    unmasks voxel by voxel wherever the repaint agrees.
    """
    if rng.random() < whole:
        return brain.copy()
    mask = np.zeros_like(brain)
    for _ in range(rng.integers(1, 5)):
        mask |= blob(rng, brain, spacing, points=20_000)
    if rng.random() < 0.5:
        share = rng.uniform(0.02, 0.6)
        patchy = ndimage.gaussian_filter(rng.standard_normal(brain.shape, np.float32), 4.0)
        chance = share * (1 + np.clip(patchy / patchy.std(), -1, 1))
        mask |= (rng.random(brain.shape, np.float32) < chance) & brain
    return mask
