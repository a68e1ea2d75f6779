"""What the network sees of a scan: image, brain and guide on the model's grid, and the way back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard
from napari_itermask.notes import Tell, say
from napari_itermask.scans.files import ScanError, load_mask
from napari_itermask.scans.grid import Placement, place
from napari_itermask.scans.intensity import Mask, Scaled, Volume, normalise
from napari_itermask.scans.scan import Scan


@dataclass(frozen=True, eq=False)
class OnGrid:
    """A scan as the network sees it, and where that lies. Arrays ``(X, Y, Z)`` on the grid."""

    image: Volume
    brain: Mask
    placement: Placement
    scaled: Scaled
    guide: Volume


Space = Literal["auto", "scan", "grid"]
"""Whose voxels a mask has; "auto" tells by its shape, and prefers the scan."""


def prepare(
    scan: Scan, card: ModelCard, settings: RefineSettings, tell: Tell | None = None
) -> OnGrid:
    """Bring ``scan`` to the card's grid and scale, and compute its guide, once.

    ``tell`` is called with what a person should know; None: a UserWarning.

    Warns
    -----
    UserWarning
        If the settings' cutoff is not the one that the model was trained with.
    """
    placement = place(scan.brain, scan.affine, card.grid)
    image, brain = placement.to_grid(scan.image, scan.brain)
    if not brain.any():
        raise ValueError(
            f"{scan.brain_path or f'the brain of {scan.path or scan.name}'} is too thin for a grid "
            f"of {' x '.join(f'{s:g}' for s in card.grid.spacing)} mm: give a mask of the whole "
            "brain."
        )
    try:
        scaled = normalise(image, brain, card.normalisation)
    except ValueError as error:
        raise ValueError(f"{scan.path or scan.name}: {error}") from None
    cutoff = settings.cutoff or card.cutoff
    if not np.isclose(cutoff, card.cutoff, rtol=1e-6):
        say(
            f"the guide is cut at {cutoff:g} cycles/mm; {card.name} learnt with {card.cutoff:g}.",
            tell,
        )
    guide = high_frequency(scaled.image, cutoff, placement.spacing)
    return OnGrid(scaled.image, brain, placement, scaled, guide)


def mask_on_grid(name: str, mask: Mask, placement: Placement, space: Space = "auto") -> Mask:
    """Bring a mask in the scan's voxels or on the grid to the grid; ``name`` for a refusal."""
    shapes = {"scan": placement.scan_shape, "grid": placement.shape}
    fits = [s for s, shape in shapes.items() if space in ("auto", s) and mask.shape == shape]
    if not fits or mask.dtype != bool:
        wanted = " or ".join(f"{v} ({k})" for k, v in shapes.items() if space in ("auto", k))
        raise ValueError(
            f"{name} must be a bool mask of the shape {wanted}, got {mask.dtype} {mask.shape}: "
            "draw it on this scan."
        )
    return placement.mask_to_grid(mask) if fits[0] == "scan" else mask


def load_mask_on_grid(path: str | os.PathLike[str], scan: Scan, placement: Placement) -> Mask:
    """Load a mask drawn on ``scan`` or on the grid, and bring it to the grid.

    Raises
    ------
    ScanError
        If it lies on neither, or is empty.
    """
    try:
        return placement.mask_to_grid(load_mask(path, scan))
    except ScanError as error:
        whole = np.ones(placement.shape, bool)
        grid = Scan(image=whole.astype(np.float32), brain=whole, affine=placement.affine)
        try:
            return load_mask(path, grid)
        except ScanError:
            raise error from None
