"""Which voxels are brain: given, or found in a stripped scan; a scan with its skull is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume

LARGEST_BRAIN_ML = 2300.0
"""More than this is no brain alone: the largest healthy ones stay under 2 l with their CSF."""


@dataclass(frozen=True)
class FoundBrain:
    """The mask, the background's value, and why it is no stripped brain, if so."""

    mask: Mask
    background: float
    problem: str = ""


def find_brain(image: Volume, voxel_ml: float) -> FoundBrain:
    """Find the brain in a skull-stripped volume ``(X, Y, Z)``.

    The background is whatever single value fills the volume's border (not always 0, nor the
    minimum: a brain may hold both). What is not connected to the border through that value is
    brain: its largest piece, holes filled.

    Parameters
    ----------
    image
        Finite voxels, float32.
    voxel_ml
        Volume of a voxel in ml.

    Returns
    -------
    A :class:`FoundBrain`; ``problem`` says in words why the scan does not look stripped.
    """
    background = border_value(image)
    flat = image == background
    labels, _ = ndimage.label(flat)
    outer = np.unique(np.concatenate([face[face > 0] for face in _faces(labels)]))
    outside = np.isin(labels, outer)
    brain = largest_piece(~outside)
    volume = float(np.count_nonzero(brain)) * voxel_ml
    problem = ""
    if float(np.mean(outside)) < 0.02:
        problem = "it has no background of one single value around the brain"
    elif volume > LARGEST_BRAIN_ML:
        problem = (
            f"what stands out from its background measures {volume:.0f} ml, more than a brain does"
        )
    return FoundBrain(brain, background, problem)


def border_value(image: Volume) -> float:
    """The value that most voxels on the volume's six faces have, NaN included."""
    values, counts = np.unique(
        np.concatenate([face.ravel() for face in _faces(image)]), return_counts=True
    )
    return float(values[counts.argmax()])


def largest_piece(mask: Mask) -> Mask:
    """The largest 6-connected piece of ``mask``, its holes filled."""
    labels, count = ndimage.label(mask)
    if count > 1:
        mask = labels == np.bincount(labels[mask]).argmax()
    filled: Mask = ndimage.binary_fill_holes(mask)
    return filled


def _faces(volume: NDArray[Any]) -> list[NDArray[Any]]:
    return [np.take(volume, end, axis) for axis in range(3) for end in (0, -1)]
