"""What a scan is: voxels, where they lie, and which of them are brain, in the scan's own space."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from napari_itermask.scans.intensity import Mask, Volume


@dataclass(frozen=True, eq=False)
class Scan:
    """A volume in its own voxels and space, with its brain mask.

    Attributes
    ----------
    image
        ``(X, Y, Z)`` float32, in the file's own axis order.
    brain
        ``(X, Y, Z)`` bool.
    affine
        ``(4, 4)``: voxels to world, RAS mm.
    background
        The value outside the brain.
    header
        The file's nibabel header, which results inherit; None for a scan made in memory.
    path, brain_path
        Where they were read from, if from files.
    brain_source
        "given", "found" or "made by" a skull-stripper.
    notes
        What a reader should know: each warning that loading gave.
    """

    image: Volume
    brain: Mask
    affine: NDArray[np.float64]
    background: float = 0.0
    header: Any = None
    path: Path | None = None
    brain_path: Path | None = None
    brain_source: str = "given"
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.brain.shape != self.image.shape:
            raise ValueError(
                f"a scan is 3-D and its brain mask of the same shape, got {self.image.shape} and "
                f"{self.brain.shape}."
            )
        if not self.brain.any():
            raise ValueError(f"the brain mask of {self.name} is empty.")

    @property
    def name(self) -> str:
        """The file's name without its ending, or "scan"."""
        return stem(self.path) if self.path else "scan"

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along the file's axes."""
        x, y, z = voxel_sizes(self.affine)
        return float(x), float(y), float(z)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml."""
        return voxel_ml(self.affine)


def voxel_ml(affine: NDArray[np.float64]) -> float:
    """Volume in ml of a voxel under ``affine`` ``(4, 4)``."""
    return abs(float(np.linalg.det(affine[:3, :3]))) / 1000


def stem(path: Path) -> str:
    """The name of a file without ``.nii``, ``.nii.gz`` and the like."""
    name = path.name
    for ending in (".nii.gz", ".nii", ".mgz", ".mgh", ".img.gz", ".hdr.gz"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem
