"""What happened to this voxel, pass by pass, and why did it leave the mask or stay?"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from napari_itermask.inspection.history import (
    COLUMNS,
    Floats,
    History,
    Replay,
    Voxels,
    last_going,
    to_grid,
)
from napari_itermask.inspection.replayed import OnPass, Replayed, Stop, replayed
from napari_itermask.inspection.told import Outcome, tell, tell_region
from napari_itermask.method.error import Mask
from napari_itermask.method.steps import Phase
from napari_itermask.result import Run
from napari_itermask.scans.files import write_whole


@dataclass(frozen=True, eq=False)
class Story:
    """One voxel, or the mean over a region, over the passes of a run; arrays ``(passes,)``.

    What is decided is decided on the model's grid: a voxel's story is that of the grid's voxel
    nearest to it. Errors and repaints are rounded to float16; those of a pass that was neither kept
    nor made again are NaN.

    Attributes
    ----------
    name
        "voxel 30, 40, 22" or "region of 35 voxels".
    place
        ``(3,)``: RAS mm; of a region, its centre.
    voxels
        How many of the scan's voxels it stands for.
    phase, passes, number
        Of each pass: "search" or "refine", its index over the whole run from 0, its number within
        the phase from 1.
    error, threshold
        What decided, in squared units of the model's normalisation: masked stays what is above.
    masked, stays
        Whether the pass hid it, and whether the mask set after it does; of a region, the share.
    shown
        Share of the neighbours (26, within the brain) that the pass did not hide; NaN without any.
    rank
        Share of the brain's voxels with a smaller error.
    repaint, image
        In the scan's intensities; ``image`` as the network saw it.
    guide
        The high-frequency guide, in the model's units.
    outcome
        How it ended; None for a region.
    sentence
        When and why it left or stayed.
    notes
        What a reader should know: of passes that were made again, of the mask's edge.
    """

    name: str
    place: tuple[float, float, float]
    voxels: int
    phase: tuple[Phase, ...]
    passes: Voxels
    number: Voxels
    threshold: Floats
    error: Floats
    masked: Floats
    stays: Floats
    shown: Floats
    rank: Floats
    repaint: Floats
    image: float
    guide: float
    outcome: Outcome | None
    sentence: str
    notes: tuple[str, ...] = ()

    @property
    def refinement(self) -> slice:
        """The passes of the last refinement, of which the sentence tells."""
        return last_going(self.phase, self.number)

    @property
    def complete(self) -> bool:
        """Whether the error of each pass of the last refinement is known."""
        return bool(np.isfinite(self.error[self.refinement]).all())

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values, which JSON takes; what is not known is None."""
        own = {k: getattr(self, k) for k in ("name", "place", "voxels", "image", "guide")}
        said = {"outcome": self.outcome, "sentence": self.sentence, "notes": list(self.notes)}
        plain = {k: _plain(v) for k, v in own.items()}
        plain["place"] = list(self.place)
        return {**plain, **said, "passes": self._rows()}

    def save_json(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`as_json`; the file appears when it is complete."""
        text = json.dumps(self.as_json(), indent=2) + "\n"
        write_whole(Path(path), lambda part: part.write_text(text, encoding="utf-8"))
        return Path(path)

    def save_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write a row for each pass; the file appears when it is complete."""
        rows = [{**row, "image": self.image, "guide": self.guide} for row in self._rows()]

        def write(part: Path) -> None:
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

        write_whole(Path(path), write)
        return Path(path)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "pass": int(self.passes[i]),
                "phase": phase,
                "number": int(self.number[i]),
                **{name: _plain(getattr(self, name)[i]) for name in COLUMNS},
            }
            for i, phase in enumerate(self.phase)
        ]


def story(
    run: Run,
    voxel: Sequence[int],
    *,
    replay: Replay = "refinement",
    stop: Stop | None = None,
    on_pass: OnPass | None = None,
) -> Story:
    """What happened to one voxel.

    Parameters
    ----------
    run
        With its scan and the masks of its passes.
    voxel
        In the scan's own voxels.
    replay
        Which passes are made again where their maps were not kept. That takes a pass of the network
        each, once for all voxels: what was made again is held as long as the run. With "nothing"
        the answer is immediate.
    stop
        Asked before each pass is made again; True leaves the rest unknown.
    on_pass
        Called with how many passes were made again, and how many there are to be made.

    Raises
    ------
    ValueError
        If the voxel lies outside the scan, or the run lacks its scan or its passes.
    """
    held = replayed(run)
    at = tuple(int(v) for v in voxel)
    assert run.scan is not None  # see replayed()
    if len(at) != 3 or any(not 0 <= v < n for v, n in zip(at, run.mask.shape, strict=False)):
        raise ValueError(f"voxel {at} lies outside the scan of {run.mask.shape} voxels.")
    cell = to_grid(held.grid.placement, np.array([at]))
    name = f"voxel {at[0]}, {at[1]}, {at[2]}"
    if held.passes.rows(cell)[0] < 0 or not run.scan.brain[at]:
        return _outside(run, held, name, at, cell[0])
    told = History(run, held, cell, np.ones(1), replay, stop, on_pass)
    outcome, sentence = tell(told.going(), told.facts())
    notes = told.notes()
    stays = bool(told.columns["stays"][-1])
    if bool(run.mask[at]) != stays:
        notes.append(
            "This voxel is a part of the grid's, and the mask's edge is interpolated between them: "
            f"in the scan's own voxels it is {'not ' if stays else ''}in the mask."
        )
    return _story(run, told, name, at, 1, outcome, sentence, notes)


