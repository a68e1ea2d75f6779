"""Which intensities T1 shows in a healthy brain: dark CSF, grey between it and bright white."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.contrast import Contrast

POSITIONS: dict[str, float] = {
    "lobar white": 2.00,
    "callosum": 2.15,
    "capsule": 2.02,
    "cerebellar white": 2.07,
    "cerebellar grey": 1.27,
    "brainstem": 1.98,
    "caudate": 1.50,
    "putamen": 1.63,
    "pallidum": 1.96,
    "thalamus": 1.82,
    "hippocampus": 1.14,
    "limbic": 1.08,
    "cortex": 1.00,
}
"""Median tissue coordinate of each group in 32 healthy IXI brains, without their coil's bias."""


def draw_contrast(rng: np.random.Generator) -> Contrast:
    """Draw the contrast of one T1-weighted scan: each group near where real T1 scans have it."""
    grey = float(rng.uniform(0.55, 0.82))
    csf = float(rng.uniform(0.15, min(0.5, grey - 0.2)))
    ends = [csf, grey, 1.0, 1.0 + (1.0 - grey)]
    levels = {
        name: float(np.interp(place + rng.uniform(-0.1, 0.1), [0, 1, 2, 3], ends))
        for name, place in POSITIONS.items()
    }
    return Contrast(levels=levels, csf=csf, white_slope=float(rng.uniform(0.7, 1.1)))
