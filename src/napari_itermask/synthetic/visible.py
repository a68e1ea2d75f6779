"""Which voxels did an anomaly truly change, beyond an amount that a person could see?

The unit is the interquartile range (IQR) of the brain's clean intensities. A change is visible
where it exceeds a quarter of it. On a T1 scan that is about a tenth of white matter's intensity.
"""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.draws import Mask, Volume

SHARE = 0.25
"""Of the brain's IQR: a change above it is visible."""


def visible_amount(image: Volume, brain: Mask) -> float:
    """The smallest visible change of ``image`` ``(X, Y, Z)``, in its own units."""
    first, third = np.percentile(image[brain], [25, 75])
    return SHARE * float(third - first)


def changed(before: Volume, after: Volume, brain: Mask) -> Mask:
    """For what reaches everywhere: the brain's voxels that changed visibly."""
    out: Mask = brain & (np.abs(after - before) > visible_amount(before, brain))
    return out


def region(before: Volume, after: Volume, brain: Mask, where: Mask) -> Mask:
    """For what has an outline: all of it in the brain, or nothing where it is too weak to see.

    Weak means that nine tenths of its voxels changed by less than the visible amount. A voxel that
    happened to look the same before belongs to the outline: it lost its own signal too.
    """
    inside: Mask = brain & where
    if inside.any():
        change = np.abs(after[inside] - before[inside])
        if float(np.percentile(change, 90)) > visible_amount(before, brain):
            return inside
    return np.zeros_like(brain)
