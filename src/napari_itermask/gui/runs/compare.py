"""In what do two results of one scan differ: in voxels, in ml, in words, and to the eye?

Free of Qt and napari.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from numpy.typing import NDArray

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.reading import ScanError, read_volume
from napari_itermask.scans.scan import voxel_ml

Affine = NDArray[np.float64]

ONLY_A, ONLY_B, BOTH = 1, 2, 3
COLOURS = {ONLY_A: "#D55E00", ONLY_B: "#56B4E9", BOTH: "#F0E442"}
"""Okabe and Ito's vermilion, sky blue and yellow: apart in hue and in lightness, for every eye."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of two results that are compared.

    Attributes
    ----------
    name
        What the user calls it.
    mask
        ``(X, Y, Z)`` bool, in the scan's own voxels.
    affine
        ``(4, 4)``: voxels to RAS mm.
    error
        ``(X, Y, Z)`` float32: the map that was cut to make the mask.
    reconstruction
        ``(X, Y, Z)`` float32; None for a method that makes none.
    """

    name: str
    mask: Mask
    affine: Affine
    error: Volume
    reconstruction: Volume | None = None


@dataclass(frozen=True, eq=False)
class Difference:
    """How two masks of one scan meet.

    Attributes
    ----------
    a, b
        What was compared.
    labels
        ``(X, Y, Z)`` uint8: :data:`ONLY_A`, :data:`ONLY_B`, :data:`BOTH`, else 0.
    """

    a: Side
    b: Side
    labels: NDArray[np.uint8]

    @cached_property
    def ml(self) -> dict[int, float]:
        """Volume of each label, in ml."""
        both = np.count_nonzero(self.a.mask & self.b.mask)
        only = (np.count_nonzero(side.mask) - both for side in (self.a, self.b))
        size = voxel_ml(self.a.affine)
        return {
            label: float(voxels) * size
            for label, voxels in zip((ONLY_A, ONLY_B, BOTH), (*only, both), strict=True)
        }

    @property
    def dice(self) -> float:
        """Of the two masks; NaN where both are empty."""
        both = 2 * self.ml[BOTH]
        whole = both + self.ml[ONLY_A] + self.ml[ONLY_B]
        return both / whole if whole else float("nan")

    @property
    def names(self) -> dict[int, str]:
        """What each label means, in words."""
        return {ONLY_A: f"only {self.a.name}", ONLY_B: f"only {self.b.name}", BOTH: "both"}

    @property
    def words(self) -> str:
        """The comparison in one line."""
        a, b = self.ml[ONLY_A] + self.ml[BOTH], self.ml[ONLY_B] + self.ml[BOTH]
        volumes = f"{self.a.name} {a:.2f} ml, {self.b.name} {b:.2f} ml"
        if not a and not b:
            return f"Both masks are empty: {volumes}."
        return f"Dice {self.dice:.3f}: {volumes}."


def difference(a: Side, b: Side) -> Difference:
    """Compare two masks of one scan, voxel by voxel.

    Raises
    ------
    ValueError
        If they lie on different voxels.
    """
    apart = _apart(a.affine, b.affine, a.mask.shape)
    if a.mask.shape != b.mask.shape or apart > 0.1 * voxel_sizes(a.affine).min():
        raise ValueError(
            f"{a.name} and {b.name} lie on different voxels ({_times(a.mask.shape)} and "
            f"{_times(b.mask.shape)}): compare two results of the same scan."
        )
    labels = a.mask.astype(np.uint8) * ONLY_A + b.mask.astype(np.uint8) * ONLY_B
    return Difference(a, b, labels)


@dataclass(frozen=True, eq=False)
class AnomalyMap:
    """Another method's result on a scan.

    Attributes
    ----------
    name
        The file's name.
    path
        The file.
    values
        ``(X, Y, Z)`` float32, in the scan's own voxels.
    affine
        ``(4, 4)``: voxels to RAS mm.
    is_mask
        Whether it holds labels (0, 1, ...) rather than a measure: then what is above 0 is masked.
    """

    name: str
    path: Path
    values: Volume
    affine: Affine
    is_mask: bool

    def side(self, threshold: float) -> Side:
        """What is above ``threshold``, to be compared."""
        return Side(self.name, self.values > threshold, self.affine, self.values)

    def threshold_of_volume(self, voxels: int) -> float:
        """The threshold above which that many voxels lie, or fewer where some are equal."""
        rank = self.values.size - 1 - min(voxels, self.values.size - 1)
        return float(np.partition(self.values, rank, axis=None)[rank])


def load_map(path: Path, affine: Affine, shape: tuple[int, ...], called: str) -> AnomalyMap:
    """Read another method's anomaly map, or mask, of the scan ``called`` so.

    The axes may run in another order and direction than the scan's.

    Raises
    ------
    ScanError
        If it cannot be read, lies elsewhere, has other voxels, or is the same everywhere.
    """
    image, voxels, _ = read_volume(path)
    own = np.asarray(image.affine, np.float64)
    turn = ornt_transform(io_orientation(own), io_orientation(affine))
    own = own @ inv_ornt_aff(turn, voxels.shape)
    values = np.ascontiguousarray(apply_orientation(voxels, turn))
    if values.shape != tuple(shape):
        raise ScanError(
            f"{path} has {_times(values.shape)} voxels, {called} {_times(shape)}: give the result "
            "on this scan's own voxels, or resample it first."
        )
    apart = _apart(own, affine, values.shape)
    if apart > 0.1 * voxel_sizes(affine).min():
        raise ScanError(
            f"{path} lies elsewhere than {called} (their corners are up to {apart:.3g} mm apart): "
            "give the result on this scan, or resample it first."
        )
    values = np.nan_to_num(values, copy=False)
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ScanError(
            f"{path} is {low:g} everywhere, so there is nothing to compare: give another file."
        )
    whole = low == 0 and high <= 255 and bool((values == np.rint(values)).all())
    return AnomalyMap(path.name, path, values, np.asarray(affine, np.float64), whole)


class Flicker:
    """Two sets of layers in one place, of which one is seen at a time.

    Parameters
    ----------
    first, second
        Layers: anything with an attribute ``visible``. The first set is shown at once.
    aside
        Layers that would lie over them: hidden meanwhile.
    """

    def __init__(
        self, first: Iterable[Any], second: Iterable[Any], aside: Iterable[Any] = ()
    ) -> None:
        self._sides = (tuple(first), tuple(second))
        aside = tuple(aside)
        self._before = [
            (layer, layer.visible) for layer in (*self._sides[0], *self._sides[1], *aside)
        ]
        for layer in aside:
            layer.visible = False
        self.side = 0
        self._show()

    def swap(self) -> None:
        """Show the other one."""
        self.side = 1 - self.side
        self._show()

    def end(self) -> None:
        """Show what was shown before."""
        for layer, visible in self._before:
            layer.visible = visible

    def _show(self) -> None:
        # The new one first: a moment of both is not seen, a moment of none flashes.
        for layer in self._sides[self.side]:
            layer.visible = True
        for layer in self._sides[1 - self.side]:
            layer.visible = False


def _apart(one: Affine, other: Affine, shape: tuple[int, ...]) -> float:
    """How far apart, in mm, two affines put a corner of the same volume at most."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    away = apply_affine(one, corners) - apply_affine(other, corners)
    return float(np.sqrt((away**2).sum(1)).max())


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
