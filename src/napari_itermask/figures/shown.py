"""What does a figure know of a run? Its maps, its scan where that can be found, its truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.slices import GridMap, View
from napari_itermask.figures.style import FigureError
from napari_itermask.prepare import OnGrid, prepare
from napari_itermask.result import Run
from napari_itermask.scans.grid import Placement, place
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.scan import Scan, stem

if TYPE_CHECKING:
    from napari_itermask.figures.style import Convention

BLACK, WHITE = 1.0, 99.8
"""Percentiles of the brain that are shown as black and as white."""


@dataclass(eq=False)
class Shown:
    """One run as figures see it. Arrays ``(X, Y, Z)`` in the scan's own voxels.

    Attributes
    ----------
    run
        In memory or loaded.
    own
        The scan; None where it is not to be had, and ``missing`` says why.
    brain
        bool.
    truth
        bool, or None.
    label
        What the figure calls the run; "": nothing.
    folder
        Where it was saved, if it was.
    """

    run: Run
    own: Scan | None
    brain: Mask
    truth: Mask | None = None
    label: str = ""
    folder: Path | None = None
    missing: str = ""

    @classmethod
    def of(
        cls, run: Run, truth: Mask | None = None, label: str = "", folder: Path | None = None
    ) -> Shown:
        """A run in memory, with its scan if it has one."""
        if truth is not None and truth.shape != run.mask.shape:
            raise FigureError(
                f"the truth has the shape {truth.shape}, the run {run.mask.shape}: give the mask "
                "drawn on this scan."
            )
        if run.scan is None:
            return cls(run, None, brain_of(run), truth, label, folder, "it was not loaded")
        return cls(run, run.scan, run.scan.brain, truth, label, folder)

    @property
    def image(self) -> Volume | None:
        """The scan's voxels, where it is to be had."""
        return self.own.image if self.own else None

    @property
    def name(self) -> str:
        """The scan's name."""
        if self.run.scan is not None:
            return self.run.scan.name
        source = self.run.record.scan
        return stem(Path(source.path)) if source else "scan"

    @property
    def called(self) -> str:
        """What a sentence calls the run."""
        return self.label or str(self.folder or self.name)

    @property
    def base(self) -> Volume:
        """What masks are drawn on: the scan, or else its repaint."""
        return self.run.reconstruction if self.image is None else self.image

    @property
    def same(self) -> str:
        """Equal for runs of one scan."""
        source = self.run.record.scan
        return source.sha256 if source else str(id(self.run.scan or self.run))

    @property
    def known_truth(self) -> Mask:
        """The truth.

        Raises
        ------
        FigureError
            If it was given none.
        """
        if self.truth is None:
            raise FigureError(f"{self.called} has no truth: give one for each run (--truth FILE).")
        return self.truth

    @cached_property
    def scan(self) -> Scan:
        """The scan; where it is not to be had its repaint stands in, for space and name."""
        if self.own is not None:
            return self.own
        source = self.run.record.scan
        return Scan(
            image=self.base,
            brain=self.brain,
            affine=self.run.affine,
            header=self.run.header,
            path=Path(source.path) if source else None,
        )

    @cached_property
    def on_grid(self) -> OnGrid:
        """Image, brain and guide on the model's grid.

        Raises
        ------
        FigureError
            If the scan is not to be had.
        """
        if self.run.on_grid is not None:
            return self.run.on_grid
        if self.own is None:
            raise FigureError(f"{self.called} cannot be drawn without its scan: {self.missing}")
        return prepare(self.scan, self.run.card, self.run.settings, silent)

    @cached_property
    def grey(self) -> tuple[float, float]:
        """The intensities shown as black and as white: percentiles of the brain, never the same."""
        low, high = np.percentile(self.base[self.brain], [BLACK, WHITE])
        return float(low), float(max(high, np.nextafter(low, np.inf)))

    @cached_property
    def placement(self) -> Placement:
        """Where the scan lies on the model's grid."""
        if self.run.on_grid is not None:
            return self.run.on_grid.placement
        return place(self.brain, self.run.affine, self.run.card.grid)

    def view(self, convention: Convention) -> View:
        """How it lies on the page."""
        return View(self.run.affine, self.brain, convention)

    def mask_at(self, phase: str, number: int) -> tuple[GridMap, int]:
        """The mask after pass ``number`` of a phase ("search", "refine"); 0: before the first.

        Returns
        -------
        The mask, and the pass it is of: the last one, if the run ended before.

        Raises
        ------
        FigureError
            If the passes were not saved, or there was no such phase.
        """
        passes, records = self.run.passes, self.run.record.passes
        if not len(passes):
            raise FigureError(
                f"{self.called} was saved without its passes, so their masks cannot be drawn: save "
                "it with them (--passes, save(..., passes=True))."
            )
        found = [i for i, p in enumerate(records) if p.phase == phase]
        if not found:
            raise FigureError(
                f"{self.called} has no pass of the {_WORDS[phase]}: leave its masks out."
            )
        number = min(number, len(found))
        mask = passes.masked(found[0]) if number == 0 else passes.mask(found[number - 1])
        if mask.shape != self.placement.shape:
            raise FigureError(f"{self.called} has passes of another grid than its model's.")
        return GridMap(mask, self.placement), number


_WORDS = {"search": "threshold search", "refine": "refinement"}


def brain_of(run: Run) -> Mask:
    """The brain of a run without its scan: where its repaint is not the background.

    A run's repaint holds one single value outside the brain, and in a few voxels of its rim.
    """
    if run.scan is not None:
        return run.scan.brain
    repaint = run.reconstruction
    values, counts = np.unique(repaint.ravel()[::7], return_counts=True)
    brain: Mask = repaint != values[counts.argmax()]
    return brain if brain.any() else np.ones_like(brain)


def silent(_: str) -> None:
    """What loading said, the run's record says already."""
