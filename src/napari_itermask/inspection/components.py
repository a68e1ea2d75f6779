"""Which pieces were hit, missed or falsely found, what do they measure, and why are they so?"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.inspection.facts import facts_of_alarms, facts_of_misses
from napari_itermask.inspection.measures import Measures, measure
from napari_itermask.inspection.pieces import Kind, Labels, Pieces, cut, voxels_of
from napari_itermask.inspection.regions import Regions
from napari_itermask.inspection.rules import Verdict, why_alarmed, why_missed
from napari_itermask.result import Run
from napari_itermask.scans.files import write_whole
from napari_itermask.scans.intensity import Mask


@dataclass(frozen=True)
class Component:
    """One connected piece; what is not known is None.

    Attributes
    ----------
    number
        Its label, from 1 by falling size.
    kind
        "hit": of what mask and truth share, with the border where their outlines differ; "miss": of
        the truth, not masked; "false alarm": of the mask, not truth; "found": of the mask, without
        a truth.
    volume_ml, centroid_mm
        ml; RAS mm of the file's affine.
    voxel
        Of its largest error, in the scan's voxels.
    peak_error, mean_error
        In squared units of the model's normalisation.
    overlap
        Of a hit or miss: which share of the truth's connected lesion is masked; of a false alarm:
        which share of the mask's connected piece is truth.
    region
        The named region that holds most of it.
    rim_mm
        How deep in the brain its voxels lie: the median distance to what is not brain.
    left_in_pass, came_back_in
        The refinement's last pass that took more than half of it off the mask, and the last that
        masked half of it again; None: none did, or the passes are not known.
    mean_difference
        Image minus repaint, in the scan's intensities: above 0 it is brighter than repainted.
    guide_energy
        Mean square of the guide, in squared units of the normalisation.
    reason, because
        Why, in words, and what was measured; a hit has no reason.
    rule
        The reason's name in :data:`~napari_itermask.inspection.reasons.REASONS`; "" for a hit.
    """

    number: int
    kind: Kind
    volume_ml: float
    centroid_mm: tuple[float, float, float]
    voxel: tuple[int, int, int]
    peak_error: float
    mean_error: float
    overlap: float | None
    region: str | None
    rim_mm: float | None
    left_in_pass: int | None
    came_back_in: int | None
    mean_difference: float | None
    guide_energy: float | None
    reason: str
    because: str
    rule: str = ""


Value = float | int | str | None
COLUMNS: dict[str, Callable[[Component], Value]] = {
    "kind": lambda c: c.kind,
    "reason": lambda c: c.reason,
    "volume (ml)": lambda c: c.volume_ml,
    "R (mm)": lambda c: c.centroid_mm[0],
    "A (mm)": lambda c: c.centroid_mm[1],
    "S (mm)": lambda c: c.centroid_mm[2],
    "peak error (units²)": lambda c: c.peak_error,
    "mean error (units²)": lambda c: c.mean_error,
    "overlap (share)": lambda c: c.overlap,
    "region": lambda c: c.region,
    "depth under the rim (mm)": lambda c: c.rim_mm,
    "left in pass": lambda c: c.left_in_pass,
    "came back in pass": lambda c: c.came_back_in,
    "brighter than repainted (intensity)": lambda c: c.mean_difference,
    "guide energy (units²)": lambda c: c.guide_energy,
    "peak x (voxel)": lambda c: c.voxel[0],
    "peak y (voxel)": lambda c: c.voxel[1],
    "peak z (voxel)": lambda c: c.voxel[2],
    "because": lambda c: c.because,
}
"""Columns of the table by their headings; "units" are those of the model's normalisation."""
_WORDS = ("kind", "reason", "region", "because")


@dataclass(frozen=True, eq=False)
class Components:
    """All components of a run.

    Attributes
    ----------
    labels
        ``(X, Y, Z)`` int32 in the scan's own voxels: each component's number.
    rows
        The components, by number.
    affine
        ``(4, 4)``: voxels to world, RAS mm.
    notes
        What a reader should know: what the run did not hold.
    """

    labels: Labels
    rows: tuple[Component, ...]
    affine: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Component:
        """The component of that label."""
        if not 1 <= number <= len(self.rows):
            raise KeyError(f"there is no component {number}: the last one is {len(self.rows)}.")
        return self.rows[number - 1]

    def voxels(self, number: int) -> NDArray[np.intp]:
        """The voxels ``(n, 3)`` of the component of that label."""
        return self._voxels[self[number].number - 1]

    @cached_property
    def _voxels(self) -> list[NDArray[np.intp]]:
        return voxels_of(self.labels)

    def features(self, more: Mapping[str, Sequence[Value]] | None = None) -> dict[str, Any]:
        """The table as napari's ``Labels.features`` takes it.

        Returns
        -------
        One array a column, ``(components,)``; "index" holds the labels. A number that is not known
        is NaN, a word "".

        Parameters
        ----------
        more
            Further columns by name, such as those of a review.
        """
        table: dict[str, Any] = {"index": np.array([row.number for row in self.rows], np.int64)}
        for name, column in COLUMNS.items():
            values = [column(row) for row in self.rows]
            if name in _WORDS:
                table[name] = np.array([value or "" for value in values], object)
            elif all(isinstance(value, int) for value in values):
                table[name] = np.array(values, np.int64)
            else:
                table[name] = np.array([np.nan if v is None else v for v in values], np.float64)
        for name, given in (more or {}).items():
            table[name] = np.array(["" if v is None else v for v in given], object)
        return table

    def save_csv(
        self, path: str | os.PathLike[str], more: Mapping[str, Sequence[Value]] | None = None
    ) -> Path:
        """Write the table as CSV, units in its header; what is not known is empty.

        The file appears under its name only when it is complete. ``more``: see :meth:`features`.
        """
        out, extra = Path(path), more or {}

        def write(part: Path) -> None:
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["number", *COLUMNS, *extra])
                for i, row in enumerate(self.rows):
                    own = [_short(column(row)) for column in COLUMNS.values()]
                    writer.writerow([row.number, *own, *(values[i] for values in extra.values())])

        write_whole(out, write)
        return out


