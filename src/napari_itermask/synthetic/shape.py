"""Which size, pose and form a healthy brain has: a random affine, then ageing's deformation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class ShapeDraw:
    """Every number that chance decides for a pose: rows of a 3 x 3 matrix, and left for right."""

    matrix: tuple[tuple[float, ...], ...]
    flip: bool


def draw_shape(rng: np.random.Generator) -> ShapeDraw:
    """Draw a turn of about 5 degrees, a zoom of up to 8 % (4 % by axis) and a little shear."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", rng.normal(0, np.radians(5), 3)).as_matrix()
    zoom = rng.uniform(0.92, 1.08) * rng.uniform(0.96, 1.04, 3)
    shear = np.eye(3) + np.triu(rng.normal(0, 0.02, (3, 3)), 1)
    matrix = turn @ shear @ np.diag(1 / zoom)
    return ShapeDraw(
        matrix=tuple(tuple(float(v) for v in row) for row in matrix),
        flip=bool(rng.random() < 0.5),
    )


def pose(draw: ShapeDraw) -> Matrix:
    """Offsets from the middle of the result to offsets from the brain's middle: ``(3, 3)``."""
    matrix = np.array(draw.matrix)
    return matrix @ np.diag([-1.0, 1.0, 1.0]) if draw.flip else matrix


def reshape(
    image: Volume,
    brain: Mask,
    draw: ShapeDraw,
    shape: tuple[int, int, int],
    displacement: Volume | None = None,
) -> tuple[Volume, Mask]:
    """Pose ``image`` ``(X, Y, Z)`` anew, its brain centred in ``shape``.

    ``displacement`` ``(3, X, Y, Z)``, in voxels of ``image``, says where each of its places takes
    its intensity from, before the pose. Image and brain move together, interpolated once.
    """
    matrix = pose(draw)
    middle = np.array(ndimage.center_of_mass(brain))
    offset = middle - matrix @ ((np.array(shape) - 1) / 2)
    places = affine_places(matrix, offset, shape)
    if displacement is not None:
        places += sample_at(displacement, places)
    inside = brain.astype(np.float32)
    weight, posed = sample_at(np.stack([inside, image * inside]), places)
    brain_out = weight > 0.5
    # Dividing by the interpolated mask keeps the dark background out of the brain's rim.
    return np.where(brain_out, posed / np.maximum(weight, 0.5), 0).astype(np.float32), brain_out


def affine_places(matrix: Matrix, offset: Matrix, shape: tuple[int, int, int]) -> Volume:
    """``matrix @ voxel + offset`` for every voxel of ``shape``: ``(3, X, Y, Z)``."""
    mesh = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    rows = [
        sum((np.float32(m) * axis for m, axis in zip(row, mesh, strict=True)), np.float32(start))
        for row, start in zip(matrix, offset, strict=True)
    ]
    return np.stack(rows)


def sample_at(volumes: Volume, places: Volume) -> Volume:
    """Volumes ``(C, X, Y, Z)`` at ``places`` ``(3, ...)`` in voxels, trilinear, 0 outside.

    torch does in a few milliseconds what takes scipy.ndimage most of a sample's time.
    """
    import torch

    ends = np.array(volumes.shape[:0:-1], np.float32) - 1
    normal = np.moveaxis(places[::-1], 0, -1) * (2 / ends) - 1
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(volumes)[None],
        torch.from_numpy(normal)[None],
        padding_mode="zeros",
        align_corners=True,
    )
    out: Volume = sampled[0].numpy()
    return out
