"""What the network sees of a scan: image, brain and guide on the model's grid, and the way back."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard
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


def prepare(scan: Scan, card: ModelCard, settings: RefineSettings) -> OnGrid:
    """Bring ``scan`` to the card's grid and scale, and compute its guide, once.

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
        warnings.warn(
            f"the guide is cut at {cutoff:g} cycles/mm; {card.name} learnt with {card.cutoff:g}.",
            stacklevel=3,
        )
    guide = high_frequency(scaled.image, cutoff, placement.spacing)
    return OnGrid(scaled.image, brain, placement, scaled, guide)
