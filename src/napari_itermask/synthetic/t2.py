"""Which intensities T2 shows in a healthy brain: bright CSF, grey brighter than white."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.contrast import Contrast, draw_levels

RANGES: dict[str, tuple[str, float, float]] = {
    "lobar white": ("white", 0.96, 1.04),
    "callosum": ("white", 0.82, 1.00),
    "capsule": ("white", 0.92, 1.15),
    "cerebellar white": ("white", 0.90, 1.10),
    "cerebellar grey": ("grey", 0.84, 1.02),
    "brainstem": ("white", 0.92, 1.16),
    "caudate": ("grey", 0.82, 1.00),
    "putamen": ("grey", 0.74, 0.96),
    "pallidum": ("white", 0.62, 1.00),
    "thalamus": ("grey", 0.78, 0.98),
    "hippocampus": ("grey", 0.98, 1.14),
    "limbic": ("grey", 0.96, 1.10),
    "cortex": ("grey", 0.95, 1.05),
}
"""Range of each group's intensity: (relative to, low, high); white matter is 1, grey drawn."""


def draw_contrast(rng: np.random.Generator) -> Contrast:
    """Draw the contrast of one T2-weighted scan."""
    grey = float(rng.uniform(1.1, 1.6))
    return Contrast(
        levels=draw_levels(rng, RANGES, grey),
        csf=max(float(rng.uniform(1.6, 3.4)), 1.25 * grey),
        white_slope=float(rng.uniform(0.2, 1.0)),
    )
