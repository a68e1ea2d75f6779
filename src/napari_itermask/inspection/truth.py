"""What is truly anomalous in a scan: a label map or boxes, brought to the scan's own voxels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from nibabel.affines import voxel_sizes

from napari_itermask.inspection.boxes import fill, read_boxes
from napari_itermask.inspection.onto import (
    Affine,
    Labels,
    meets,
    nearest,
    outside,
    same_grid,
    space_problem,
)
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.reading import ScanError, read_volume
from napari_itermask.scans.scan import Scan, stem, voxel_ml

BOX_FILES = (".csv", ".json")
SPLINE = 0.25
"""How far a mask that a spline has resampled may leave 0 to 1."""


class TruthError(ValueError):
    """A truth that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is anomalous in a scan.

    Attributes
    ----------
    mask
        ``(X, Y, Z)`` bool in the scan's own voxels; it may be empty.
    name
        The file's or layer's name.
    path
        Where it was read from; None: from memory.
    kind
        "voxels", or "boxes" that were filled.
    notes
        What a person should know: one sentence each.
    """

    mask: Mask
    name: str
    path: Path | None = None
    kind: Literal["voxels", "boxes"] = "voxels"
    notes: tuple[str, ...] = ()


def load_truth(path: str | os.PathLike[str], scan: Scan) -> Truth:
    """Load the truth of ``scan``: labels (NIfTI, MGZ), or boxes (.csv, .json).

    All labels above 0 are truth. Labels on the scan's own grid are taken as they are; on another
    grid in the same space they are resampled, each voxel of the scan taking the nearest label. The
    format of boxes: :mod:`napari_itermask.inspection.boxes`.

    Raises
    ------
    TruthError
        If it cannot be read, lies in another space or beside the scan, says no space at all, or
        holds no labels but an image.
    """
    file = Path(path)
    if file.suffix.lower() in BOX_FILES:
        return _of_boxes(file, scan)
    try:
        image, voxels, _ = read_volume(file)
    except ScanError as error:
        raise TruthError(str(error)) from None
    affine = np.asarray(image.affine, np.float64)
    if not same_grid(voxels.shape, affine, scan):
        problem = space_problem(str(file), voxels.shape, image.header, scan)
        if problem:
            raise TruthError(problem)
    mask, notes = _on_scan(voxels, affine, str(file), scan)
    return Truth(mask, stem(file), file, notes=notes)


def truth_from_array(
    labels: Labels, scan: Scan, *, affine: Affine | None = None, name: str = "truth"
) -> Truth:
    """The truth of ``scan`` from labels in memory, such as a layer's.

    Parameters
    ----------
    labels
        ``(X, Y, Z)`` bool, whole numbers or floats; above 0 is truth.
    affine
        ``(4, 4)``: their voxels to the scan's world, RAS mm. None: they are the scan's own voxels.
    name
        What a refusal calls them.

    Raises
    ------
    TruthError
        See :func:`load_truth`.
    """
    labels = np.asarray(labels)
    while labels.ndim > 3 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.ndim != 3 or labels.size == 0:
        raise TruthError(
            f"{name} has the shape {labels.shape}, which is no volume: give labels (X, Y, Z)."
        )
    if labels.dtype.kind not in "biuf":
        raise TruthError(f"{name} holds {labels.dtype.name}, not labels: give whole numbers.")
    if affine is None and labels.shape != scan.image.shape:
        raise TruthError(
            f"{name} has the shape {labels.shape}, {scan.name} {scan.image.shape}: give labels "
            "drawn on this scan, or their affine too."
        )
    place = scan.affine if affine is None else np.asarray(affine, np.float64)
    if place.shape != (4, 4) or not np.isfinite(place).all() or np.linalg.det(place) == 0:
        raise TruthError(f"{name} has an affine that places no voxels: give 4 x 4, RAS mm.")
    mask, notes = _on_scan(labels, place, name, scan)
    return Truth(mask, name, notes=notes)


def _of_boxes(file: Path, scan: Scan) -> Truth:
    try:
        boxes = read_boxes(file)
    except ValueError as error:
        raise TruthError(str(error)) from None
    mask, missed = fill(boxes, scan.image.shape, scan.affine)
    if boxes and not mask.any():
        raise TruthError(
            f"no box of {file} holds a voxel of {scan.name}: check whether its numbers are voxels "
            "or mm, and that it belongs to this scan."
        )
    count = "1 box" if len(boxes) == 1 else f"{len(boxes)} boxes"
    notes = [f"{count}, filled: a mask that follows the lesion itself cannot reach a Dice of 1."]
    if missed:
        numbers = ", ".join(map(str, missed))
        notes.append(f"of {file.name}, box {numbers} holds no voxel of {scan.name}.")
    return Truth(mask, stem(file), file, "boxes", (*notes, *_about(mask, scan)))


def _on_scan(
    labels: Labels, affine: Affine, called: str, scan: Scan
) -> tuple[Mask, tuple[str, ...]]:
    """The truth in the scan's voxels, and what there is to say about it."""
    own, notes = _truth_of(labels, called)
    if same_grid(own.shape, affine, scan):
        if own.all():
            raise TruthError(
                f"{called} is above 0 in the whole volume: give labels that are 0 where the scan "
                "is healthy."
            )
        return own, (*notes, *_about(own, scan))
    mask, more = _resampled(own, affine, called, scan)
    return mask, (*notes, *more, *_about(mask, scan))


