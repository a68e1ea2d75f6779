"""Where in the scan does a point of the viewer's world lie, at which mm, and in which voxel?

A frame's axes are those of the scan's own voxels, turned to the closest of right, front and up: the
planes are slices of the scan as it was acquired, also of an oblique one. Its points are in mm along
these axes, from the centre of the first voxel. The true mm follow the scan's affine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, obliquity, voxel_sizes
from numpy.typing import NDArray

from napari_itermask.gui.placed.axes import Affine, Shape, View, canonical, layer_shape
from napari_itermask.gui.where.sides import Codes, Plane, axes_of, upright

CODES: Codes = ("R", "A", "S")
"""Where a frame's axes point to."""
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")

Point = NDArray[np.float64]
"""``(3,)``: mm to the right, to the front and up, in a frame."""


class Frame:
    """How points of one scan are called: in its frame, in the viewer's world, in mm, in voxels.

    Parameters
    ----------
    affine, shape
        Of the scan, in file order: voxels to RAS mm.
    view
        How the scan lies in the viewer.

    Attributes
    ----------
    spacing
        ``(3,)``: of the scan's voxels along the frame's axes, in mm.
    size
        ``(3,)``: how many voxels there are along them.
    tilt
        Degrees by which the scan is turned against the patient's axes.
    """

    def __init__(self, affine: Affine, shape: Shape, view: View) -> None:
        true = canonical(affine, shape)
        self.spacing: Point = np.asarray(voxel_sizes(true), np.float64)
        self.size = np.array(layer_shape(affine, shape)[::-1])
        self.tilt = float(np.rad2deg(np.max(obliquity(true))))
        self._to_mm: Affine = true @ np.diag([*(1 / self.spacing), 1.0])
        self._to_world: Affine = view.matrix @ self._to_mm
        self._to_voxel: Affine = np.linalg.inv(affine) @ self._to_mm
        self._from_mm: Affine = np.asarray(np.linalg.inv(self._to_mm), np.float64)
        self._from_world: Affine = np.asarray(np.linalg.inv(self._to_world), np.float64)

    @property
    def highest(self) -> Point:
        """The centre of the last voxel; that of the first is 0."""
        return (self.size - 1) * self.spacing

    def to_mm(self, point: Point) -> Point:
        """True RAS mm of a point."""
        return _applied(self._to_mm, point)

    def from_mm(self, mm: Sequence[float]) -> Point:
        """The point at true RAS mm."""
        return _applied(self._from_mm, mm)

    def to_world(self, point: Point) -> Point:
        """The point as the last three coordinates of the viewer's world."""
        return _applied(self._to_world, point)

    def from_world(self, world: Sequence[float] | Point) -> Point:
        """The point at coordinates of the viewer's world, of which the last three count."""
        return _applied(self._from_world, np.asarray(world, np.float64)[-3:])

    def voxel(self, point: Point) -> tuple[int, int, int]:
        """The voxel of the file nearest to a point."""
        i, j, k = np.rint(_applied(self._to_voxel, point)).astype(int)
        return int(i), int(j), int(k)

    def holds(self, point: Point) -> bool:
        """Whether a point lies in one of the scan's voxels."""
        half = self.spacing / 2
        return bool((point >= -half).all() and (point <= self.highest + half).all())

    def nearest(self, point: Point) -> Point:
        """The centre of the scan's voxel nearest to a point, which may lie outside."""
        out: Point = np.clip(np.rint(point / self.spacing), 0, self.size - 1) * self.spacing
        return out

    def box(self, mask: NDArray[np.bool_]) -> tuple[Point, Point]:
        """Two corners around a mask along the frame's axes, to two voxels: all of it if empty."""
        part = mask[::2, ::2, ::2]  # an eighth of the work
        low, high = np.zeros(3), self.highest
        for axis in range(3):
            there = np.flatnonzero(part.any(axis=tuple({0, 1, 2} - {axis})))
            if len(there):
                low[axis], high[axis] = 2 * there[[0, -1]] * self.spacing[axis]
        return low, high

    def lattice(self, affine: Affine, shape: Shape) -> tuple[Point, Point]:
        """Where another volume's voxels lie that follow the scan's axes: the first, their spacing.

        Both ``(3,)`` in mm of the frame, once the volume is turned to its canonical axes.
        """
        placed = self._from_mm @ canonical(affine, shape)
        return placed[:3, 3], np.diag(placed)[:3].copy()


def axes_in(plane: Plane) -> tuple[int, int, int]:
    """A frame's axes across a plane, upward on the screen, and along it."""
    return axes_of(plane, CODES)


def mirrored(plane: Plane, convention: Any) -> bool:
    """Whether the axis along a plane runs to the left on the screen; head and front are up."""
    _, _, horizontal = upright(axes_in(plane), 2, convention, CODES)
    return horizontal == "left"


def _applied(matrix: Affine, point: Sequence[float] | NDArray[Any]) -> Point:
    out: Point = np.asarray(apply_affine(matrix, np.asarray(point, np.float64)), np.float64)
    return out
