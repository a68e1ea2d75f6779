"""Which way do the axes of a file run, and which way those of the viewer?

The viewer shows canonical voxels (S, A, R) without rotation, axial by default, front up: its world
axes are (S, -A, R) in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

Affine = NDArray[np.float64]
Shape = tuple[int, ...]

AXES = ("S", "A", "R")
CANONICAL: NDArray[np.float64] = np.column_stack([np.arange(3), np.ones(3)])
"""Orientation of (R, A, S) voxels, as nibabel writes it."""
REVERSED = np.array([[0.0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""Indices (S, A, R) to (R, A, S), and back."""
WORLD_OF_MM = np.array([[0.0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""RAS mm to the viewer's world, and back: rows run down, the minus puts the front at the top."""


class SpaceError(ValueError):
    """A volume or a layer whose place is not known; the message says why, and what to do."""


@dataclass(frozen=True, eq=False)
class View:
    """How true coordinates become the viewer's: one for all layers that lie on the same scan.

    Attributes
    ----------
    matrix
        ``(4, 4)``: RAS mm to the viewer's world.
    units
        Of the world's axes.
    """

    matrix: Affine
    units: tuple[str, ...] = ("mm",) * 3


def view_of(affine: Affine, shape: Shape) -> View:
    """How a scan lies in the viewer: its closest canonical axes straight, its first voxel in place.

    Another volume of the same patient, such as a model's grid, lies on the scan only when it is
    placed in the scan's view: an oblique scan was straightened, and the other has to follow.
    """
    true = canonical(affine, shape)
    straight = np.diag([*voxel_sizes(true), 1.0])
    straight[:3, 3] = true[:3, 3]
    return View(WORLD_OF_MM @ straight @ np.linalg.inv(true))


def to_layer(volume: NDArray[Any], affine: Affine) -> NDArray[Any]:
    """Turn ``(X, Y, Z)`` in file order to ``(S, A, R)``, contiguous; may share its memory."""
    return np.ascontiguousarray(turned(volume, affine))


def turned(volume: NDArray[Any], affine: Affine) -> NDArray[Any]:
    """``(X, Y, Z)`` in file order seen as ``(S, A, R)``; shares its memory."""
    view: NDArray[Any] = apply_orientation(volume, io_orientation(affine)).transpose(2, 1, 0)
    return view


def from_layer(data: NDArray[Any], affine: Affine, shape: Shape) -> NDArray[Any]:
    """Turn ``(S, A, R)`` back to the ``(X, Y, Z)`` of the file; shares the memory of ``data``."""
    if data.shape != layer_shape(affine, shape):
        raise SpaceError(
            f"data of the shape {data.shape} does not belong to a file of {tuple(shape)} voxels."
        )
    back = ornt_transform(CANONICAL, io_orientation(affine))
    volume: NDArray[Any] = apply_orientation(data.transpose(2, 1, 0), back)
    return volume


def layer_shape(affine: Affine, shape: Shape) -> Shape:
    """The shape ``(S, A, R)`` that a file of ``shape`` has in the viewer."""
    order = np.argsort(io_orientation(affine)[:, 0])
    return tuple(int(shape[int(axis)]) for axis in order[::-1])


def canonical(affine: Affine, shape: Shape) -> Affine:
    """The affine of a file's voxels once they are turned to (R, A, S)."""
    out: Affine = affine @ inv_ornt_aff(io_orientation(affine), tuple(shape))
    return out


def close(one: Affine, other: Affine, shape: Shape) -> bool:
    """Whether two affines put every corner of a volume within a thousandth of a mm."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * np.array(shape)
    return bool(np.abs(apply_affine(one, corners) - apply_affine(other, corners)).max() < 1e-3)
