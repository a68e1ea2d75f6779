"""How do labels of another grid come onto a scan, and do both lie in one space at all?"""

from __future__ import annotations

from itertools import product
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from nibabel.analyze import AnalyzeHeader
from nibabel.freesurfer.mghformat import MGHHeader
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.scan import Scan

Labels = NDArray[Any]
Affine = NDArray[np.float64]
Shape = tuple[int, ...]

SAME = 0.1
"""Of a voxel: grids whose corners lie closer than this are the same but for rounding."""
SPACES = {1: "scanner", 3: "Talairach", 4: "MNI", 5: "template"}
"""Spaces that a NIfTI code names. 2 is "aligned to something", which contradicts none of them."""


def same_grid(shape: Shape, affine: Affine, scan: Scan) -> bool:
    """Whether a volume of ``shape`` under ``affine`` ``(4, 4)`` has the voxels of ``scan``."""
    if shape != scan.image.shape:
        return False
    corners = _corners(shape)
    moved = apply_affine(np.linalg.inv(scan.affine) @ affine, corners)
    return bool(np.abs(moved - corners).max() < SAME)


def space_problem(file: str, shape: Shape, header: Any, scan: Scan) -> str | None:
    """Why headers do not say how a file of another grid lies on ``scan``: a sentence, or None."""
    own, scans = _code(header), _code(scan.header)
    silent = file if own == 0 else str(scan.path or scan.name) if scans == 0 else None
    if silent:
        return (
            f"{silent} states neither sform nor qform, so nothing says how {file} {shape} lies on "
            f"{scan.name} {scan.image.shape}: give labels drawn on this scan, with its header."
        )
    if own in SPACES and scans in SPACES and own != scans:
        return (
            f"{file} states {SPACES[own]} space, {scan.name} {SPACES[scans]} space: register the "
            "one to the other first, or correct the sform code that is wrong."
        )
    return None


def meets(shape: Shape, affine: Affine, scan: Scan) -> bool:
    """Whether a volume of ``shape`` under ``affine`` touches the volume of ``scan``."""
    moved = apply_affine(np.linalg.inv(scan.affine) @ affine, _corners(shape))
    high = np.array(scan.image.shape) - 0.5
    return bool((moved.max(0) > -0.5).all() and (moved.min(0) < high).all())


def outside(mask: Labels, affine: Affine, scan: Scan) -> NDArray[np.bool_]:
    """Of each voxel of ``mask`` above 0: whether its centre lies outside the volume of ``scan``."""
    at = np.rint(apply_affine(np.linalg.inv(scan.affine) @ affine, np.argwhere(mask)))
    out: NDArray[np.bool_] = ((at < 0) | (at >= scan.image.shape)).any(1)
    return out


def nearest(labels: Labels, affine: Affine, scan: Scan) -> Labels:
    """Give each voxel of ``scan`` the nearest label, ``(X, Y, Z)`` of the scan; 0 beyond them.

    ``labels`` ``(x, y, z)`` of any number type but bool, under ``affine`` ``(4, 4)``, RAS mm.
    """
    out = np.zeros(scan.image.shape, labels.dtype)
    if not labels.any():
        return out
    onto = np.linalg.inv(scan.affine) @ affine
    box = ndimage.find_objects((labels != 0).astype(np.uint8))[0]
    # Half a voxel further no label is the nearest; the rest of the scan need not be looked at.
    reach = apply_affine(onto, np.array(list(product(*((b.start - 1, b.stop) for b in box)))))
    low = np.clip(np.floor(reach.min(0)), 0, out.shape).astype(int)
    high = np.clip(np.ceil(reach.max(0)) + 1, low, out.shape).astype(int)
    back = np.linalg.inv(onto)
    out[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = ndimage.affine_transform(
        labels,
        back[:3, :3],
        apply_affine(back, low),
        tuple(high - low),
        order=0,
        mode="grid-constant",
    )
    return out


def _code(header: Any) -> int | None:
    """The NIfTI code of a file's space; 0: it states none; None: its format knows no codes."""
    if isinstance(header, nib.Nifti1Header):
        return int(header["sform_code"]) or int(header["qform_code"])
    if isinstance(header, MGHHeader):
        return None if header["goodRASFlag"] > 0 else 0
    return 0 if isinstance(header, AnalyzeHeader) else None


def _corners(shape: Shape) -> NDArray[np.float64]:
    """The eight outer corners of a volume, ``(8, 3)`` in its voxels."""
    return np.array(list(product(*((-0.5, n - 0.5) for n in shape))))
