"""What were the numbers of some voxels over the passes of a run? Read from masks and maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.inspection.replayed import OnPass, Replayed, Stop
from napari_itermask.inspection.told import Facts, Going
from napari_itermask.method.steps import Phase
from napari_itermask.result import Run
from napari_itermask.scans.grid import Placement
from napari_itermask.spilled import Maps

Replay = Literal["nothing", "refinement", "all"]
"""Which passes are made again where their errors were not kept."""
Floats = NDArray[np.float64]
Voxels = NDArray[np.intp]
COLUMNS = ("error", "threshold", "masked", "stays", "shown", "rank", "repaint")
_WIDTH = 1 << 16  # codes of a float16


class History:
    """The numbers of some voxels of the grid over all passes of a run, averaged.

    Parameters
    ----------
    cells, counts
        ``(n, 3)`` voxels of the grid, all in the brain, and how much each weighs.
    replay, stop, on_pass
        See :func:`~napari_itermask.inspection.story.story`.

    Attributes
    ----------
    columns
        By :data:`COLUMNS`, ``(passes,)`` each; NaN where a pass's maps are not there.
    image, guide
        In the scan's intensities, as the network saw it, and in the model's units.
    left_in
        ``(n,)``: the number of the pass in which each voxel left for good; 0: never hidden, -1: it
        stayed.
    unknown
        Why errors of the last refinement are missing; "" if none is.
    """

    def __init__(
        self,
        run: Run,
        held: Replayed,
        cells: Voxels,
        counts: NDArray[Any],
        replay: Replay,
        stop: Stop | None,
        on_pass: OnPass | None,
    ) -> None:
        self.run, self.held, self.cells = run, held, cells
        self.weights = counts / np.sum(counts, dtype=np.float64)
        self.records = run.record.passes
        self.phase = tuple(p.phase for p in self.records)
        self.number = np.array([p.number for p in self.records])
        scaled = held.grid.scaled
        at = tuple(cells.T)
        offset = scaled.offset[at] if isinstance(scaled.offset, np.ndarray) else scaled.offset
        self._offset, self._scale = offset, scaled.scale
        self.image = self._mean(held.grid.image[at] * scaled.scale + offset)
        self.guide = self._mean(held.grid.guide[at])
        self.columns = self._masks()
        self._maps(self._wanted(replay), stop, on_pass)
        lacking = not np.isfinite(self.columns["error"][last_going(self.phase, self.number)]).all()
        self.unknown = ""
        if lacking:
            self.unknown = "its error was not kept"
            if replay != "nothing" and held.problem:
                self.unknown += f" and cannot be made again: {held.problem}"

    def going(self) -> Going:
        """The last refinement; of a run that ended with its search, the search."""
        part = last_going(self.phase, self.number)
        columns = {name: self.columns[name][part] for name in COLUMNS}
        difference = self.image - columns.pop("repaint")
        sign = self.held.settings(len(self.phase) - 1).sign
        opposite = difference < 0 if sign == "brighter" else difference > 0
        masked, stays = (columns.pop(name) > 0.5 for name in ("masked", "stays"))
        return Going(
            numbers=self.number[part],
            masked=masked,
            stays=stays,
            opposite=opposite & (sign != "both"),
            **columns,
        )

    def facts(self) -> Facts:
        """What else decided about the one voxel."""
        run, record, cell = self.run, self.run.record, tuple(self.cells[0])
        last = len(self.phase) - 1
        settings = self.held.settings(last)
        refined = self.phase[-1] == "refine"
        floor = settings.intensity_floor
        dark = floor is not None and self.held.grid.image[cell] <= floor
        allowed = not refined or run.within is None or bool(run.within[cell])
        began = "the whole brain"
        if run.start is not None:
            began = "a drawn mask"
        elif settings.start_mask == "best_threshold_mask":
            began = "the search's mask at its threshold"
        return Facts(
            sign=settings.sign,
            rim=settings.rim if self._in_rim(settings.rim) else 0.0,
            floor=floor if dark else None,
            allowed=allowed,
            began=began,
            prelude=self.held.is_prelude(last_going(self.phase, self.number).start),
            only_shrink=settings.only_shrink and refined,
            min_volume=settings.min_volume if refined and record.complete else 0.0,
            complete=record.complete,
            unknown=self.unknown,
        )

    def notes(self) -> list[str]:
        """What a reader should know."""
        notes = [note[0].upper() + note[1:] for note in self.held.notes]
        if self.unknown:
            notes.append(f"{self.unknown[0].upper()}{self.unknown[1:].rstrip('.')}.")
        part = last_going(self.phase, self.number)
        if self.phase[-1] == "search":
            notes.append("The run ended with its search: the sentence tells of that.")
        elif "refine" in self.phase[: part.start]:
            notes.append(
                "The refinement began again when its settings were changed: the sentence tells of "
                f"the passes from {self.records[part.start].index} on."
            )
        return notes

    def _masks(self) -> dict[str, Floats]:
        """All columns, those of the maps still empty; and when each voxel left, ``left_in``."""
        passes, count = self.held.passes, len(self.records)
        rows, ring = passes.rows(self.cells), passes.rows(_ring(self.cells))
        ring = ring[ring >= 0]
        columns = {name: np.full(count, np.nan) for name in COLUMNS}
        columns["threshold"] = np.array([p.threshold for p in self.records], np.float64)
        start = last_going(self.phase, self.number).start
        self.left_in = np.zeros(len(rows), np.intp)
        both = np.concatenate([rows, ring])
        for i, number in enumerate(self.number):
            before, after = passes.masks_at(i, both)
            hidden, stays = before[: len(rows)], after[: len(rows)]
            columns["masked"][i], columns["stays"][i] = self._mean(hidden), self._mean(stays)
            if len(ring):
                columns["shown"][i] = 1 - np.mean(before[len(rows) :])
            if i >= start:
                self.left_in[hidden & ~stays] = number
        self.left_in[stays] = -1
        self._rows = rows
        return columns

    def _maps(self, make: Sequence[int], stop: Stop | None, on_pass: OnPass | None) -> None:
        columns, rows = self.columns, self._rows
        positions = range(len(self.records))
        for i, maps in self.held.each(positions, make, stop, on_pass):
            if maps is not None:
                repaint, error = maps[:, rows].astype(np.float64)
                columns["repaint"][i] = self._mean(repaint * self._scale + self._offset)
                columns["error"][i] = self._mean(error)
                columns["rank"][i] = self._mean(_ranks(maps, rows))

    def _wanted(self, replay: Replay) -> Sequence[int]:
        if replay == "all":
            return range(len(self.phase))
        if replay == "nothing":
            return ()
        return [i for i, phase in enumerate(self.phase) if phase == "refine"]

    def _mean(self, values: NDArray[Any]) -> float:
        return float(values @ self.weights)

    def _in_rim(self, rim: float) -> bool:
        """Whether anything but brain lies within ``rim`` mm, as the score measures it."""
        if rim <= 0:
            return False
        grid, cell = self.held.grid, self.cells[0]
        reach = [int(rim / s) for s in grid.placement.spacing]
        box = tuple(slice(max(0, c - r), c + r + 1) for c, r in zip(cell, reach, strict=True))
        away = np.argwhere(~grid.brain[box]) + [b.start for b in box] - cell
        return bool((((away * grid.placement.spacing) ** 2).sum(axis=1) <= rim**2).any())


def to_grid(placement: Placement, voxels: NDArray[Any]) -> Voxels:
    """The grid's voxel nearest to each of the scan's, both ``(n, 3)``; it may lie beside it."""
    way = np.linalg.inv(placement.affine) @ placement.scan_affine
    # Rounded twice, so that halves fall on one side whatever the affine's last digits.
    found: Voxels = np.floor(np.round(apply_affine(way, voxels), 4) + 0.5).astype(np.intp)
    return found


def last_going(phase: Sequence[Phase], number: Voxels) -> slice:
    """The passes of the last refinement; of a run that ended with its search, all."""
    first = np.flatnonzero((number == 1) & (np.array(phase) == phase[-1]))
    return slice(int(first[-1]) if len(first) else 0, len(number))


def _ring(cells: Voxels) -> Voxels:
    """The neighbours ``(m, 3)`` of ``cells`` that are none of them, by faces, edges and corners."""
    corner = cells.min(axis=0) - 1
    filled = np.zeros(cells.max(axis=0) - corner + 2, bool)
    filled[tuple((cells - corner).T)] = True
    grown = ndimage.binary_dilation(filled, np.ones((3, 3, 3)))
    ring: Voxels = np.argwhere(grown & ~filled) + corner
    return ring


def _ranks(maps: Maps, rows: Voxels) -> Floats:
    """The share of the brain's voxels whose error is smaller, for each of ``rows``."""
    # Half floats that are not negative are ordered as the whole numbers of their bits.
    codes = maps[1].view(np.uint16)
    if len(rows) == 1:
        return np.array([np.count_nonzero(codes < codes[rows[0]]) / codes.size])
    counts = np.bincount(codes, minlength=_WIDTH)
    below: Floats = (np.cumsum(counts) - counts)[codes[rows]] / codes.size
    return below