def components(run: Run, truth: Mask | None, regions: Regions | None = None) -> Components:
    """The components of a run, what they measure, and why each miss and false alarm is one.

    Parameters
    ----------
    run
        In memory, or loaded: what it does not hold (its passes, its scan) leaves columns None.
    truth
        ``(X, Y, Z)`` bool in the scan's own voxels. An empty one makes everything a false alarm;
        None: there is none, and everything is "found".
    regions
        Names of places, in the same voxels.

    Raises
    ------
    ValueError
        If truth or regions lie in other voxels.
    """
    places = None if regions is None else regions.labels
    for what, volume in (("truth", truth), ("map of regions", places)):
        if volume is not None and volume.shape != run.mask.shape:
            raise ValueError(
                f"the {what} has the shape {volume.shape}, the run's scan {run.mask.shape}: give "
                "one that lies on this scan."
            )
    if truth is not None and truth.dtype != bool:
        truth = truth > 0
    pieces = cut(run.mask, truth, np.sqrt((run.affine[:3, :3] ** 2).sum(axis=0)))
    measured = measure(run, pieces, regions)
    verdicts = {
        **_hits(pieces, measured, run.mask, truth),
        **{i: why_missed(f) for i, f in facts_of_misses(run, pieces, measured).items()},
        **{i: why_alarmed(f) for i, f in facts_of_alarms(run, pieces, measured).items()},
    }
    rows = tuple(_row(i, pieces, measured, verdicts[i]) for i in range(len(pieces)))
    return Components(pieces.labels, rows, run.affine, _notes(run, measured))


def _row(i: int, pieces: Pieces, measured: Measures, verdict: Verdict) -> Component:
    kind, passes = pieces.kinds[i], measured.passes
    overlap = None if kind == "found" else float(pieces.overlap[i])
    x, y, z = (int(v) for v in measured.peak_voxel[i])
    right, front, up = (float(v) for v in measured.centroid_mm[i])
    return Component(
        number=i + 1,
        kind=kind,
        volume_ml=float(measured.volume_ml[i]),
        centroid_mm=(right, front, up),
        voxel=(x, y, z),
        peak_error=float(measured.peak_error[i]),
        mean_error=float(measured.mean_error[i]),
        overlap=overlap,
        region=measured.region[i],
        rim_mm=_at(measured.rim_mm, i),
        left_in_pass=passes.number(passes.left(i)) if passes else None,
        came_back_in=passes.number(passes.back(i)) if passes else None,
        mean_difference=_at(measured.mean_difference, i),
        guide_energy=_at(measured.guide_energy, i),
        reason=verdict.words,
        because=verdict.because,
        rule=verdict.name,
    )


def _hits(pieces: Pieces, measured: Measures, mask: Mask, truth: Mask | None) -> dict[int, Verdict]:
    """What the outlines of hits measure: a hit has no reason."""
    if truth is None:
        return {}
    masked, real = pieces.values(mask), pieces.values(truth)
    beyond, short = pieces.means(masked & ~real), pieces.means(real & ~masked)
    return {
        i: Verdict(
            "",
            "",
            f"{pieces.overlap[i]:.0%} of this lesion is masked; along its border the mask takes "
            f"in {beyond[i] * measured.volume_ml[i]:.2g} ml more and "
            f"{short[i] * measured.volume_ml[i]:.2g} ml less than the truth",
        )
        for i, kind in enumerate(pieces.kinds)
        if kind == "hit"
    }


def _notes(run: Run, measured: Measures) -> tuple[str, ...]:
    notes = []
    if run.scan is None:
        notes.append(
            "The run was loaded without its scan: depth, difference and guide are not known."
        )
    if measured.unknown:
        notes.append(f"When a piece left or came back is not known: {measured.unknown}.")
    return tuple(notes)


def _at(values: NDArray[np.float64] | None, i: int) -> float | None:
    return None if values is None else float(values[i])


def _short(value: Value) -> Value:
    return f"{value:.6g}" if isinstance(value, float) else value
