"""Where in a brain may something sit, at which depth, and does the scan look like T1 or T2?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume

COARSE = 3.0
"""mm; depth need not be known more finely, and at 1 mm it would take seconds."""


def at_depth(
    brain: Mask, spacing: Spacing, shallow: float, deep: float = np.inf
) -> tuple[Mask, NDArray[np.float64]]:
    """Where the brain is ``shallow`` to ``deep`` mm below its surface, on a coarse grid.

    Where it is nowhere so deep: the deepest half. Also returned: voxels of the brain's grid for
    each of the coarse grid.
    """
    from scipy import ndimage

    step = np.maximum(1, np.round(COARSE / np.array(spacing))).astype(int)
    coarse = brain[tuple(slice(None, None, s) for s in step)]
    if not coarse.any():
        coarse, step = brain, np.ones(3, int)
    depth = ndimage.distance_transform_edt(np.pad(coarse, 1), sampling=step * np.array(spacing))
    depth = depth[1:-1, 1:-1, 1:-1]
    where = (depth >= shallow) & (depth <= deep)
    if not where.any():
        where = coarse & (depth >= np.median(depth[coarse]))
    return where, step.astype(np.float64)


def contrast_of(image: Volume, brain: Mask, draw: Draw) -> str:
    """ "t1", "t2" or "flair": as the draw says, else as the image looks, else "flair"."""
    from napari_itermask.scans.modality import modality_of_intensities

    said = str(draw["contrast"])
    return said or modality_of_intensities(image, brain) or "flair"