def _truth_of(labels: Labels, called: str) -> tuple[Mask, list[str]]:
    """Which voxels are labelled, whatever the labels are stored as."""
    if labels.dtype == bool:
        return labels.copy(), []
    notes = []
    if labels.dtype.kind == "f":
        finite = np.isfinite(labels)
        if not finite.all():
            bad = labels.size - int(np.count_nonzero(finite))
            notes.append(f"{called} has {bad} voxels that are NaN or infinite: none is truth.")
            labels = np.where(finite, labels, 0)
        # A label that was stored scaled is whole but for rounding.
        odd = np.abs(labels - np.rint(labels)) > 1e-3
        if odd.any():
            low, high = float(labels.min()), float(labels.max())
            if low < -SPLINE or high > 1 + SPLINE:
                raise TruthError(
                    f"{called} holds values from {low:.4g} to {high:.4g} that are no whole "
                    "numbers, so it is an image rather than labels: give the label map."
                )
            notes.append(
                f"{called} holds shares between 0 and 1, no labels: above 0.5 is taken as truth."
            )
        labels = np.rint(labels)
    kinds = [f"{k:g}" for k in np.unique(labels[labels > 0])]
    if len(kinds) > 1:
        which = f"the labels {', '.join(kinds[:-1])} and {kinds[-1]}"
        which = which if len(kinds) <= 10 else f"{len(kinds)} labels"
        notes.append(f"{called} has {which}: all of them are taken as truth.")
    if (labels < 0).any():
        notes.append(f"{called} has labels below 0: they are not taken as truth.")
    return labels > 0, notes


def _resampled(own: Mask, affine: Affine, called: str, scan: Scan) -> tuple[Mask, list[str]]:
    sizes = " x ".join(f"{s:.3g}" for s in voxel_sizes(affine))
    if not meets(own.shape, affine, scan):
        raise TruthError(
            f"{called} lies nowhere on {scan.name}: they share no space, so give the truth of this "
            "scan, or register it first."
        )
    if not own.any():
        return np.zeros(scan.image.shape, bool), [f"resampled from {sizes} mm."]
    lost = outside(own, affine, scan)
    if lost.all():
        raise TruthError(
            f"all of {called} lies outside the volume of {scan.name}: give the truth of this scan, "
            "or register it first."
        )
    mask = nearest(own.astype(np.uint8), affine, scan) > 0
    if not mask.any():
        raise TruthError(
            f"{called} marks so little that no voxel of {scan.name} is nearest to it: draw it on "
            "this scan."
        )
    before, after = (
        float(np.count_nonzero(m)) * voxel_ml(a) for m, a in ((own, affine), (mask, scan.affine))
    )
    became = f"{before:.3g} ml became {after:.3g} ml"
    notes = [f"resampled from {sizes} mm, each voxel taking the nearest label: {became}."]
    if lost.any():
        notes.append(f"{_share(lost)} of it lies outside the volume of {scan.name}.")
    return mask, notes


def _about(mask: Mask, scan: Scan) -> list[str]:
    """What to know about a truth that is in the scan's voxels."""
    if not mask.any():
        return ["it is empty: everything that is found counts as a false alarm."]
    in_brain = scan.brain[mask]
    if not in_brain.any():
        return [f"no voxel of it lies in the brain of {scan.name}: does it belong to this scan?"]
    notes = []
    if np.count_nonzero(in_brain) < 0.99 * in_brain.size:
        notes.append(f"{_share(~in_brain)} of it lies outside the brain, where nothing is found.")
    if np.count_nonzero(in_brain) > 0.5 * np.count_nonzero(scan.brain):
        notes.append(f"it covers {_share(mask[scan.brain])} of the brain: is it a lesion's mask?")
    return notes


def _share(part: Mask) -> str:
    share = 100 * np.count_nonzero(part) / part.size
    return f"{share:.0f} %" if share >= 1 else "less than 1 %"


__all__ = ["Truth", "TruthError", "load_truth", "truth_from_array"]
