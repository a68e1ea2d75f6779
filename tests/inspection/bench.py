"""A brain in which every error is drawn by hand: what a reason needs is put where it is looked for.

The method that repaints it is a plain callable; everything else is the real thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

import napari_itermask as itm
from napari_itermask.prepare import prepare
from napari_itermask.scans.grid import own_grid

SIZE, SPACING = 40, 2.0
AFFINE = np.diag([SPACING, SPACING, SPACING, 1.0])
AFFINE[:3, 3] = (-40.0, -36.0, -30.0)
TISSUE, FLUID = 100.0, 20.0
ORDINARY = 0.2
"""The largest error of tissue."""
SETTINGS = itm.RefineSettings(threshold_rule="manual", manual_threshold=1.0)


def ball(centre, radius):
    place = np.moveaxis(np.indices((SIZE,) * 3), 0, -1) - np.array(centre)
    return (place**2).sum(-1) <= radius**2


BRAIN = ball((19.5, 19.5, 19.5), 16)


def block(corner, side=4):
    out = np.zeros((SIZE,) * 3, bool)
    out[tuple(slice(c, c + side) for c in corner)] = True
    return out


@dataclass
class Bench:
    """Where which error is, each place ``(40, 40, 40)`` bool in the scan's voxels.

    ``always`` has its error in every pass, ``hidden`` only in passes that hide all around it,
    ``shown`` only in passes that show it.
    """

    always: list = field(default_factory=list)
    hidden: list = field(default_factory=list)
    shown: list = field(default_factory=list)
    darker: bool = False  # the image is darker than its repaint
    image: np.ndarray | None = None
    affine: np.ndarray = field(default_factory=AFFINE.copy)

    def scan(self, folder: Path) -> itm.Scan:
        """The scan, from files, so that its runs can be loaded with it."""
        image = tissue() if self.image is None else self.image
        for name, volume in (("s", (image * BRAIN).astype(np.float32)), ("b", BRAIN)):
            nib.save(
                nib.Nifti1Image(volume.astype(np.float32), self.affine), folder / f"{name}.nii"
            )
        return itm.load_scan(folder / "s.nii", folder / "b.nii")

    def run(self, folder: Path, settings=SETTINGS, **more) -> itm.Run:
        scan = self.scan(folder)
        card = itm.ModelCard(
            name="drawn", modality="flair", grid=own_grid(scan.affine), normalisation="zscore"
        )
        grid = prepare(scan, card, settings)
        to_grid = grid.placement.mask_to_grid
        plain = ORDINARY * np.random.default_rng(0).random(grid.image.shape)
        places = {
            name: [(to_grid(where), error) for where, error in getattr(self, name)]
            for name in ("always", "hidden", "shown")
        }
        sign = -1 if self.darker else 1

        def repaint(masked, guide):
            seen = masked == grid.image
            error = plain.copy()
            for where, value in places["always"]:
                error[where] = value
            for where, value in places["hidden"]:
                error[where] = 0.01 if seen[grown(where) & ~where].any() else value
            for where, value in places["shown"]:
                error[where] = np.where(seen[where], value, 0.01)
            return (grid.image - sign * np.sqrt(error)).astype(np.float32)

        return itm.refine(scan, repaint, settings, card=card, **more)


def tissue():
    return TISSUE + 3 * np.random.default_rng(1).standard_normal((SIZE,) * 3)


def grown(mask):
    from scipy import ndimage

    return ndimage.binary_dilation(mask, np.ones((3, 3, 3)))
