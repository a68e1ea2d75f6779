"""Where in the viewer is a voxel of the scan, and which voxel is a point there? And: go there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import apply_affine

if TYPE_CHECKING:
    from napari_itermask.gui.opening import Opened

Voxel = tuple[int, int, int]


def world_of(opened: Opened, voxel: Sequence[float]) -> tuple[float, float, float]:
    """Where a voxel ``(i, j, k)`` of the scan's file lies, as the last three axes of the world."""
    x, y, z = apply_affine(opened.view.matrix @ opened.scan.affine, voxel)
    return float(x), float(y), float(z)


def voxel_at(opened: Opened, world: Sequence[float]) -> Voxel | None:
    """The voxel of the scan's file at a point of the world; None outside."""
    back = np.linalg.inv(opened.view.matrix @ opened.scan.affine)
    point = apply_affine(back, np.asarray(world, np.float64)[-3:])
    found = np.floor(point + 0.5).astype(int)
    if ((found < 0) | (found >= opened.scan.image.shape)).any():
        return None
    i, j, k = found
    return int(i), int(j), int(k)


def go_to(viewer: Any, opened: Opened, voxel: Sequence[float]) -> None:
    """Show a voxel: turn the sliders there, and move the camera where it would not be seen."""
    world = world_of(opened, voxel)
    dims = viewer.dims
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved the camera there
    if dims.ndim < 3:
        return
    dims.set_point(tuple(range(dims.ndim - 3, dims.ndim)), world)
    if dims.ndisplay == 3:
        camera.center = world
    elif not _is_seen(viewer, opened, world):
        across, down = (world[axis - (dims.ndim - 3)] for axis in dims.displayed)
        camera.center = (*camera.center[:-2], across, down)


@contextmanager
def selection_kept(viewer: Any) -> Iterator[None]:
    """napari selects what is new: the user's own selection comes back."""
    chosen, active = set(viewer.layers.selection), viewer.layers.selection.active
    yield
    viewer.layers.selection = {layer for layer in chosen if layer in viewer.layers}
    if active in viewer.layers:
        viewer.layers.selection.active = active


def _is_seen(viewer: Any, opened: Opened, world: tuple[float, float, float]) -> bool:
    """Whether the canvas shows a point of the plane, which it does unless zoomed in elsewhere."""
    displayed = list(viewer.dims.displayed)
    for layer in viewer.layers:
        if layer is opened.layer or (layer.visible and layer.ndim == viewer.dims.ndim):
            corners = np.array([layer.data_to_world(c) for c in layer.corner_pixels])
            low, high = corners.min(0)[displayed], corners.max(0)[displayed]
            if (high > low).all():
                point = np.array([world[axis - viewer.dims.ndim] for axis in displayed])
                return bool(((point >= low) & (point <= high)).all())
    return True
