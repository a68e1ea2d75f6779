"""The run that goes on, on the session's thread: pass after pass, gate after gate, to a Run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_itermask.gui.shelf import SERIAL
from napari_itermask.gui.trouble import PassFailed
from napari_itermask.gui.worker import Gate, StopAsked

if TYPE_CHECKING:
    from napari_itermask.method.settings import RefineSettings
    from napari_itermask.method.steps import Step
    from napari_itermask.models.store import Model
    from napari_itermask.recorder import Recorder
    from napari_itermask.result import Run
    from napari_itermask.scans.intensity import Mask
    from napari_itermask.scans.scan import Scan

Event = Literal["prepared", "passed", "waits", "finishing"]


@dataclass(frozen=True, eq=False)
class Order:
    """What a run was asked to do.

    ``lender`` is a finished run whose search is taken over; ``start`` a mask that was painted, on
    the grid, where the refinement begins; ``within``, in the scan's voxels, where it must stay.
    """

    model: Model
    settings: RefineSettings
    device: str
    lender: Run | None
    start: Mask | None
    within: Mask | None
    maps_budget: int
    spill: Path | None


@dataclass
class Going:
    """A run that goes on: its number, its gate, and what its thread hands over.

    ``newest`` is overwritten by each pass: whoever looks sees the newest, and no queue of volumes
    ever grows.
    """

    number: int
    order: Order
    gate: Gate
    post: Callable[[Callable[[], None]], None]
    heard: Callable[[Going, Event], None]
    recorder: Recorder | None = None
    newest: Step | None = None
    told: list[str] = field(default_factory=list)
    busy: str = ""
    serial: int = field(default_factory=lambda: next(SERIAL))

    def work(self, wanted: Callable[[], Scan | None]) -> Run | None:
        """Run to the end or until stopped; None if it ended before its first pass.

        Raises
        ------
        PassFailed
            If a pass raised; the passes before it stand in ``recorder``.
        """
        from napari_itermask.run import Recorder
        from napari_itermask.scans.grid import place

        order, scan = self.order, wanted()
        if scan is None:
            return None
        within = order.within
        if within is not None:
            placement = place(scan.brain, scan.affine, order.model.card.grid)
            within = placement.mask_to_grid(within)
        self.recorder = Recorder(
            scan,
            order.model,
            order.settings,
            order.device,
            after=order.lender,
            start=order.start,
            within=within,
            masks_on="grid",
            maps_budget=order.maps_budget,
            spill=order.spill,
            tell=self.told.append,
        )
        self._say("prepared")
        try:
            self._pass_after_pass(self.recorder)
        except StopAsked:
            pass
        except Exception as error:
            raise PassFailed(len(self.recorder.passes) + 1, self.recorder.device, error) from error
        if self.recorder.last is None:
            return None
        self._say("finishing")
        return self.recorder.finish()

    def _pass_after_pass(self, recorder: Recorder) -> None:
        steps = recorder.steps()
        try:
            self.gate.enter()
            self.newest = next(steps, None)
            while self.newest is not None:
                self._say("passed")
                sent = self.gate.enter(lambda: self._say("waits"))
                self.newest = steps.send(sent)
        except StopIteration:
            pass
        finally:
            steps.close()

    def _say(self, event: Event) -> None:
        self.post(lambda: self.heard(self, event))