def region_story(
    run: Run,
    region: Mask,
    *,
    replay: Replay = "refinement",
    stop: Stop | None = None,
    on_pass: OnPass | None = None,
) -> Story:
    """The mean over a region ``(X, Y, Z)`` bool in the scan's own voxels; see :func:`story`.

    Raises
    ------
    ValueError
        If no voxel of it lies in the brain, it has another shape, or the run lacks its scan or its
        passes.
    """
    held = replayed(run)
    assert run.scan is not None  # see replayed()
    if region.shape != run.mask.shape or region.dtype != bool:
        raise ValueError(
            f"a region is a bool mask of the scan's shape {run.mask.shape}, got {region.dtype} "
            f"{region.shape}: draw it on this scan."
        )
    own = np.argwhere(region & run.scan.brain)
    cells, counts = np.unique(to_grid(held.grid.placement, own), axis=0, return_counts=True)
    inside = held.passes.rows(cells) >= 0 if len(own) else np.zeros(0, bool)
    if not inside.any():
        raise ValueError("the region has no voxel in the brain: draw it on the brain.")
    told = History(run, held, cells[inside], counts[inside], replay, stop, on_pass)
    voxels = int(counts[inside].sum())
    sentence = tell_region(told.going(), told.left_in, told.weights, told.unknown)
    name = f"region of {voxels} voxel{'s' if voxels > 1 else ''}"
    centre = own.mean(axis=0)
    return _story(run, told, name, centre, voxels, None, sentence, told.notes())


def _story(
    run: Run,
    told: History,
    name: str,
    voxel: NDArray[Any] | tuple[int, ...],
    voxels: int,
    outcome: Outcome | None,
    sentence: str,
    notes: list[str],
) -> Story:
    return Story(
        name=name,
        place=_place(run, voxel),
        voxels=voxels,
        phase=told.phase,
        passes=np.array([p.index for p in run.record.passes]),
        number=told.number,
        image=told.image,
        guide=told.guide,
        outcome=outcome,
        sentence=sentence,
        notes=tuple(notes),
        **told.columns,
    )


def _outside(run: Run, held: Replayed, name: str, at: tuple[int, ...], cell: Voxels) -> Story:
    """The story of a voxel that is never hidden."""
    assert run.scan is not None
    count = len(run.record.passes)
    nothing, unknown = np.zeros(count), np.full(count, np.nan)
    sentence = "It lies outside the brain, where nothing is hidden and no error counts."
    if run.scan.brain[at]:
        spacing = " x ".join(f"{s:g}" for s in held.grid.placement.spacing)
        sentence = (
            f"It lies at the brain's edge, in a voxel of the model's grid ({spacing} mm) that is "
            "brain for less than half, so it is never hidden."
        )
    grid, where = held.grid, tuple(int(c) for c in cell)
    on_grid = all(0 <= c < n for c, n in zip(where, grid.brain.shape, strict=True))
    return Story(
        name=name,
        place=_place(run, at),
        voxels=1,
        phase=tuple(p.phase for p in run.record.passes),
        passes=np.array([p.index for p in run.record.passes]),
        number=np.array([p.number for p in run.record.passes]),
        threshold=np.array([p.threshold for p in run.record.passes]),
        error=nothing,
        masked=nothing,
        stays=nothing,
        shown=unknown,
        rank=unknown,
        repaint=unknown,
        image=float(run.scan.image[at]),
        guide=float(grid.guide[where]) if on_grid else float("nan"),
        outcome="outside",
        sentence=sentence,
    )


def _place(run: Run, voxel: NDArray[Any] | tuple[int, ...]) -> tuple[float, float, float]:
    x, y, z = apply_affine(run.affine, np.asarray(voxel, np.float64))
    return float(x), float(y), float(z)


def _plain(value: Any) -> Any:
    """A number as JSON takes it: NaN becomes None."""
    if isinstance(value, int | str | tuple):
        return value
    return float(value) if np.isfinite(value) else None
