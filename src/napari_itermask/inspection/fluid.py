"""Where is cerebrospinal fluid, by its intensity, in a piece and around it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_itermask.inspection.pieces import Floats, Pieces
from napari_itermask.result import Run
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.modality import modality_of_intensities, modality_of_name
from napari_itermask.scans.scan import Scan

BRIGHT = {"flair": False, "t1": False, "t1c": False, "t2": True}
"""Whether fluid is the brightest of the brain; on the others it is the darkest."""
EXTREME = 2.0
"""In %: so much of a brain is fluid at least."""
AROUND_MM = 2.0


@dataclass(frozen=True)
class Fluid:
    """Which intensities of a scan are those of fluid: beyond ``limit``, on the ``bright`` side."""

    limit: float
    bright: bool

    @classmethod
    def of(cls, run: Run, scan: Scan) -> Fluid | None:
        """Halfway between the brain's median and its extreme; None where no contrast is known."""
        modality = run.card.modality.lower()
        if modality not in BRIGHT:
            modality = modality_of_name(scan.path) or ""
        if modality not in BRIGHT:
            modality = modality_of_intensities(scan.image, scan.brain) or ""
        if modality not in BRIGHT:
            return None
        bright = BRIGHT[modality]
        extreme, middle = np.percentile(
            scan.image[scan.brain], [100 - EXTREME if bright else EXTREME, 50]
        )
        return cls(float(extreme + middle) / 2, bright)

    def __call__(self, volume: Volume) -> Mask:
        """Where ``volume`` has the intensity of fluid."""
        out: Mask = volume > self.limit if self.bright else volume < self.limit
        return out

    def shares(self, run: Run, scan: Scan, pieces: Pieces) -> Floats:
        """The share of each piece that is fluid in the image or as it was repainted."""
        either = self(pieces.values(scan.image)) | self(pieces.values(run.reconstruction))
        return pieces.means(either)

    def around(self, scan: Scan, pieces: Pieces, asked: Iterable[int]) -> dict[int, float]:
        """For each piece asked for, the share of the 2 mm of brain around it that is fluid."""
        reach = np.array([max(1, round(AROUND_MM / s)) for s in scan.spacing])
        found = {}
        for piece in asked:
            at = pieces.at[pieces.part(piece)]
            low = np.maximum(at.min(axis=0) - reach, 0)
            box = tuple(slice(a, b) for a, b in zip(low, at.max(axis=0) + reach + 1, strict=True))
            brain = scan.brain[box]
            own = np.zeros(brain.shape, np.uint8)
            own[tuple((at - low).T)] = 1
            near = ndimage.maximum_filter(own, 2 * reach + 1, mode="constant") > own
            near &= brain
            if near.any():
                found[piece] = float(np.mean(self(scan.image[box][near])))
        return found
