"""How does a volume of a scan lie in the viewer, and which voxel and which mm is a point there?

The viewer straightens an oblique scan (see ``axes.py``). The true affine stands in the layer's
metadata, so that every file and every coordinate in mm that is shown follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from napari_itermask.gui.placed.axes import (
    AXES,
    CANONICAL,
    REVERSED,
    Affine,
    Shape,
    SpaceError,
    View,
    canonical,
    close,
    from_layer,
    to_layer,
    view_of,
)
from napari_itermask.gui.placed.claims import (
    KEY,
    Claim,
    NoSpacing,
    claim_of,
    path_of,
    transform_of,
    units_of,
)


@dataclass(frozen=True, eq=False)
class LayerVolume:
    """The volume that a layer shows.

    Attributes
    ----------
    name
        The layer's name.
    voxels
        ``(X, Y, Z)``, in the order of the file where that is known; shares the layer's memory.
    affine
        ``(4, 4)``: voxels to RAS mm, oblique if the scan is.
    view
        How the layer lies in the viewer, for other layers to lie on it.
    header
        The file's nibabel header, if the layer carries one.
    path
        The file these voxels were read from; None for a layer made in memory or from another one.
    notes
        What had to be assumed, a sentence each.
    """

    name: str
    voxels: NDArray[Any]
    affine: Affine
    view: View
    header: Any = None
    path: Path | None = None
    notes: tuple[str, ...] = field(default=())


def placing(affine: Affine, shape: Shape, view: View | None = None) -> dict[str, Any]:
    """Keywords that make a layer of :func:`to_layer`'s data lie where it should.

    Parameters
    ----------
    affine, shape
        Of the volume, in file order.
    view
        That of the scan it belongs to; None: the volume is the scan itself.

    Returns
    -------
    dict
        scale and translate (or affine, on another plugin's rotated layer), units, axis_labels.
    """
    view = view or view_of(affine, shape)
    world = view.matrix @ canonical(affine, shape) @ REVERSED
    common = {"units": view.units, "axis_labels": AXES}
    scale = np.diag(world)[:3]
    if np.abs(world[:3, :3] - np.diag(scale)).max() > 1e-4 * np.abs(scale).min():
        return {"affine": world, **common}
    # Rounded, so that layers of one grid lie in the very same place however they got there.
    return {
        "scale": tuple(np.round(scale, 9).tolist()),
        "translate": tuple(np.round(world[:3, 3], 9).tolist()),
        **common,
    }


def stacked(place: dict[str, Any], label: str, scale: float = 1.0) -> dict[str, Any]:
    """Keywords of :func:`placing` for a stack ``(N, S, A, R)`` whose first axis is ``label``."""
    out = dict(place)
    if "affine" in out:
        whole = np.diag([scale, 1.0, 1.0, 1.0, 1.0])
        whole[1:, 1:] = out["affine"]
        out["affine"] = whole
    else:
        out |= {"scale": (scale, *out["scale"]), "translate": (0.0, *out["translate"])}
    return out | {
        "units": ("dimensionless", *out["units"]),
        "axis_labels": (label, *out["axis_labels"]),
    }


def metadata(
    affine: Affine,
    shape: Shape,
    header: Any = None,
    *,
    view: View | None = None,
    path: Path | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What a layer carries: under "itermask" what makes it a volume again, and ``more``.

    Give ``view`` if the layer was placed in one. "affine" and "coordinate_system" are the keys of
    napari-nifti (0.0.19 on), whose writer saves the layer in its true place by them.
    """
    own = {
        "affine": np.array(affine, np.float64),
        "shape": tuple(int(n) for n in shape),
        "header": header,
        "path": str(path) if path else None,
        **more,
    }
    if view is not None:
        own |= {"view": view.matrix.copy(), "view_units": view.units}
    return {KEY: own, "affine": canonical(affine, shape), "coordinate_system": "RAS+"}


def volume_of(
    layer: Any, *, spacing: Sequence[float] | None = None, beside: Iterable[Any] = ()
) -> LayerVolume:
    """The volume that an Image or Labels layer shows, with its true affine.

    Where it lies is taken from our own metadata, or that of napari-nifti, or that of ITK's readers
    (napari-itk-io, older napari-nifti), or else from the layer's own transform, its sides as they
    are displayed: the first axis up, the second towards the back, the third to the right.

    Parameters
    ----------
    layer
        Anything with the attributes of a napari layer.
    spacing
        The answer to :class:`NoSpacing`: mm along the layer's own three axes. It is not used where
        the layer has a spacing itself.
    beside
        Layers that it may have been drawn on, such as all of a viewer's. A layer that says nothing
        of its place, such as a new one that napari made to be painted, has theirs, if they agree.

    Raises
    ------
    NoSpacing
        If nothing says how large a voxel is, and ``spacing`` is None.
    SpaceError
        If it is no single 3-D volume, or lies nowhere.
    """
    _check_volume(layer)
    claim = claim_of(layer, spacing, beside)
    data = np.asarray(layer.data)
    turn, affine = _in_file_order(data.shape, claim)
    return LayerVolume(
        name=str(layer.name),
        voxels=apply_orientation(data.transpose(2, 1, 0), turn),
        affine=affine,
        view=View(transform_of(layer) @ np.linalg.inv(claim.matrix), units_of(layer)),
        header=claim.header,
        path=path_of(layer) if claim.exact else None,
        notes=claim.notes,
    )


def mm_of(
    layer: Any, world: Sequence[float], *, spacing: Sequence[float] | None = None
) -> tuple[float, float, float]:
    """True RAS mm ``(x, y, z)`` of a point of the viewer's world, oblique scans included.

    Of a point with more than three coordinates (another layer is a stack) the last three count.
    """
    _check_volume(layer)
    index = apply_affine(np.linalg.inv(transform_of(layer)), np.asarray(world, np.float64)[-3:])
    x, y, z = apply_affine(claim_of(layer, spacing).matrix, index)
    return float(x), float(y), float(z)


def voxel_of(
    layer: Any, world: Sequence[float], *, spacing: Sequence[float] | None = None
) -> tuple[int, int, int]:
    """The voxel ``(i, j, k)`` of the file nearest to a point of the world; it may lie outside."""
    mm = mm_of(layer, world, spacing=spacing)
    _, affine = _in_file_order(tuple(layer.data.shape), claim_of(layer, spacing))
    i, j, k = np.rint(apply_affine(np.linalg.inv(affine), mm)).astype(int)
    return int(i), int(j), int(k)


def _in_file_order(shape: Shape, claim: Claim) -> tuple[NDArray[np.float64], Affine]:
    """The turn from a layer's axes in reverse to the file's axes, and the affine then."""
    affine: Affine = claim.matrix @ REVERSED
    if claim.file is None:
        return CANONICAL, affine
    turn: NDArray[np.float64] = ornt_transform(io_orientation(affine), io_orientation(claim.file))
    turned: Affine = affine @ inv_ornt_aff(turn, shape[::-1])
    return turn, claim.file if close(turned, claim.file, shape) else turned


def _check_volume(layer: Any) -> None:
    name = f"the layer {layer.name!r}"
    if getattr(layer, "multiscale", False):
        raise SpaceError(f"{name} is a pyramid of resolutions: open its finest level alone.")
    if getattr(layer, "rgb", False):
        raise SpaceError(
            f"{name} holds colours, not intensities: split it (right-click it, Split RGB) and "
            "choose one channel."
        )
    shape = tuple(getattr(layer.data, "shape", ()))
    size = " x ".join(map(str, shape)) or "none"
    if len(shape) > 3:
        raise SpaceError(
            f"{name} has {len(shape)} axes ({size}), several volumes or channels: split it "
            "(right-click it, Split Stack) and choose one."
        )
    if len(shape) < 3 or min(shape) < 2:
        raise SpaceError(f"{name} is no volume (its shape is {size}): choose a 3-D scan.")


__all__ = [
    "AXES",
    "KEY",
    "Affine",
    "LayerVolume",
    "NoSpacing",
    "Shape",
    "SpaceError",
    "View",
    "from_layer",
    "metadata",
    "mm_of",
    "placing",
    "stacked",
    "to_layer",
    "view_of",
    "volume_of",
    "voxel_of",
]
