"""How a run of slices loses its signal: shared by the effects that drop a chunk."""

from __future__ import annotations

import numpy as np

from napari_itermask.synthetic.draws import Mask, Volume
from napari_itermask.synthetic.visible import region


def drop(image: Volume, brain: Mask, axis: int, first: int, count: int) -> tuple[Volume, Mask]:
    """Set ``count`` slices of ``axis`` to no signal; the truth is their brain."""
    where = np.zeros(image.shape, bool)
    np.moveaxis(where, axis, 0)[first : first + count] = True
    after = np.where(where, np.float32(0), image)
    return after, region(image, after, brain, where)
