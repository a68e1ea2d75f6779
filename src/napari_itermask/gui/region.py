"""Where may the mask be? A drawn shape or a painted layer, as voxels of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import apply_affine

from napari_itermask.gui.opening import Opened, mask_on
from napari_itermask.gui.placed.space import from_layer, placing, to_layer, volume_of
from napari_itermask.scans.reading import ScanError

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session
    from napari_itermask.scans.intensity import Mask


def region_of(layer: Any, session: Session) -> Mask:
    """What a Labels or Shapes layer covers, ``(X, Y, Z)`` bool in the scan's voxels.

    A shape is flat: it counts through all slices along the axis it was drawn across.

    Raises
    ------
    ScanError
        If no scan is open, or the layer covers nothing of it.
    """
    opened = session.opened
    if opened is None:
        raise ScanError(f"the layer {layer.name!r} lies on no scan: open a scan first.")
    scan = opened.scan
    if hasattr(layer, "shape_type"):
        mask = _through(layer, opened)
    else:
        volume = volume_of(layer, beside=session.neighbours())
        mask = mask_on(volume, scan.affine, scan.image.shape, opened.view, scan.name)
    if not (mask & scan.brain).any():
        raise ScanError(
            f"the layer {layer.name!r} covers nothing of the brain of {scan.name}: draw on it."
        )
    return mask


def _through(layer: Any, opened: Opened) -> Mask:
    """The union of a layer's shapes, each extruded across the plane it was drawn in."""
    from napari.layers import Shapes

    scan = opened.scan
    shape = to_layer(scan.brain, scan.affine).shape
    place = placing(scan.affine, scan.image.shape, opened.view)
    world = place["affine"] if "affine" in place else np.diag([*place["scale"], 1.0])
    if "translate" in place:
        world[:3, 3] = place["translate"]
    to_voxels = np.linalg.inv(world)
    covered = np.zeros(shape, bool)
    for corners, kind in zip(layer.data, layer.shape_type, strict=True):
        points = apply_affine(
            to_voxels, np.array([layer.data_to_world(point)[-3:] for point in corners])
        )
        across = int(np.argmin(np.ptp(points, axis=0)))
        flat = np.delete(points, across, axis=1)
        plane = tuple(np.delete(shape, across))
        drawn = Shapes([flat], shape_type=kind).to_masks(plane)[0]
        covered |= np.expand_dims(drawn, across)
    return np.ascontiguousarray(from_layer(covered, scan.affine, scan.image.shape))
