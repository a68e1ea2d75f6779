"""What one pass gave, and what a finished threshold search holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.error import Mask, Volume
from napari_itermask.method.threshold import POINTS, ThresholdCurve

Phase = Literal["search", "refine"]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Step:
    """What one pass gave. Its arrays are its own, ``(X, Y, Z)``, and read-only.

    ``index`` counts passes from 0 over search and refinement, ``number`` from 1 within the phase.
    ``masked`` is the mask before the pass, ``mask`` the one set after it by ``threshold``.
    ``search`` is the finished search, from the hundredth pass on.
    """

    phase: Phase
    index: int
    number: int
    threshold: float
    masked: Mask
    mask: Mask
    reconstruction: Volume
    error: Volume
    search: Search | None = None

    @property
    def mask_voxels(self) -> int:
        """Voxels in ``mask``."""
        return int(np.count_nonzero(self.mask))


@dataclass(eq=False)
class Search:
    """A threshold search: its curve and its masks, the latter as bits of the brain's voxels.

    Attributes
    ----------
    brain
        ``(X, Y, Z)`` bool.
    thresholds, packed
        One for each pass.
    calibrated
        The threshold that the card's calibration gives, read from the first pass; None without a
        calibration.
    """

    brain: Mask
    thresholds: list[float] = field(default_factory=list)
    packed: list[Bits] = field(default_factory=list)
    calibrated: float | None = None

    @property
    def finished(self) -> bool:
        """Whether all its passes are there."""
        return len(self.thresholds) == POINTS

    @property
    def curve(self) -> ThresholdCurve:
        """The thresholds as a curve that can be fitted and chosen from."""
        return ThresholdCurve(np.asarray(self.thresholds, np.float32))

    def mask(self, index: int) -> Mask:
        """The mask that the search set at curve point ``index`` (0-based), ``(X, Y, Z)`` bool."""
        return unpack(self.packed[index], self.brain)


def pack(mask: Mask, brain: Mask) -> Bits:
    """The bits of ``mask``, which lies in ``brain``, at the brain's voxels."""
    return np.packbits(mask[brain])


def unpack(bits: Bits, brain: Mask) -> Mask:
    """The mask ``(X, Y, Z)`` bool that :func:`pack` made ``bits`` of."""
    mask = np.zeros(brain.shape, bool)
    mask[brain] = np.unpackbits(bits, count=int(np.count_nonzero(brain))).view(bool)
    return mask
