"""What lies at a point of the scan, in words: true mm, voxel, and the value of every volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_itermask.gui.planes.frame import Frame, Point
from napari_itermask.gui.planes.showing import Showing


def place_words(frame: Frame, point: Point) -> str:
    """ "RAS -12.0, 34.5, 8.0 mm · voxel 101, 140, 82": of the true affine, and of the file."""
    mm = ", ".join(tenth(c) for c in frame.to_mm(point))
    return f"RAS {mm} mm · voxel {', '.join(map(str, frame.voxel(point)))}"


def value_words(
    shown: Showing, point: Point, world: Sequence[float], name: str, labels: Iterable[Any]
) -> str:
    """ "flair 412 · reconstruction 380 · error 3.21 (threshold 2.1) · in mask · not in truth".

    Parameters
    ----------
    shown
        The volumes; those that end before the point say nothing.
    point, world
        The same place in the scan's frame, and in the viewer's world with all its axes.
    name
        The scan's.
    labels
        Labels layers, which are read as they stand in the viewer. One whose name begins with
        "truth" speaks for the truth.
    """
    said, labels = [], list(labels)
    named = any(layer.name.startswith("truth") for layer in labels)
    for kind, volume in shown.volumes.items():
        value = volume.at(point)
        if value is None or (kind == "truth" and named):
            continue
        if kind in ("mask", "truth"):
            said.append(f"in {kind}" if value else f"not in {kind}")
            continue
        against = shown.threshold if kind == "error" else None
        limit = "" if against is None else f" (threshold {number(against)})"
        said.append(f"{name if kind == 'scan' else kind} {number(value)}{limit}")
    said += [words for layer in labels if (words := _label_words(layer, world))]
    return " · ".join(said)


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def tenth(mm: float) -> str:
    """A coordinate to a tenth of a mm."""
    return f"{round(float(mm), 1) + 0.0:.1f}"  # no -0.0


def labels_of(layers: Iterable[Any], besides: Any) -> list[Any]:
    """The visible Labels layers but one."""
    return [
        layer
        for layer in layers
        if isinstance(layer, Labels) and layer.visible and layer is not besides
    ]


def _label_words(layer: Any, world: Sequence[float]) -> str:
    """ "in truth", "not in truth", "tissue 3"; "" where the layer has no voxel."""
    shape = getattr(layer.data, "shape", ())
    if layer.multiscale or len(shape) != layer.ndim:
        return ""
    index = np.rint(layer.world_to_data(world)).astype(int)
    if not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        return ""
    value = int(np.asarray(layer.data[tuple(index)]).item())
    if value > 1:
        return f"{layer.name} {value}"
    return f"in {layer.name}" if value else f"not in {layer.name}"
