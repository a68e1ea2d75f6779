"""Is a model fit for use on this machine? Its files, a golden block, healthy tissue repainted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.method.refinement import seeded_noise
from napari_itermask.models.golden import check_golden
from napari_itermask.models.store import Model
from napari_itermask.scans.grid import place
from napari_itermask.scans.intensity import Mask, normalise
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision

MOST_UNEXPLAINED = 0.8
"""Of the variance of healthy tissue in one pass; 1 is what a flat repaint gives."""


@dataclass(frozen=True, eq=False)
class Healthy:
    """A scan and which of its voxels are healthy: ``(X, Y, Z)`` bool."""

    name: str
    scan: Scan
    tissue: Mask


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: a word, what was found, and whether it is as it should be."""

    name: str
    found: str
    passed: bool | None
    """None: could not be looked at."""


def check_model(
    model: Model,
    healthy: Sequence[Healthy] = (),
    device: str = "auto",
    precision: Precision = "auto",
) -> Iterator[Check]:
    """Look at a model: its weights, its golden block, and how it repaints ``healthy`` tissue."""
    count = sum(p.numel() for p in model.network.parameters())
    yield Check("weights", f"{count / 1e6:.1f} million parameters", True)
    golden = check_golden(model, device, precision)
    if golden is None:
        yield Check("golden block", "none is recorded in the model's folder", None)
    else:
        text = (
            f"off by {golden.off:.2g} of its spread, {golden.allowed:g} is allowed "
            f"({golden.precision} on {golden.device})"
        )
        yield Check("golden block", text, golden.passed)
    for one in healthy:
        left = unexplained(model, one.scan, one.tissue, device, precision)
        text = (
            f"{one.name}: {left:.0%} of the variance unexplained, under {MOST_UNEXPLAINED:.0%} "
            "is wanted"
        )
        yield Check("healthy tissue", text, left < MOST_UNEXPLAINED)
    if not healthy:
        modality = model.card.modality.upper()
        yield Check("healthy tissue", f"no healthy {modality} scan was given (--scan FILE)", None)


def unexplained(
    model: Model, scan: Scan, tissue: Mask, device: str = "auto", precision: Precision = "auto"
) -> float:
    """Share of the variance within ``tissue`` (the scan's voxels) that one pass leaves.

    The whole brain is hidden, as the refinement starts.
    """
    card = model.card
    placement = place(scan.brain, scan.affine, card.grid)
    image, brain = placement.to_grid(scan.image, scan.brain)
    where = placement.mask_to_grid(tissue) & brain
    scaled = normalise(image, brain, card.normalisation).image
    guide = high_frequency(scaled, card.cutoff, card.grid.spacing)
    noise = seeded_noise(0, image.shape)(0)
    masked = np.where(brain, noise, scaled).astype(np.float32)
    repaint = model.reconstructor(device, precision)(masked, guide)
    return float(((repaint - scaled)[where] ** 2).mean() / scaled[where].var())
