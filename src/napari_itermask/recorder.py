"""One run in the making: it prepares the scan, hands out Steps, and ends in a Run."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.engine import card_of_callable, engine_of, threads
from napari_itermask.lending import search_problem
from napari_itermask.method.refinement import Reconstruct, Steps, refine as refine_steps
from napari_itermask.method.scores import anomaly_scores
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.start import inside, needs_search
from napari_itermask.method.steps import Search, Step
from napari_itermask.method.threshold import POINTS
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model
from napari_itermask.notes import Tell, say
from napari_itermask.passes import Passes
from napari_itermask.prepare import Space, mask_on_grid, prepare
from napari_itermask.record import (
    BRAIN,
    START,
    WITHIN,
    Change,
    PassRecord,
    RunRecord,
    Source,
    mask_file,
    source_beside,
    source_of,
    versions,
)
from napari_itermask.result import Run
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.modality import modality_warning
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision


class Recorder:
    """One run in the making.

    The window drives :meth:`steps` itself; :func:`napari_itermask.refine` does it for everyone
    else. :meth:`finish` may come at any Step: the run then ends with that Step's mask.

    Parameters
    ----------
    maps_budget, spill
        See :class:`~napari_itermask.passes.Passes`; all others: :func:`napari_itermask.refine`.

    Attributes
    ----------
    settings, card, device, precision, on_grid, start, within
        What the run is made with.
    passes
        The numbers of each pass so far.
    kept
        The passes themselves; another object once the run begins again.
    last, found
        The newest Step and the finished search, once they are there.
    complete
        Whether the mask settled.
    """

    def __init__(
        self,
        scan: Scan,
        model: Model | Reconstruct,
        settings: RefineSettings | None = None,
        device: str = "auto",
        *,
        precision: Precision = "auto",
        search: bool = True,
        card: ModelCard | None = None,
        after: Run | None = None,
        start: Mask | None = None,
        within: Mask | None = None,
        masks_on: Space = "auto",
        maps_budget: int = 0,
        spill: Path | None = None,
        tell: Tell | None = None,
    ) -> None:
        begin = time.perf_counter()
        self.scan = scan
        self.model = model
        self.search = search or after is not None  # so that the record asks for it again
        self._tell = tell
        self._budget = maps_budget, spill
        self._reconstruct, self.device, self.precision = engine_of(model, device, precision, tell)
        self.card = (
            model.card if isinstance(model, Model) else card or card_of_callable(model, scan)
        )
        self.settings = settings or self.card.settings
        self.notes = [*scan.notes]
        self._note(modality_warning(scan, self.card.modality))
        self.seconds = {"prepare": 0.0, "search": 0.0, "refine": 0.0}
        self.changes: list[Change] = []
        self.passes: list[PassRecord] = []
        self.last: Step | None = None
        self.found: Search | None = None
        self.complete = False
        if after is None:
            self.on_grid = prepare(scan, self.card, self.settings, tell)
            self.kept = Passes(self.on_grid.brain, maps_budget, spill)
        else:
            self._take_over(after)
        placement = self.on_grid.placement
        if placement.shape != self.card.grid.shape and isinstance(model, Model):
            self._note(
                f"the brain of {scan.name} does not fit the model's grid of "
                f"{self.card.grid.shape} voxels: it was enlarged to {placement.shape}."
            )
        self.start, self.within = (
            self._drawn(name, mask, masks_on)
            for name, mask in (("start", start), ("within", within))
        )
        self.seconds["prepare"] = time.perf_counter() - begin

    def steps(self) -> Steps:
        """One Step per pass, recorded as it goes by; takes new settings as ``refine`` does.

        Settings that ask for a new search (another cutoff, seed or error map) make the run begin
        again from pass 0.
        """
        search: Search | bool = self.found or self.search
        while True:
            again = yield from self._one_go(self.settings, search)
            if again is None:
                return
            search = self.search
            if self._cutoff(again) != self._cutoff(self.settings):
                self.on_grid = prepare(self.scan, self.card, again, self._tell)
            self.settings = again
            self.kept.close()
            self.kept = Passes(self.on_grid.brain, *self._budget)
            self.passes, self.changes, self.found, self.last = [], [], None, None

    @property
    def mask(self) -> Mask:
        """The newest mask in the scan's own voxels, ``(X, Y, Z)`` bool."""
        if self.last is None:
            raise RuntimeError("no pass has run yet, so there is no mask.")
        return self.on_grid.placement.mask_to_scan(self.last.mask) & self.scan.brain

    def finish(self) -> Run:
        """The Run as of the last Step.

        Raises
        ------
        RuntimeError
            Before the first Step.
        """
        if self.last is None:
            raise RuntimeError("no pass has run yet, so there is nothing to finish.")
        begin = time.perf_counter()
        placement, scaled = self.on_grid.placement, self.on_grid.scaled
        step, brain = self.last, self.on_grid.brain
        mask = self.mask
        repaint = placement.to_scan(
            scaled.original(step.reconstruction), brain, outside=self.scan.background
        )
        repaint[~self.scan.brain] = self.scan.background
        error = placement.to_scan(step.error, brain)
        error[~self.scan.brain] = 0
        beside = self._beside()
        self.seconds["to_scan"] = time.perf_counter() - begin
        return Run(
            mask=mask,
            reconstruction=repaint,
            error=error,
            record=self._record({n: source_beside(n, content) for n, content in beside.items()}),
            affine=self.scan.affine,
            header=self.scan.header,
            scan=self.scan,
            on_grid=self.on_grid,
            last=step,
            passes=self.kept,
            start=self.start,
            within=self.within,
            model=self.model,
            beside=beside,
        )

    def _drawn(self, name: str, mask: Mask | None, masks_on: Space) -> Mask | None:
        if mask is None:
            return None
        drawn = mask_on_grid(name, mask, self.on_grid.placement, masks_on)
        inside(name, drawn, self.on_grid.brain)  # refused before any pass
        return drawn

    def _take_over(self, after: Run) -> None:
        """Begin behind the search of an earlier run."""
        problem = search_problem(
            after,
            self.scan,
            self.model,
            self.settings,
            card=self.card,
            device=self.device,
            precision=self.precision,  # type: ignore[arg-type]
        )
        if problem:
            raise ValueError(
                f"the search of the earlier run cannot be taken over, {problem}: make a new one "
                "(after=None)."
            )
        assert after.on_grid is not None
        self.on_grid = after.on_grid
        self.found = after.search
        self.passes = list(after.record.passes[:POINTS])
        self.kept = after.passes.search_only(*self._budget)
        self.seconds["search"] = sum(p.seconds for p in self.passes)
        here, then = versions(), after.record.versions
        other = [
            f"{n} {then.get(n)}" for n in ("torch", "numpy", "scipy") if then.get(n) != here[n]
        ]
        if other:
            self._note(
                f"the search was made with {', '.join(other)}: here it may differ by rounding."
            )

    def _one_go(
        self, settings: RefineSettings, search: bool | Search
    ) -> Generator[Step, RefineSettings | None, RefineSettings | None]:
        grid = self.on_grid
        steps = refine_steps(
            grid.image,
            grid.brain,
            grid.guide,
            self._reconstruct,
            settings,
            spacing=grid.placement.spacing,
            calibration=self.card.calibration,
            search=search,
            start=self.start,
            within=self.within,
            tell=self._tell,
        )
        sent: RefineSettings | None = None
        try:
            while True:
                begin = time.perf_counter()
                step = steps.send(sent)
                self._keep(step, time.perf_counter() - begin)
                sent = yield step
                if sent is not None and sent != settings:
                    if self._begins_again(settings, sent):
                        return sent
                    self.changes.append(Change(index=step.index, settings=sent))
                    settings = sent
        except StopIteration:
            self.complete = True
            return None
        finally:
            steps.close()

    def _begins_again(self, old: RefineSettings, new: RefineSettings) -> bool:
        """Whether ``new`` asks for a search that comes first, as in a run made with it alone."""
        late = self.last is not None and self.last.phase == "refine"
        return (
            (self._cutoff(old), old.seed) != (self._cutoff(new), new.seed)
            or not old.same_score(new)
            or (late and self.found is None and needs_search(new))
        )

    def _cutoff(self, settings: RefineSettings) -> float:
        return settings.cutoff or self.card.cutoff

    def _keep(self, step: Step, seconds: float) -> None:
        voxel_ml = float(np.prod(self.on_grid.placement.spacing)) / 1000
        self.last = step
        self.found = step.search or self.found
        self.seconds[step.phase] += seconds
        self.kept.add(step)
        self.passes.append(
            PassRecord(
                phase=step.phase,
                index=step.index,
                number=step.number,
                threshold=step.threshold,
                mask_voxels=step.mask_voxels,
                mask_ml=step.mask_voxels * voxel_ml,
                seconds=seconds,
            )
        )

    def _note(self, note: str | None) -> None:
        if note:
            self.notes.append(note)
            say(note, self._tell)

    def _beside(self) -> dict[str, bytes]:
        """The masks that no file of the user's holds, as the files that are saved with the run."""
        on_grid = {START: self.start, WITHIN: self.within}
        affine = self.on_grid.placement.affine
        found = {n: mask_file(mask, affine) for n, mask in on_grid.items() if mask is not None}
        scan = self.scan
        if scan.path and not scan.brain_path and scan.brain_source == "given":
            found[BRAIN] = mask_file(scan.brain, scan.affine)
        return found

    def _record(self, beside: dict[str, Source]) -> RunRecord:
        assert self.last is not None
        final = self.changes[-1].settings if self.changes else self.settings
        curve = None
        notes = [*self.notes]
        if self.found is not None:
            curve = tuple(float(t) for t in self.found.curve.thresholds)
            if final.threshold_rule == "tangent":
                fit = self.found.curve.fit(final.y_limit)
                chosen = self.found.curve.choose(final.gamma, final.y_limit)
                notes += [
                    n
                    for n in (f"fit refused: {fit.reason}" if fit.reason else "", chosen.note)
                    if n
                ]
        scan = self.scan
        return RunRecord(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            scan=source_of(scan.path),
            brain_mask=source_of(scan.brain_path) or beside.get(BRAIN),
            brain_source=scan.brain_source,
            start=beside.get(START),
            within=beside.get(WITHIN),
            card=self.card,
            weights=(
                Source(path=str(self.model.weights.resolve()), sha256=self.model.sha256)
                if isinstance(self.model, Model)
                else None
            ),
            settings=self.settings,
            changes=tuple(self.changes),
            search=self.search,
            complete=self.complete,
            device=self.device,
            precision=self.precision,
            threads=threads(),
            versions=versions(),
            curve=curve,
            calibrated=self.found.calibrated if self.found else None,
            passes=tuple(self.passes),
            threshold=self.last.threshold,
            scores=anomaly_scores(
                self.last.mask, self.last.error, self.on_grid.brain, self.on_grid.placement.spacing
            ),
            seconds={k: round(v, 4) for k, v in self.seconds.items()},
            notes=tuple(notes),
        )
