"""Which slices are shown, and how does a volume lie on the page?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.figures.style import Convention, FigureError, Plane, number
from napari_itermask.scans.grid import Placement, box_of, canonical_spacing
from napari_itermask.scans.intensity import Mask

LARGEST = "largest"
ACROSS: dict[Plane, int] = {"axial": 2, "coronal": 1, "sagittal": 0}
"""The canonical axis (R, A, S) that a plane is cut across."""
LETTER: dict[str, Plane] = {"A": "axial", "C": "coronal", "S": "sagittal"}
ROOM = 3.0
"""mm that are left around a brain."""
TIP = 0.08
"""A slice with less than this share of the widest one's brain is left out of a lightbox."""


@dataclass(frozen=True)
class Slice:
    """A plane and where it lies, in mm of the scan's world; ``mm`` None: the largest lesion.

    ``labelled``: whether its place is written beside it.
    """

    plane: Plane
    mm: float | None = None
    labelled: bool = True


def parse_slices(text: str) -> tuple[tuple[Slice, ...], ...]:
    """Read slices as MRIcroGL writes them: ``A -20 50 S 10``; a row for each ``;``.

    ``A``, ``C`` and ``S`` name the plane (axial, coronal, sagittal) of the numbers behind them, in
    mm; ``L-`` and ``L+`` switch their labels off and on. Ours beyond that: ``largest`` in place of
    a number is the slice where the largest lesion is widest, and alone it is ``A largest``.

    Raises
    ------
    FigureError
        If a word is none of these, a number has no plane, or there is no slice at all.
    """
    rows: list[tuple[Slice, ...]] = []
    plane: Plane | None = None
    labelled = True
    words = text.replace(";", " ; ").split()
    if [w.lower() for w in words] == [LARGEST]:
        words = ["A", LARGEST]
    row: list[Slice] = []
    for word in [*words, ";"]:
        if word.upper() in LETTER:
            plane = LETTER[word.upper()]
        elif word.upper() in ("L+", "L-"):
            labelled = word.endswith("+")
        elif word == ";":
            rows += [tuple(row)] if row else []
            row = []
        else:
            mm = None if word.lower() == LARGEST else _mm(word, text)
            if plane is None:
                raise FigureError(
                    f"slices {text!r}: {word} stands before any plane: begin with A (axial), "
                    "C (coronal) or S (sagittal), as in 'A -20 50 S 10'."
                )
            row.append(Slice(plane, mm, labelled))
    if not rows:
        raise FigureError(f"slices {text!r} name none: give planes and mm, as in 'A -20 50 S 10'.")
    return tuple(rows)


@dataclass(frozen=True, eq=False)
class GridMap:
    """A volume on the model's grid, of which a slice in the scan's voxels is wanted.

    Attributes
    ----------
    volume
        ``(X, Y, Z)`` on the grid: float32, or bool for a mask.
    placement
        Where the scan lies on it.
    within
        bool, on the grid: what the volume is interpolated within, NaN beyond; None for a mask.
    """

    volume: NDArray[Any]
    placement: Placement
    within: Mask | None = None

    def slab(self, axis: int, index: int) -> NDArray[Any]:
        """The scan's voxels of one canonical slice, one thick: the whole takes a second."""
        placement = self.placement
        own = int(np.flatnonzero(placement.orientation[:, 0] == axis)[0])
        shape, origin = list(placement.scan_shape), list(placement.origin)
        shape[own] = 1
        origin[axis] -= index * placement.scan_spacing[axis]
        changes: dict[str, Any] = {"scan_shape": tuple(shape), "origin": tuple(origin)}
        thin = replace(placement, **changes)
        if self.volume.dtype == bool:
            return thin.mask_to_scan(self.volume)
        return thin.to_scan(self.volume, self.within, outside=np.nan)


