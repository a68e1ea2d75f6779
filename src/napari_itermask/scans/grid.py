"""From a scan's own voxels to the grid a model works on, and back, losing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume

Affine = NDArray[np.float64]


class Grid(BaseModel):
    """Spacing in mm and shape in voxels that a model works on, along the canonical axes (RAS)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spacing: tuple[float, float, float] = Field(description="Voxel size in mm.")
    shape: tuple[int, int, int] = Field(description="Voxels; each a multiple of 16.")


PUBLISHED_GRID = Grid(spacing=(1.0, 1.0, 1.0), shape=(192, 192, 192))
SIDE = 16


@dataclass(frozen=True, eq=False)
class Placement:
    """Where one scan lies on a grid.

    A grid follows the scan's closest canonical axes without rotation: ``grid voxel g`` lies at
    ``origin + g * spacing`` mm along the axes of the reoriented scan, whose own voxel 0 is at 0.
    ``shape`` may exceed the model's, by multiples of 16, so that no part of a brain is cut off.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    scan_shape: tuple[int, int, int]
    scan_affine: Affine
    scan_spacing: tuple[float, float, float]
    orientation: NDArray[np.float64]

    @property
    def enlarged(self) -> bool:
        """Whether the scan is sampled more finely than it was acquired, along some axis."""
        return any(s > 1.5 * g for s, g in zip(self.scan_spacing, self.spacing, strict=True))

    @property
    def affine(self) -> Affine:
        """Grid voxels to the scan's world, RAS mm, ``(4, 4)``."""
        inverse = nib.orientations.inv_ornt_aff(self.orientation, self.scan_shape)
        canonical = self.scan_affine @ inverse
        scale = np.eye(4)
        scale[:3, :3] = np.diag(np.divide(self.spacing, self.scan_spacing))
        scale[:3, 3] = np.divide(self.origin, self.scan_spacing)
        out: Affine = canonical @ scale
        return out

    def to_grid(self, image: Volume, brain: Mask) -> tuple[Volume, Mask]:
        """Bring a scan ``(X, Y, Z)`` and its brain mask to the grid.

        The image is averaged within the brain alone (smoothed against aliasing where the grid is
        coarser), so that the background's value, whatever it is, never bleeds into the rim.
        """
        weight = self._canonical(brain).astype(np.float32)
        values = self._canonical(image).astype(np.float32) * weight
        weight, values = self._sample(weight), self._sample(values)
        inside = weight > 0.5
        out = np.where(inside, values / np.maximum(weight, 0.5), 0).astype(np.float32)
        return out, inside

    def mask_to_grid(self, mask: Mask) -> Mask:
        """Bring any mask in the scan's voxels to the grid."""
        return self._sample(self._canonical(mask).astype(np.float32)) > 0.5

    def mask_to_scan(self, mask: Mask) -> Mask:
        """Bring a mask on the grid back to the scan's voxels ``(X, Y, Z)``, linearly."""
        return self._back(mask.astype(np.float32), 0.0) > 0.5

    def to_scan(self, volume: Volume, brain: Mask | None = None, outside: float = 0.0) -> Volume:
        """Bring a volume on the grid back to the scan's voxels, linearly.

        With ``brain`` (on the grid) the volume is interpolated within the brain alone.
        """
        if brain is None:
            return self._back(volume, outside)
        weight = self._back(brain.astype(np.float32), 0.0)
        values = self._back(np.where(brain, volume, 0).astype(np.float32), 0.0)
        return np.where(weight > 1e-3, values / np.maximum(weight, 1e-3), outside).astype(
            np.float32
        )

    def _canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        out: NDArray[Any] = nib.orientations.apply_orientation(array, self.orientation)
        return out

    def _canonical_shape(self) -> tuple[int, ...]:
        order = np.argsort(self.orientation[:, 0])
        return tuple(self.scan_shape[int(i)] for i in order)

    def _sample(self, volume: NDArray[Any]) -> Volume:
        step = np.divide(self.spacing, self.scan_spacing)
        # Antialiasing as in Cardoso et al. 2015: the blur that turns one voxel size into the other.
        sigma = np.sqrt(np.maximum(step**2 - 1, 0)) / 2.355
        smooth = ndimage.gaussian_filter(volume, sigma) if sigma.any() else volume
        offset = np.divide(self.origin, self.scan_spacing)
        return _linear(smooth, step, offset, self.shape, 0.0)

    def _back(self, volume: Volume, outside: float) -> Volume:
        step = np.divide(self.scan_spacing, self.spacing)
        offset = -np.divide(self.origin, self.spacing)
        out = _linear(volume, step, offset, self._canonical_shape(), outside)
        original = nib.orientations.io_orientation(self.scan_affine)
        back = nib.orientations.ornt_transform(
            np.column_stack([np.arange(3), np.ones(3)]), original
        )
        result: Volume = np.ascontiguousarray(nib.orientations.apply_orientation(out, back))
        return result


