"""What would this seed or this threshold give? One scan made ready once, and refined many times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.engine import card_of_callable, engine_of
from napari_itermask.method.error import Mask, Volume
from napari_itermask.method.refinement import Reconstruct, Steps, refine
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.start import needs_search
from napari_itermask.method.steps import Search, Step
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model
from napari_itermask.notes import Tell, say
from napari_itermask.prepare import prepare
from napari_itermask.record import Source
from napari_itermask.scans.modality import modality_warning
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision


class Stopped(Exception):  # noqa: N818
    """Raised between two passes once :attr:`Refiner.stop` said True."""


class Refiner:
    """One scan, its grid, guide and network made ready for refinement after refinement.

    No pass is kept. For parameters see :func:`napari_itermask.refine`; ``on_step`` is called after
    each pass.

    Attributes
    ----------
    scan, card, settings, device, precision, weights
        What it refines, and with what.
    notes
        What a person should know, each once.
    stop
        Asked after each pass; once it says True, :class:`Stopped` is raised.
    """

    def __init__(
        self,
        scan: Scan,
        model: Model | Reconstruct,
        settings: RefineSettings | None = None,
        device: str = "auto",
        *,
        precision: Precision = "auto",
        card: ModelCard | None = None,
        on_step: Callable[[Step], object] | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.scan = scan
        self.weights: Source | None = None
        if isinstance(model, Model):
            self.card = model.card
            self.weights = Source(path=str(model.weights.resolve()), sha256=model.sha256)
        else:
            self.card = card or card_of_callable(model, scan)
        self.settings = settings or self.card.settings
        self.notes: list[str] = []
        self.stop: Callable[[], bool] | None = None
        self._listener, self._on_step = tell, on_step
        self.tell(modality_warning(scan, self.card.modality))
        network, self.device, self.precision = engine_of(model, device, precision, self.tell)
        self._repaint = _FirstPassOnce(network)
        self._grid = prepare(scan, self.card, self.settings, self.tell)

    def search(self, settings: RefineSettings) -> Search:
        """A finished search: a hundred passes."""
        with closing(self._steps(settings, None)) as steps:
            for step in steps:
                self._passed(step)
                if step.search is not None:
                    return step.search
        raise AssertionError("a search hands itself over with its last pass")

    def threshold(self, settings: RefineSettings, found: Search | None) -> tuple[float, int | None]:
        """What the rule gives, and at which point of the curve, if at one.

        The calibrated rule without a search takes one pass; a refinement after it takes that over.
        """
        if settings.threshold_rule == "manual":
            return settings.manual_threshold, None
        if settings.threshold_rule == "tangent":
            assert found is not None
            choice = found.curve.choose(settings.gamma, settings.y_limit)
            return choice.threshold, choice.index
        if found is not None and found.calibrated is not None:
            return found.calibrated, None
        self._repaint.begin()
        with closing(self._steps(settings, None)) as steps:
            return next(steps).threshold, None

    def refined(self, settings: RefineSettings, found: Search | None) -> tuple[int, Mask]:
        """How many passes the refinement took, and its mask in the scan's voxels, (X, Y, Z)."""
        self._repaint.begin()
        with closing(self._steps(settings, found)) as steps:
            for step in steps:
                self._passed(step)
        mask = self._grid.placement.mask_to_scan(step.mask) & self.scan.brain
        return step.number, mask

    def forget(self) -> None:
        """Let go of the first pass of another seed."""
        self._repaint.forget()

    def tell(self, note: str | None) -> None:
        """Say a note, and each only once, however many runs give it."""
        if note and note not in self.notes:
            self.notes.append(note)
            say(note, self._listener)

    def _steps(self, settings: RefineSettings, found: Search | None) -> Steps:
        grid = self._grid
        return refine(
            grid.image,
            grid.brain,
            grid.guide,
            self._repaint,
            settings,
            spacing=grid.placement.spacing,
            calibration=self.card.calibration,
            search=found or needs_search(settings),
            tell=self.tell,
        )

    def _passed(self, step: Step) -> None:
        if self._on_step:
            self._on_step(step)
        if self.stop and self.stop():
            raise Stopped


class _FirstPassOnce:
    """A network that repaints the first pass of a refinement once for all runs of a seed.

    They begin alike, the whole brain behind the same noise; the first to come in is held.
    """

    def __init__(self, reconstruct: Reconstruct) -> None:
        self._reconstruct = reconstruct
        self._held: tuple[Volume, Volume] | None = None
        self._first = False

    def begin(self) -> None:
        """The next pass is the first of a refinement."""
        self._first = True

    def forget(self) -> None:
        """Another seed, another noise."""
        self._held, self._first = None, False

    def __call__(self, masked: Volume, guide: Volume) -> Volume:
        first, self._first = self._first, False
        if first and self._held is not None and np.array_equal(self._held[0], masked):
            return self._held[1]
        repaint = self._reconstruct(masked, guide)
        if first:
            self._held = masked, np.array(repaint)
        return repaint
