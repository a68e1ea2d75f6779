"""Has the user painted over the mask that is shown? Then that is what the planes outline."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from napari_itermask.gui.placed.space import KEY, from_layer
from napari_itermask.gui.planes.frame import Frame
from napari_itermask.gui.planes.showing import Volume

if TYPE_CHECKING:
    from napari_itermask.gui.layers import Canvas

EARS = ("paint", "labels_update")
"""Events of a Labels layer while it is painted, and after."""

_COUNT = count()


def painted(canvas: Canvas, frame: Frame) -> Volume | None:
    """The mask as it was painted over the pass that is shown; None where it was not."""
    layer, shown = canvas.layer("mask"), canvas.mask_shown()
    if layer is None or shown is None or not layer.editable:
        return None
    if not _is_of(layer, shown.facts):  # it is still to be brought to that pass
        return None
    voxels = canvas.painted()
    if voxels is None:
        return None
    mask = from_layer(voxels, shown.affine, shown.shape)
    return Volume(("painted", next(_COUNT)), lambda: mask, frame, shown.affine, shown.shape)


def _is_of(layer: Any, facts: Any) -> bool:
    own = layer.metadata.get(KEY, {})
    return all(own.get(name) == facts.get(name) for name in ("run", "pass", "threshold"))
