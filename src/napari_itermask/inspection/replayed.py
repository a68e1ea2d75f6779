"""What did a pass give whose maps were not kept? It is made again from its mask and its noise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from napari_itermask.engine import engine_of
from napari_itermask.method.error import ErrorMap, Mask
from napari_itermask.method.refinement import Reconstruct, seeded_noise
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.store import Model
from napari_itermask.passes import half_maps
from napari_itermask.prepare import OnGrid
from napari_itermask.result import Run
from napari_itermask.run import model_of
from napari_itermask.spilled import Maps

Stop = Callable[[], bool]
OnPass = Callable[[int, int], object]

BUDGET = 1 << 30
"""Bytes that the maps made again may take; what exceeds them is made anew each time."""


class Replayed:
    """The maps of the passes of one run: those that it kept, and the others made again.

    A pass depends on nothing but what it hid and its noise, which follows from the seed and the
    pass's index: on the same machine it gives the same once more, bit for bit, and no other pass is
    needed for it. Maps made again are held as float16, as the kept ones are.

    Parameters
    ----------
    run
        With its scan and the masks of its passes; it is not held.
    budget
        Bytes for the maps made again.

    Attributes
    ----------
    grid, passes, record, within
        Of the run.
    notes
        What a reader should know of passes that were made again.

    Raises
    ------
    ValueError
        If the run lacks its scan or its passes.
    """

    def __init__(self, run: Run, budget: int = BUDGET) -> None:
        self.grid = grid_of(run)
        self.passes = run.passes
        self.budget = budget
        self.notes: list[str] = []
        self.record, self.within = run.record, run.within
        self._model = run.model
        self._drawn = run.start is not None or run.within is not None
        self._made: dict[int, Maps] = {}
        self._tools: tuple[Reconstruct, ErrorMap] | None = None
        self._problem = ""
        self._lock = threading.Lock()

    @property
    def problem(self) -> str:
        """Why passes cannot be made again, as the end of a sentence; "" if they can."""
        self._ready()
        return self._problem

    @property
    def bytes_in_memory(self) -> int:
        """Memory that the maps made again take."""
        return sum(maps.nbytes for maps in list(self._made.values()))

    def held(self, position: int) -> Maps | None:
        """The maps of a pass if they were kept or made before; not to be written to."""
        maps = self.passes.maps(position)
        return self._made.get(position) if maps is None else maps

    def each(
        self,
        positions: Sequence[int],
        make: Sequence[int] = (),
        stop: Stop | None = None,
        on_pass: OnPass | None = None,
    ) -> Iterator[tuple[int, Maps | None]]:
        """Each of ``positions`` with its maps; None where they are neither held nor made.

        Parameters
        ----------
        make
            Those of ``positions`` that are made again where they are not held.
        stop
            Asked before each pass is made; once it says True no more are.
        on_pass
            Called with how many passes were made and how many there are to be made.
        """
        lacking = {p for p in make if p not in self._made and not self.passes.has_maps(p)}
        done, stopped = 0, False
        for position in positions:
            maps = self.held(position)
            if maps is None and position in lacking and not (stopped or self.problem):
                stopped = bool(stop and stop())
                if not stopped:
                    maps = self._again(position)
                    done += 1
                    if on_pass:
                        on_pass(done, len(lacking))
            yield position, maps

    def settings(self, position: int) -> RefineSettings:
        """The settings that were in force in a pass."""
        index = self.record.passes[position].index
        sent = [change.settings for change in self.record.changes if change.index < index]
        return sent[-1] if sent else self.record.settings

    def is_prelude(self, position: int) -> bool:
        """Whether the pass hid the whole brain only to read the calibrated threshold."""
        this = self.record.passes[position]
        return (
            self._drawn
            and self.record.curve is None
            and (this.phase, this.number) == ("refine", 1)
            and self.settings(position).threshold_rule == "calibrated"
        )

    def _again(self, position: int) -> Maps:
        with self._lock:  # a second click waits for the pass that the first one makes
            if position in self._made:
                return self._made[position]
            assert self._tools is not None
            reconstruct, errors = self._tools
            this, masked = self.record.passes[position], self.passes.masked(position)
            noise = seeded_noise(self.record.settings.seed, self.grid.image.shape)(this.index)
            hidden = np.where(masked, noise, self.grid.image).astype(np.float32, copy=False)
            repaint = np.array(reconstruct(hidden, self.grid.guide), np.float32)
            error = errors(repaint)
            brain = self.grid.brain
            maps = half_maps(repaint[brain], error[brain], this.threshold)
            self._compare(position, error > this.threshold, masked)
            if self.bytes_in_memory + maps.nbytes <= self.budget:
                self._made[position] = maps
            return maps

    def _compare(self, position: int, above: Mask, masked: Mask) -> None:
        """Note once where a pass made again is not the run's own."""
        record, decided = self.record, self.grid.brain
        # The last pass drops small pieces, and the first may only read the threshold.
        if self.notes or position == len(self.passes) - 1 or self.is_prelude(position):
            return
        if record.passes[position].phase == "refine":
            decided = decided if self.within is None else decided & self.within
            decided = decided & masked if self.settings(position).only_shrink else decided
        if not decided.any():
            return
        off = float(np.mean(above[decided] != self.passes.mask(position)[decided]))
        if off > 1e-3:
            self.notes.append(
                f"a pass that was made again here differs from the run's own in {off:.1%} of the "
                f"voxels (the run was made on {record.device} in {record.precision}): its errors "
                "are about those that decided."
            )

    def _ready(self) -> None:
        with self._lock:
            if self._tools is not None or self._problem:
                return
            record, grid = self.record, self.grid
            try:
                model = self._model or model_of(record)
                reconstruct = self._engine(model)
            except (ValueError, OSError) as error:  # gone, changed, or a callable of another day
                self._problem = str(error).rstrip(".")
                return
            # Score, seed and cutoff are those of the whole run: others make a run begin again.
            errors = ErrorMap(grid.image, grid.brain, grid.placement.spacing, record.settings)
            self._tools = reconstruct, errors

    def _engine(self, model: Model | Reconstruct) -> Reconstruct:
        record = self.record
        precision: Any = record.precision
        try:
            reconstruct, _, _ = engine_of(model, record.device, precision)
        except ValueError:  # the run's device is not here
            reconstruct, device, here = engine_of(model, "auto", "auto")
            self.notes.append(
                f"passes are made again on {device} in {here}; the run was made on "
                f"{record.device} in {record.precision}."
            )
        return reconstruct


def replayed(run: Run) -> Replayed:
    """The maps of the passes of ``run``; the same object each time, as long as the run lives."""
    with _LOCK:
        if run not in _KNOWN:
            _KNOWN[run] = Replayed(run)
        return _KNOWN[run]


def grid_of(run: Run) -> OnGrid:
    """The scan on the model's grid, of a run that has it and its passes.

    Raises
    ------
    ValueError
        If the run lacks one of them; one sentence says which, and what to do.
    """
    if run.on_grid is None or run.scan is None:
        raise ValueError(
            "this run was loaded without its scan: load it with the scan that was refined, "
            "load_run(folder, scan)."
        )
    if not len(run.passes):
        raise ValueError(
            "this run was saved without the masks of its passes: make it again (itm.replay), or "
            "save it with its passes (passes=True)."
        )
    return run.on_grid


_KNOWN: WeakKeyDictionary[Run, Replayed] = WeakKeyDictionary()
_LOCK = threading.Lock()
