"""What does a layer, ours or another plugin's, say about where its voxels lie?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation, ornt_transform
from numpy.typing import NDArray

from napari_itermask.gui.placed.axes import (
    CANONICAL,
    REVERSED,
    WORLD_OF_MM,
    Affine,
    SpaceError,
    View,
    canonical,
    close,
    layer_shape,
    view_of,
)

KEY = "itermask"
"""Under which one key of a layer's metadata stands what only this plugin knows."""

# What ITK's readers for napari hand over: its axes (x, y, z) in reverse, LPS.
_RAS_OF_ITK = np.array([[0.0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


class NoSpacing(SpaceError):  # noqa: N818 - it is a question rather than a fault
    """A layer that says nothing of its voxels' size: ask for it, never assume it."""


@dataclass(frozen=True, eq=False)
class Claim:
    """Where a layer's voxels lie.

    Attributes
    ----------
    matrix
        ``(4, 4)``: the layer's own indices to RAS mm.
    file
        The affine of the file the voxels are from, whose axis order they had there.
    header
        That file's nibabel header.
    exact
        Whether the voxels are the file's, all of them, where they were.
    notes
        What had to be assumed, a sentence each.
    """

    matrix: Affine
    file: Affine | None = None
    header: Any = None
    exact: bool = False
    notes: tuple[str, ...] = ()


def claim_of(
    layer: Any, spacing: Sequence[float] | None = None, beside: Iterable[Any] = ()
) -> Claim:
    """Where the voxels of a 3-D layer lie; the rest as in ``space.volume_of``."""
    world = transform_of(layer)
    if not np.isfinite(world).all() or abs(np.linalg.det(world)) < 1e-12:
        raise SpaceError(f"the layer {layer.name!r} has no extent along an axis: open it again.")
    return _said(layer) or _drawn_on(layer, beside) or _shown(layer, spacing)


def transform_of(layer: Any) -> Affine:
    """A layer's indices to its world, in its own units, ``(4, 4)``, as napari composes it."""
    shear = np.asarray(layer.shear, np.float64)
    if shear.ndim == 1:
        upper = np.eye(3)
        upper[np.triu_indices(3, 1)] = shear
        shear = upper
    own = np.eye(4)
    own[:3, :3] = np.asarray(layer.rotate, np.float64) @ shear @ np.diag(layer.scale)
    own[:3, 3] = layer.translate
    return np.asarray(getattr(layer.affine, "affine_matrix", layer.affine), np.float64) @ own


def units_of(layer: Any) -> tuple[str, ...]:
    """The units of a layer's world, by name."""
    return tuple(str(unit) for unit in getattr(layer, "units", None) or ("pixel",) * 3)


def path_of(layer: Any) -> Path | None:
    """The file a layer was read from; a layer that merely copied metadata was read from none."""
    source = getattr(layer, "source", None)
    if source is None or not (source.path or source.sample):
        return None
    own = (layer.metadata or {}).get(KEY)
    path = own.get("path") if isinstance(own, dict) else source.path
    return Path(path) if path else None


def _said(layer: Any) -> Claim | None:
    return _ours(layer) or _nifti(layer) or _itk(layer)


def _drawn_on(layer: Any, beside: Iterable[Any]) -> Claim | None:
    """The place of a layer that says nothing, among layers that do; None if they do not agree."""
    straight = _straight(layer)
    found: list[tuple[Affine, Claim]] = []
    for other in beside:
        claim = None
        with suppress(SpaceError):
            claim = _said(other) if len(getattr(other.data, "shape", ())) == 3 else None
        if claim is None:
            continue
        matrix = claim.matrix @ np.linalg.inv(_straight(other)) @ straight
        twin = other.data.shape == layer.data.shape and close(
            claim.matrix, matrix, other.data.shape
        )
        if twin:
            return Claim(claim.matrix, claim.file, claim.header)
        found.append((matrix, claim))
    agreed = all(close(matrix, found[0][0], layer.data.shape) for matrix, _ in found)
    if not found or not agreed or not _has_spacing(layer):
        return None
    matrix, claim = found[0]
    return Claim(matrix, claim.file, claim.header)


def _ours(layer: Any) -> Claim | None:
    own = (layer.metadata or {}).get(KEY)
    affine = _numbers(own.get("affine"), (4, 4)) if isinstance(own, dict) else None
    if own is None or affine is None or len(own.get("shape", ())) != 3:
        return None
    shape = tuple(own["shape"])
    view = View(own["view"], own["view_units"]) if "view" in own else view_of(affine, shape)
    # What the layer's transform says counts: it may have been cropped, thinned or moved since.
    matrix = np.linalg.inv(_to_mm(view.units) @ view.matrix) @ _straight(layer)
    expected = canonical(affine, shape) @ REVERSED
    whole = tuple(layer.data.shape) == layer_shape(affine, shape)
    exact = whole and close(matrix, expected, shape)
    notes = tuple(own.get("notes", ()))
    return Claim(expected if exact else matrix, affine, own.get("header"), exact, notes)


def _nifti(layer: Any) -> Claim | None:
    """napari-nifti 0.0.19 and later: "affine", RAS mm, is that of the data, its axes in reverse.

    These are meant to be canonical, and for some files are not: some flips go to a wrong axis.
    """
    data = layer.metadata or {}
    true = _numbers(data.get("affine"), (4, 4))
    if true is None or abs(np.linalg.det(true)) < 1e-12:
        return None
    turned = io_orientation(true)
    matrix = true @ REVERSED
    stranger = "coordinate_system" not in data and (turned != CANONICAL).any()
    if stranger or not _same_sizes(layer, matrix):
        return None
    header: Any = data.get("header")
    if not hasattr(header, "get_best_affine"):
        return Claim(matrix, true, exact=True)
    file = np.asarray(header.get_best_affine(), np.float64)
    axes = ornt_transform(io_orientation(file), turned)[:, 0].astype(int)
    if tuple(layer.data.shape[::-1][axis] for axis in axes) != header.get_data_shape()[:3]:
        raise SpaceError(
            f"the layer {layer.name!r} has other voxels than the file it came from, so its place "
            "is not known: open the file itself."
        )
    return Claim(matrix, file, header, exact=True)


def _itk(layer: Any) -> Claim | None:
    """napari-itk-io, and napari-nifti before 0.0.19."""
    data = layer.metadata or {}
    size, origin = _numbers(data.get("spacing"), (3,)), _numbers(data.get("origin"), (3,))
    direction = _numbers(data.get("direction"), (3, 3))
    if size is None or origin is None or direction is None:
        return None
    lps = np.eye(4)
    lps[:3, :3], lps[:3, 3] = direction * size, origin
    matrix = _RAS_OF_ITK @ lps
    # A nibabel header would mean that another backend of napari-nifti read the file, as RAS.
    itk = not hasattr(data.get("header"), "get_best_affine")
    return Claim(matrix, exact=True) if itk and _same_sizes(layer, matrix) else None


def _shown(layer: Any, spacing: Sequence[float] | None) -> Claim:
    sides = (
        f"the layer {layer.name!r} does not say which side is which: its sides are taken as they "
        "are displayed, the patient's right on the right and the front at the top."
    )
    notes = [sides]
    if _has_spacing(layer):
        straight = _straight(layer)
        if None in map(_mm, units_of(layer)):
            notes.append(f"the scale of the layer {layer.name!r} is taken as mm.")
    elif spacing is not None:
        straight = _given(layer, spacing) @ transform_of(layer)
    else:
        raise NoSpacing(
            f"the layer {layer.name!r} does not say how large its voxels are: give their size in "
            "mm along its three axes, or open the scan from its NIfTI file."
        )
    return Claim(WORLD_OF_MM @ straight, notes=tuple(notes))


def _has_spacing(layer: Any) -> bool:
    """Whether its axes are in a length, or in pixels of which it says how large they are."""
    lengths = [_mm(unit) is not None for unit in units_of(layer)]
    plain = np.array_equal(np.abs(transform_of(layer)[:3, :3]), np.eye(3))
    return all(lengths) or not (any(lengths) or plain)


def _given(layer: Any, spacing: Sequence[float]) -> Affine:
    sizes = np.asarray(spacing, np.float64)
    if sizes.shape != (3,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise SpaceError(
            f"{tuple(spacing)} is no voxel size for the layer {layer.name!r}: give three lengths "
            "in mm, each above 0."
        )
    return np.diag([*sizes, 1.0])


def _straight(layer: Any) -> Affine:
    """A layer's indices to its world in mm; a pixel counts as one."""
    out: Affine = _to_mm(units_of(layer)) @ transform_of(layer)
    return out


def _same_sizes(layer: Any, matrix: Affine) -> bool:
    """Whether a layer is scaled as ``matrix`` says, or not at all: else it was changed since."""
    scaled = voxel_sizes(transform_of(layer))
    return bool(np.allclose(scaled, 1) or np.allclose(scaled, voxel_sizes(matrix), rtol=1e-3))


def _numbers(value: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == shape and np.isfinite(numbers).all() else None


def _to_mm(units: tuple[str, ...]) -> Affine:
    return np.diag([*(_mm(unit) or 1.0 for unit in units), 1.0])


def _mm(unit: str) -> float | None:
    """How many mm a unit is; None for pixels and whatever else is no length."""
    import pint

    one = pint.get_application_registry().Unit(unit)
    return float((1 * one).m_as("mm")) if str(one.dimensionality) == "[length]" else None
