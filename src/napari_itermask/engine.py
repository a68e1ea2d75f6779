"""What repaints, where, and by which card: a model or any callable, made ready."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from napari_itermask.method.refinement import Reconstruct
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model
from napari_itermask.notes import Tell
from napari_itermask.scans.grid import own_grid
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision


def engine_of(
    model: Model | Reconstruct, device: str, precision: Precision, tell: Tell | None = None
) -> tuple[Reconstruct, str, str]:
    """What repaints, ready on its device, and the names of device and precision."""
    if isinstance(model, Model):
        reconstructor = model.reconstructor(device, precision, tell)
        return reconstructor, str(reconstructor.device), reconstructor.precision
    return (
        model,
        str(getattr(model, "device", "callable")),
        str(getattr(model, "precision", "callable")),
    )


def card_of_callable(reconstruct: Reconstruct, scan: Scan) -> ModelCard:
    """A card for a method that has none: the scan's own spacing, and "zscore"."""
    name = getattr(reconstruct, "__name__", type(reconstruct).__name__)
    return ModelCard(
        name=name,
        modality="any",
        grid=own_grid(scan.affine),
        normalisation="zscore",
    )


def threads() -> int:
    """How many threads torch computes with."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else 1