def place(brain: Mask, affine: Affine, grid: Grid) -> Placement:
    """Centre the box around ``brain`` ``(X, Y, Z)`` on ``grid``.

    Centring on the brain rather than on the volume makes the result independent of how much air
    the file holds, and of the order and direction of its axes.
    """
    orientation = nib.orientations.io_orientation(affine)
    spacing = canonical_spacing(affine)
    canonical = nib.orientations.apply_orientation(brain, orientation)
    box = box_of(canonical)
    low, high = (np.array(ends) for ends in zip(*((b.start, b.stop - 1) for b in box), strict=True))
    middle = (low + high) / 2 * spacing
    extent = (high - low + 1) * spacing
    shape = tuple(
        max(n, SIDE * int(np.ceil(e / s / SIDE)))
        for n, e, s in zip(grid.shape, extent, grid.spacing, strict=True)
    )
    origin = middle - (np.array(shape) - 1) / 2 * np.array(grid.spacing)
    # Along an axis of equal spacing grid and scan share their voxels: half a voxel beside the
    # middle, nothing is interpolated. Whole numbers until the end, so that rounding is no matter.
    same = np.isclose(grid.spacing, spacing)
    origin = np.where(same, (low + high + 1 - np.array(shape)) // 2 * np.array(spacing), origin)
    return Placement(
        shape=shape,  # type: ignore[arg-type]
        spacing=grid.spacing,
        origin=tuple(float(o) for o in origin),  # type: ignore[arg-type]
        scan_shape=brain.shape,
        scan_affine=np.asarray(affine, np.float64),
        scan_spacing=spacing,
        orientation=orientation,
    )


def own_grid(affine: Affine) -> Grid:
    """The grid of the scan's own spacing; placing a brain on it makes it large enough."""
    return Grid(spacing=canonical_spacing(affine), shape=(SIDE, SIDE, SIDE))


def canonical_spacing(affine: NDArray[np.floating]) -> tuple[float, float, float]:
    """Voxel size in mm along the canonical axes (R, A, S) closest to the scan's own."""
    order = np.argsort(nib.orientations.io_orientation(affine)[:, 0])
    x, y, z = voxel_sizes(affine)[order]
    return float(x), float(y), float(z)


def box_of(mask: Mask) -> tuple[slice, slice, slice]:
    """The smallest box around a mask that is not empty."""
    x, y, z = ndimage.find_objects(mask.astype(np.uint8))[0]
    return x, y, z


def _linear(
    volume: NDArray[Any],
    step: NDArray[np.float64],
    offset: NDArray[np.float64],
    shape: Sequence[int],
    outside: float,
) -> Volume:
    if np.allclose(step, 1) and np.allclose(offset, np.rint(offset), atol=1e-6):
        offset = np.rint(offset)  # whole voxels: nothing is interpolated, nothing is lost
    # "grid-constant" also interpolates between the last voxel and what lies outside.
    out: Volume = ndimage.affine_transform(
        volume, step, offset, tuple(shape), np.float32, order=1, mode="grid-constant", cval=outside
    )
    return out
