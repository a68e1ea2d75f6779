"""What does each piece of a mask, or of a disagreement, measure? All pieces at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.inspection.history import to_grid
from napari_itermask.inspection.pieces import Floats, Pieces, Places
from napari_itermask.inspection.regions import Regions
from napari_itermask.inspection.unmasking import Unmasking, unmasking, why_unknown
from napari_itermask.result import Run
from napari_itermask.scans.grid import box_of
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.scan import voxel_ml


@dataclass(frozen=True, eq=False)
class Measures:
    """Columns of ``k`` pieces, ``(k,)`` each, and what was read at their ``n`` voxels.

    None stands where the run does not hold what is needed.

    Attributes
    ----------
    volume_ml, centroid_mm, peak_voxel, peak_error, mean_error, region, rim_mm, mean_difference, \
    guide_energy
        See :class:`~napari_itermask.inspection.components.Component`.
    named
        Share of each piece that lies in a named region, and in one of fluid.
    error, depth
        ``(n,)`` of each voxel: its error; its distance in mm to what is not brain.
    cells, rows
        The grid's voxel that each lies in, and where that stands among the brain's (-1: outside).
    passes
        What the refinement did to the pieces; None: not known, ``unknown`` says why.
    """

    volume_ml: Floats
    centroid_mm: Floats
    peak_voxel: Places
    peak_error: Floats
    mean_error: Floats
    region: list[str | None]
    named: tuple[Floats, Floats] | None
    rim_mm: Floats | None
    mean_difference: Floats | None
    guide_energy: Floats | None
    error: Floats
    depth: Floats | None
    cells: Places | None
    rows: Places | None
    passes: Unmasking | None
    unknown: str


def measure(run: Run, pieces: Pieces, regions: Regions | None) -> Measures:
    """Measure all pieces of a run."""
    error = pieces.values(run.error)
    peaks = pieces.peaks(error)
    middles = np.stack([pieces.means(axis) for axis in pieces.at.T], axis=1)
    region, named = _regions(pieces, regions)
    depth = difference = energy = cells = rows = passes = None
    if run.scan is not None:
        depth = _depths(run.scan.brain, run.scan.spacing, pieces)
        difference = pieces.means(
            pieces.values(run.scan.image).astype(np.float64) - pieces.values(run.reconstruction)
        )
    unknown = why_unknown(run)
    if run.on_grid is not None:
        cells = to_grid(run.on_grid.placement, pieces.at)
        energy = pieces.means(at_cells(run.on_grid.guide, cells).astype(np.float64) ** 2)
        if not unknown:
            rows = run.passes.rows(cells)
            passes = unmasking(run, pieces, rows)
    return Measures(
        volume_ml=pieces.counts.astype(np.float64) * voxel_ml(run.affine),
        centroid_mm=apply_affine(run.affine, middles),
        peak_voxel=pieces.at[peaks],
        peak_error=error[peaks],
        mean_error=pieces.means(error),
        region=region,
        named=named,
        rim_mm=None if depth is None else pieces.medians(depth),
        mean_difference=difference,
        guide_energy=energy,
        error=error,
        depth=depth,
        cells=cells,
        rows=rows,
        passes=passes,
        unknown=unknown,
    )


def at_cells(volume: NDArray[Any], cells: Places) -> NDArray[Any]:
    """What ``volume`` on the grid holds at ``cells``; 0 beside the grid."""
    inside = ((cells >= 0) & (cells < volume.shape)).all(axis=1)
    out: NDArray[Any] = np.zeros(len(cells), volume.dtype)
    out[inside] = volume[tuple(cells[inside].T)]
    return out


def _depths(brain: Mask, spacing: tuple[float, float, float], pieces: Pieces) -> Floats:
    """How far in mm each voxel of the pieces is from the nearest that is not brain; 0 outside."""
    box = box_of(brain)
    low = np.array([b.start for b in box]) - 1
    # What lies beyond the volume is not brain: a layer of it on every side.
    far = ndimage.distance_transform_edt(np.pad(brain[box], 1), sampling=spacing)
    return at_cells(far, pieces.at - low)


def _regions(
    pieces: Pieces, regions: Regions | None
) -> tuple[list[str | None], tuple[Floats, Floats] | None]:
    """The region that holds most of each piece; the shares of it in any, and in fluid."""
    if regions is None:
        return [None] * len(pieces), None
    numbers = pieces.values(regions.labels).astype(np.int64)
    named, fluid = numbers > 0, np.isin(numbers, list(regions.fluid))
    size = int(numbers.max(initial=0)) + 1
    pairs, counts = np.unique((pieces.piece_of * size + numbers)[named], return_counts=True)
    most: list[str | None] = [None] * len(pieces)
    for at in np.argsort(counts, kind="stable"):  # the last one written is the most frequent
        most[int(pairs[at] // size)] = regions.name_of(int(pairs[at] % size))
    return most, (pieces.means(named), pieces.means(fluid))