class View:
    """How one scan's voxels lie on the page.

    Parameters
    ----------
    affine
        ``(4, 4)``: voxels to world, RAS mm.
    brain
        ``(X, Y, Z)`` bool; what is cut to.
    convention
        Which side is left; in sagittal slices the front is at the left in both.

    Attributes
    ----------
    spacing
        Voxel size in mm along the canonical axes (R, A, S).
    """

    def __init__(
        self,
        affine: NDArray[np.float64],
        brain: Mask,
        convention: Convention = "neurological",
    ) -> None:
        self.spacing = canonical_spacing(affine)
        self._orientation = nib.orientations.io_orientation(affine)
        self._brain = turned = self.turn(brain)
        self._shape = turned.shape
        # A box that is not cut to the volume: a brain at its border has its room too.
        self._box = [
            (b.start * s - ROOM, b.stop * s + ROOM)
            for b, s in zip(box_of(turned), self.spacing, strict=True)
        ]
        self._canonical = affine @ nib.orientations.inv_ornt_aff(self._orientation, brain.shape)
        middle = [sum(ends) / 2 / s - 0.5 for ends, s in zip(self._box, self.spacing, strict=True)]
        self._middle = np.asarray(middle)
        self._leftward = {
            "axial": convention == "radiological",
            "coronal": convention == "radiological",
            "sagittal": True,
        }

    def turn(self, volume: NDArray[Any]) -> NDArray[Any]:
        """A volume in the scan's voxels along the canonical axes (R, A, S)."""
        out: NDArray[Any] = nib.orientations.apply_orientation(volume, self._orientation)
        return out

    def size(self, plane: Plane) -> tuple[float, float]:
        """Width and height in mm of what is shown of the brain."""
        across, up = _in_plane(plane)
        (left, right), (bottom, top) = self._box[across], self._box[up]
        return right - left, top - bottom

    def letters(self, plane: Plane) -> tuple[str, str, str, str]:
        """What lies at the left, right, top and bottom: R L A P S I."""
        across, up = _in_plane(plane)
        ends = (("L", "R"), ("P", "A"), ("I", "S"))
        left, right = ends[across][::-1] if self._leftward[plane] else ends[across]
        return left, right, ends[up][1], ends[up][0]

    def index(self, piece: Slice, called: str, lesion: Mask | None = None) -> int:
        """Which canonical slice that is.

        Parameters
        ----------
        piece
            Its mm are those at the middle of the brain: an oblique scan is cut along its own axes.
        called
            What a refusal calls the scan.
        lesion
            ``(X, Y, Z)`` bool, for a slice through the largest lesion.

        Raises
        ------
        FigureError
            If it lies outside the scan.
        """
        axis = ACROSS[piece.plane]
        if piece.mm is None:
            return self._largest(piece.plane, lesion)
        first, second = (self.mm(piece.plane, i) for i in (0, 1))
        index = round((piece.mm - first) / (second - first))
        if not 0 <= index < self._shape[axis]:
            low, high = sorted(self.mm(piece.plane, i) for i in (0, self._shape[axis] - 1))
            raise FigureError(
                f"{called} has no {piece.plane} slice at {number(piece.mm)} mm: it reaches from "
                f"{number(low)} to {number(high)} mm."
            )
        return index

    def mm(self, plane: Plane, index: int) -> float:
        """Where a canonical slice lies, in mm of the world, at the middle of the brain."""
        axis = ACROSS[plane]
        voxel = self._middle.copy()
        voxel[axis] = index
        return float(apply_affine(self._canonical, voxel)[axis])

    def place(self, plane: Plane, index: int) -> str:
        """Where a canonical slice lies, in words: "z 22", in whole mm."""
        return f"{'xyz'[ACROSS[plane]]} {number(round(self.mm(plane, index)))}"

    def evenly(self, plane: Plane, every: float) -> list[float]:
        """Places in mm, ``every`` so many, over the brain but for its tips."""
        axis, step = ACROSS[plane], every / self.spacing[ACROSS[plane]]
        others = tuple({0, 1, 2} - {axis})
        areas = self._brain.sum(axis=others)
        wide = np.flatnonzero(areas > TIP * areas.max())
        low, high = int(wide[0]), int(wide[-1])
        count = max(1, int((high - low) // step) + 1)
        first = (low + high - (count - 1) * step) / 2
        return [self.mm(plane, round(first + i * step)) for i in range(count)]

    def cut(self, volume: NDArray[Any] | GridMap, plane: Plane, index: int) -> Cut:
        """The pixels of a slice, first row at the bottom, and where they lie on the page."""
        across, up = _in_plane(plane)
        if isinstance(volume, GridMap):
            volume, index = volume.slab(ACROSS[plane], index), 0
        where: list[Any] = [slice(None)] * 3
        where[ACROSS[plane]] = index
        pixels = self.turn(volume)[tuple(where)].T
        width, height = (
            n * self.spacing[a] for n, a in zip(pixels.shape[::-1], (across, up), strict=True)
        )
        (left, right), (bottom, top) = self._box[across], self._box[up]
        if self._leftward[plane]:
            pixels, left, right = pixels[:, ::-1], width - right, width - left
        return Cut(
            np.ascontiguousarray(pixels),
            (-left, width - left, -bottom, height - bottom),
            (right - left, top - bottom),
        )

    def _largest(self, plane: Plane, lesion: Mask | None) -> int:
        if lesion is None or not lesion.any():
            return round(float(self._middle[ACROSS[plane]]))
        turned = self.turn(largest_lesion(lesion))
        others = tuple({0, 1, 2} - {ACROSS[plane]})
        return int(np.argmax(turned.sum(axis=others)))


@dataclass(frozen=True, eq=False)
class Cut:
    """A slice: its ``pixels``, their ``extent`` (left, right, bottom, top) and the ``size`` shown.

    In mm, from the corner of what is shown of the brain.
    """

    pixels: NDArray[Any]
    extent: tuple[float, float, float, float]
    size: tuple[float, float]


def largest_lesion(mask: Mask) -> Mask:
    """The largest piece (26-connected) of ``mask``, which is not empty."""
    box = box_of(mask)  # a lesion is small, and to label a whole volume takes half a second
    labels, _ = ndimage.label(mask[box], np.ones((3, 3, 3)))
    piece: Mask = np.zeros_like(mask)
    piece[box] = labels == np.bincount(labels[labels > 0]).argmax()
    return piece


def _in_plane(plane: Plane) -> tuple[int, int]:
    across, up = (axis for axis in range(3) if axis != ACROSS[plane])
    return across, up


def _mm(word: str, text: str) -> float:
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+", word):
        raise FigureError(
            f"slices {text!r}: {word!r} is no place: give A, C or S and mm, as in 'A -20 50 S 10', "
            "or 'largest' (renderings, cross lines and overlaps are not drawn)."
        )
    return float(word)
