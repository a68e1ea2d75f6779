"""Which intensities FLAIR shows in a healthy brain: dark CSF, grey a little brighter than white."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.contrast import Contrast, draw_levels

RANGES: dict[str, tuple[str, float, float]] = {
    "lobar white": ("white", 0.96, 1.04),
    "callosum": ("white", 0.82, 1.02),
    "capsule": ("white", 0.92, 1.15),
    "cerebellar white": ("white", 0.86, 1.08),
    "cerebellar grey": ("grey", 0.82, 1.02),
    "brainstem": ("white", 0.88, 1.12),
    "caudate": ("grey", 0.88, 1.06),
    "putamen": ("grey", 0.84, 1.04),
    "pallidum": ("white", 0.68, 1.00),
    "thalamus": ("grey", 0.84, 1.02),
    "hippocampus": ("grey", 0.98, 1.18),
    "limbic": ("grey", 0.96, 1.14),
    "cortex": ("grey", 0.94, 1.06),
}
"""Range of each group's intensity: (relative to, low, high); white matter is 1, grey drawn."""


def draw_contrast(rng: np.random.Generator) -> Contrast:
    """Draw the contrast of one FLAIR scan."""
    grey = float(rng.uniform(0.92, 1.36))
    return Contrast(
        levels=draw_levels(rng, RANGES, grey),
        csf=float(rng.uniform(0.12, 0.6)),
        white_slope=float(rng.uniform(0.2, 1.0)),
        rim=float(rng.uniform(0.0, 0.3)) if rng.random() < 0.7 else 0.0,
    )
