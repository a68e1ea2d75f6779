"""What do the docks of one viewer share? A scan, a model, settings, the run that goes on, the runs.

Free of Qt and of napari: docks, a console, a notebook and tests drive it alike. Long work goes on
in a thread of its own; everything here is called, and every signal emitted, on the thread that
calls :meth:`Session.pump` (in a window: Qt's).
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from psygnal import Signal

from napari_itermask.gui.going import Event, Going, Order
from napari_itermask.gui.opening import Opened, Request, open_scan
from napari_itermask.gui.runs.restoring import Restored, restore, restore_folder
from napari_itermask.gui.shelf import RunEntry, Shelf
from napari_itermask.gui.trouble import Trouble, explain
from napari_itermask.gui.worker import Gate, Inbox, Lane, StopAsked
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.store import Model, ModelError, load_model
from napari_itermask.record import RECORD, RunError
from napari_itermask.run import model_of

if TYPE_CHECKING:
    from napari_itermask.gui.runs.archive import Archive
    from napari_itermask.method.steps import Search, Step
    from napari_itermask.passes import Passes
    from napari_itermask.prepare import OnGrid
    from napari_itermask.record import PassRecord
    from napari_itermask.run import Run
    from napari_itermask.scans.intensity import Mask
    from napari_itermask.scans.scan import Scan
    from napari_itermask.sweeps import SweepPoint

State = Literal["idle", "running", "pausing", "paused", "stopping", "finishing"]
"""Of the run: "pausing" and "stopping" until the pass that goes on is through."""


class Session:
    """One viewer's work: open a scan, choose a model and settings, run, look, tune, keep.

    Parameters
    ----------
    archive
        Where finished runs are kept as they finish; None: nowhere.
    device
        Where passes run: "auto", "cpu", "cuda", ...
    maps_budget, runs_budget
        Bytes of memory for the maps of a run's passes, and for finished runs; what is beyond lies
        on disk.

    Examples
    --------
    >>> import napari_itermask as itm
    >>> session = itm.session(viewer)
    >>> session.open("flair.nii.gz")
    >>> session.start()
    >>> session.wait()
    >>> session.run.mask_ml
    """

    scan_changed = Signal(object)  # Scan | None
    model_changed = Signal(object)  # ModelCard
    settings_changed = Signal(object)  # RefineSettings
    state_changed = Signal(str)  # State
    busy_changed = Signal(str)  # what is being opened, prepared or stripped; "" when nothing is
    stepped = Signal()  # a new pass: read .passes_done, .newest, .thresholds, .seconds_left
    shown_changed = Signal()  # another pass is shown: read .position, .shown_step()
    previewed = Signal(object)  # index on the search's curve whose mask is shown, or None
    searched = Signal()  # .search is there, or gone
    run_changed = Signal(object)  # Run | None: another finished run is the current one
    runs_changed = Signal()
    swept = Signal(object)  # SweepPoint; None: the sweep is over
    troubled = Signal(object)  # Trouble: what went wrong, and what can be done
    told = Signal(str)  # a sentence worth knowing, no error
    closed = Signal()

    def __init__(
        self,
        archive: Archive | None = None,
        device: str = "auto",
        maps_budget: int = 512 << 20,
        runs_budget: int = 1024 << 20,
    ) -> None:
        self.device = device
        self.maps_budget = maps_budget
        self.truth: Mask | None = None  # (X, Y, Z) in the scan's voxels
        self.within: Mask | None = None  # (X, Y, Z) in the scan's voxels
        self.read_painted: Callable[[], Mask | None] = lambda: None  # on the grid; the window's
        self.trouble: Trouble | None = None
        self.opened: Opened | None = None
        self.neighbours: Callable[[], Iterable[Any]] = tuple  # other layers of the viewer
        self._inbox = Inbox()
        self._engine = Lane("itermask-engine", self._inbox)
        self._keeper = Lane("itermask-keeper", self._inbox)
        self._shelf = Shelf(archive, runs_budget, self._keeper, self.runs_changed.emit, self._say)
        self._settings: RefineSettings | None = None
        self._model: Model | None = None
        self._state: State = "idle"
        self._busies: list[str] = []
        self._going: Going | None = None
        self._seen = -1
        self._position: int | None = None
        self._preview: int | None = None
        self._counter = 0
        self._sweeping: Gate | None = None
        self._then: Callable[[], None] | None = None  # what follows once the run has ended
        self._opening: Request | None = None
        self._closed = False
        _SESSIONS.add(self)

    # What is worked on ------------------------------------------------------------------------

    @property
    def scan(self) -> Scan | None:
        """The open scan."""
        return self.opened.scan if self.opened else None

    @property
    def model(self) -> Model:
        """The chosen model; the embedded FLAIR model until another is chosen."""
        if self._model is None:
            self._model = load_model("flair-2mm")
        return self._model

    @property
    def settings(self) -> RefineSettings:
        """The settings that the next pass takes; the card's until they are set."""
        return self._settings or self.model.card.settings

    @settings.setter
    def settings(self, settings: RefineSettings) -> None:
        if settings == self.settings:
            return
        self._settings = settings
        if self._going is not None:
            self._going.gate.send(settings)
        self.settings_changed.emit(settings)

    def open(
        self,
        source: Any,
        brain_mask: Any = None,
        strip: str | None = None,
        spacing: Sequence[float] | None = None,
    ) -> None:
        """Open a file, a layer or a scan in memory; returns at once, :attr:`scan_changed` follows.

        Parameters
        ----------
        source
            A path, or an Image layer of any reader; or a Scan, which keeps its own brain mask, or
            an Opened, which also says how it lies in the window and what its truth is.
        brain_mask
            A path or a layer; None: the scan is taken as stripped and its brain is found.
        strip
            A skull-stripper's name ("hd-bet"), for a scan with its skull.
        spacing
            In mm along the axes of a layer that carries no spacing.
        """
        self.stop()
        self.cancel_opening()
        self.trouble = None
        request = Request.of(source, brain_mask, strip, spacing, self.neighbours())
        self._opening = request
        doing = f"stripping {request.name} ({strip})" if strip else f"opening {request.name}"
        busy = self._begin_busy(doing)
        self._engine.submit(
            partial(open_scan, request),
            partial(self._on_opened, request, busy),
            partial(self._on_not_opened, busy, request),
        )

    def warm_up(self) -> None:
        """Import torch and read the model in the thread, so that the first run begins at once."""
        if not self._engine.idle:
            return
        model, device = self.model, self.device
        busy = self._begin_busy("getting ready")
        self._engine.submit(
            lambda: model.reconstructor(device) and None,
            lambda _: self._end_busy(busy),
            partial(self._on_not_opened, busy, None),
        )

    def cancel_opening(self) -> None:
        """Leave an opening or a skull-stripping that goes on; the scan before it stays."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def choose_model(self, model: Model | str | os.PathLike[str], **of_checkpoint: Any) -> None:
        """Choose a model, or its name, folder or checkpoint; the settings become its card's.

        Raises
        ------
        ModelError
            If there is no such model; the one before it stays.
        """
        if not isinstance(model, Model):
            model = load_model(model, **of_checkpoint)
        self.stop()
        self._model, self._settings = model, None
        self.model_changed.emit(model.card)
        self.settings_changed.emit(self.settings)

    # The run ----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the run stands."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether a run goes on, be it paused."""
        return self._state != "idle"

    @property
    def busy(self) -> str:
        """What is being opened, prepared or stripped; "" when nothing is."""
        return self._busies[-1] if self._busies else ""

    @property
    def sweeping(self) -> bool:
        """Whether a sweep goes on."""
        return self._sweeping is not None

    @property
    def keeping(self) -> bool:
        """Whether a finished run is still being written to the archive."""
        return not self._keeper.idle

    def start(self, *, fresh: bool = False) -> None:
        """Run, or go on where the run waits. After :meth:`open` it waits for the scan.

        A finished run of the same scan lends its search where that still holds, so that only the
        refinement is made (a few passes); ``fresh`` makes a new search all the same. A mask that
        was painted is where the refinement starts.
        """
        if self._going is not None:
            if self._state == "paused" and self.read_painted() is not None:
                self._begin_painted(Gate(), "running")
            else:
                self._resume(Gate.run, "running")
            return
        self._begin(Gate(), "running", fresh)

    def step(self) -> None:
        """One pass further: the next that is kept where an earlier one is shown, else a new one."""
        if self._position is not None and self._position < self.passes_done - 1:
            self.show(self._position + 1)
        elif self._going is not None and self.read_painted() is None:
            self._resume(Gate.step, "pausing")
        else:
            gate = Gate()
            gate.step()
            if self._going is not None:
                self._begin_painted(gate, "pausing")
            else:
                self._begin(gate, "pausing", fresh=False)

    def pause(self) -> None:
        """Wait after the pass that goes on."""
        if self._going is not None and self._state == "running":
            self._going.gate.pause()
            self._set_state("pausing")

    def back(self) -> None:
        """Show the pass before the one that is shown; a run that goes on waits meanwhile."""
        self.pause()
        here = self.position
        if here > 0:
            self.show(here - 1)

    def stop(self) -> None:
        """End the run after the pass that goes on; what it has so far is kept as a run."""
        if self._sweeping is not None:
            self._sweeping.stop()
        if self._going is not None and self._state != "stopping":
            self._going.gate.stop()
            self._set_state("stopping")

    def tune(self, **changes: Any) -> None:
        """Change settings; a finished run is refined again at once where its search still holds."""
        self.settings = self.settings.replace(**changes)
        if self._going is None and self.run is not None and self._lends_search(self.run):
            self.start()

    # What is shown ----------------------------------------------------------------------------

    @property
    def passes(self) -> Passes | None:
        """The passes of the run that goes on, else of the current finished one."""
        if self._going is not None:
            return self._going.recorder.kept if self._going.recorder else None
        return self.run.passes if self.run else None

    @property
    def grid(self) -> OnGrid | None:
        """The scan as the network sees it, of the run that goes on or of the current one."""
        if self._going is not None:
            return self._going.recorder.on_grid if self._going.recorder else None
        return self.run.on_grid if self.run else None

    @property
    def number(self) -> int:
        """The number of the run that goes on, else of the current one; 0 without a run."""
        if self._going is not None:
            return self._going.number
        return self._shelf.current.number if self._shelf.current else 0

    @property
    def serial(self) -> int:
        """As :attr:`number`, but no two runs of one process share it."""
        if self._going is not None:
            return self._going.serial
        return self._shelf.current.serial if self._shelf.current else 0

    @property
    def seed(self) -> int:
        """The seed that the shown run's noise is drawn from."""
        if self._going is not None and self._going.recorder is not None:
            return self._going.recorder.settings.seed
        return self.run.settings.seed if self.run else self.settings.seed

    @property
    def records(self) -> Sequence[PassRecord]:
        """The numbers of each pass so far."""
        if self._going is not None:
            return self._going.recorder.passes if self._going.recorder else ()
        return self.run.record.passes if self.run else ()

    @property
    def passes_done(self) -> int:
        """How many passes there are to look at."""
        return len(self.passes) if self.passes is not None else 0

    @property
    def newest(self) -> Step | None:
        """The newest Step of the run that goes on."""
        return self._going.newest if self._going else None

    @property
    def thresholds(self) -> list[float]:
        """The search's thresholds so far, at most a hundred."""
        return [p.threshold for p in self.records if p.phase == "search"]

    @property
    def search(self) -> Search | None:
        """The finished search of the run that goes on or of the current one."""
        if self._going is not None:
            return self._going.recorder.found if self._going.recorder else None
        return self.run.search if self.run else None

    @property
    def seconds_left(self) -> float | None:
        """An estimate for the run that goes on; None before it can be made."""
        records = self.records
        if self._going is None or not records:
            return None
        recent = records[-10:]
        expected = EXPECTED_PASSES - len(records)
        return max(1, expected) * sum(p.seconds for p in recent) / len(recent)

    @property
    def position(self) -> int:
        """The pass that is shown, from 0; -1 before the first."""
        newest = self.passes_done - 1
        return newest if self._position is None else min(self._position, newest)

    @property
    def follows(self) -> bool:
        """Whether the newest pass is shown, whichever that is."""
        return self._position is None

    def show(self, position: int | None) -> None:
        """Show one pass of the run, or with None the newest, from now on."""
        newest = self.passes_done - 1
        self._position = None if position is None or position >= newest else max(0, position)
        self._preview = None
        self.shown_changed.emit()

    def shown_step(self) -> Step | None:
        """The Step that is shown, rebuilt from what is kept; None before the first pass."""
        passes = self.passes
        if self.follows and self.newest is not None:
            return self.newest
        if passes is None or len(passes) == 0:
            return None
        return passes.step(self.position)

    @property
    def exact(self) -> bool:
        """Whether the shown pass's own reconstruction and error were kept, not a neighbour's."""
        passes = self.passes
        return passes is not None and self.position >= 0 and passes.has_maps(self.position)

    @property
    def preview_index(self) -> int | None:
        """The point of the search's curve whose mask is shown instead of a pass."""
        return self._preview

    def preview(self, threshold: float | None) -> None:
        """Show at once the search's mask at ``threshold``; None: back to the pass."""
        search = self.search
        index = None
        if threshold is not None and search is not None:
            index = int(np.argmin(np.abs(np.asarray(search.thresholds) - threshold)))
        if index != self._preview:
            self._preview = index
            self.previewed.emit(index)

    # Runs -------------------------------------------------------------------------------------

    @property
    def runs_budget(self) -> int:
        """Bytes of memory that finished runs may take."""
        return self._shelf.budget

    @runs_budget.setter
    def runs_budget(self, budget: int) -> None:
        self._shelf.budget = budget

    @property
    def archive(self) -> Archive | None:
        """Where finished runs are kept."""
        return self._shelf.archive

    @property
    def runs(self) -> list[RunEntry]:
        """The finished runs, the newest first."""
        return self._shelf.entries

    @property
    def run(self) -> Run | None:
        """The finished run that is looked at."""
        return self._shelf.run

    def select(self, entry: RunEntry) -> None:
        """Look at a finished run, with its scan, its model and its settings.

        One that lies on disk is read first, and its scan is opened where another one is.
        """
        self.stop()
        if entry.run is not None and entry.run.scan is self.scan:
            self._look_at(entry)
            return
        archive, where, opened = self.archive, entry.kept, self.opened
        if archive is None or where is None:
            self._say(Trouble("file", f"{entry.name} was refined from another scan: open that."))
            return
        busy = self._begin_busy(f"reading {entry.name}")
        self._engine.submit(
            partial(restore, archive, where, opened),
            partial(self._on_restored, entry, busy),
            partial(self._on_not_opened, busy, None),
        )

    def open_run(self, folder: str | os.PathLike[str]) -> None:
        """Look at a saved run: its scan is opened, the run joins :attr:`runs`; returns at once."""
        self.stop()
        self.cancel_opening()
        path, opened = Path(folder), self.opened
        busy = self._begin_busy(f"reading {path.name}")
        self._engine.submit(
            partial(restore_folder, path, opened),
            partial(self._on_run_opened, path, busy),
            partial(self._on_not_opened, busy, None),
        )

    def rename(self, entry: RunEntry, name: str) -> None:
        """Give a run another name, here and on disk."""
        self._shelf.rename(entry, name)
        self.runs_changed.emit()

    def delete(self, entry: RunEntry) -> None:
        """Delete a run, here and on disk; only ever on request."""
        if self._shelf.delete(entry):
            self._look_at(None)
        self.runs_changed.emit()

    def sweep(self, gammas: Sequence[float]) -> None:
        """Refine the current run again for each gamma; :attr:`swept` gives point after point."""
        run, truth = self.run, self.truth
        if run is None or self._sweeping is not None or self._going is not None:
            return
        gate = self._sweeping = Gate()

        def work() -> None:
            from napari_itermask.sweeps import sweep_points

            points = sweep_points(run, gammas, truth, on_step=lambda _: gate.enter())
            with suppress(StopAsked), closing(points):
                for point in points:
                    self._inbox.post(partial(self._on_swept, point))

        self._engine.submit(work, lambda _: self._end_sweep(), self._on_sweep_failed)

    # The thread's side ------------------------------------------------------------------------

    def pump(self) -> None:
        """Take what the threads have to say; the window calls it when :attr:`wake` was called."""
        self._inbox.drain()

    def refresh(self) -> bool:
        """Emit :attr:`stepped` if there is a newer pass; the window calls it at its steady rate."""
        newest = self.newest
        if newest is None or newest.index == self._seen:
            return False
        found_now = newest.phase == "refine" and self._seen < newest.index - newest.number + 1
        self._seen = newest.index
        self.stepped.emit()
        if found_now:
            self.searched.emit()
        if self.follows:
            self.shown_changed.emit()
        return True

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, whenever :meth:`pump` has something to do."""
        self._inbox.wake = wake

    def wait(self, timeout: float = 600.0, *, kept: bool = True) -> None:
        """Pump until nothing goes on: for scripts and tests; a window never needs it.

        Raises
        ------
        TimeoutError
            If something still goes on after ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        while not (self._engine.idle and (self._keeper.idle or not kept)):
            if self._state == "paused":
                self.pump()
                self.refresh()
                return
            if time.monotonic() > end:
                raise TimeoutError(f"still {self.busy or self.state} after {timeout:g} s.")
            self.pump()
            self.refresh()
            time.sleep(0.002)
        self.pump()

    def close(self) -> None:
        """End everything; called when the viewer closes and when Python leaves."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        self.cancel_opening()
        for lane in (self._engine, self._keeper):
            lane.close()
        with suppress(Exception):
            self.pump()
        self._shelf.close()
        self.closed.emit()

    # Private ----------------------------------------------------------------------------------

    def _lends_search(self, run: Run) -> bool:
        from napari_itermask.lending import search_problem

        scan = self.scan
        if scan is None or self._opening is not None:  # the run will be one of another scan
            return False
        return not search_problem(run, scan, self.model, self.settings)

    def _begin_painted(self, gate: Gate, state: State) -> None:
        """End the run that waits, and begin one from the mask that was painted over its pass."""
        painted = self.read_painted()
        self._then = partial(self._begin, gate, state, fresh=False, painted=painted)
        self.stop()

    def _begin(self, gate: Gate, state: State, fresh: bool, painted: Mask | None = None) -> None:
        if self.opened is None and self._opening is None:
            self._say(Trouble("scan", "there is no scan to refine: open one, or pick a layer."))
            return
        request, opened = self._opening, self.opened

        def scan() -> Scan | None:  # asked for when its turn comes: it may be opening now
            found = opened if request is None else request.opened
            return found.scan if found else None

        order = Order(
            model=self.model,
            settings=self.settings,
            device=self.device,
            lender=self.run if not fresh and self.run and self._lends_search(self.run) else None,
            start=self.read_painted() if painted is None else painted,
            within=self.within,
            maps_budget=self.maps_budget,
            spill=self.archive.spill_folder() if self.archive else None,
        )
        self._counter += 1
        going = Going(self._counter, order, gate, self._inbox.post, self._on_event)
        self._going = going
        self._seen, self._position, self._preview = -1, None, None
        self._set_state(state)
        going.busy = self._begin_busy("preparing")
        self._engine.submit(
            lambda: going.work(scan),
            partial(self._on_finished, going),
            partial(self._on_failed, going),
        )

    def _on_opened(self, request: Request, busy: str, opened: Opened) -> None:
        self._end_busy(busy)
        if request is not self._opening:  # cancelled, or another was asked for meanwhile
            return
        self._opening = None
        self.opened = opened
        self.truth, self.within = opened.truth, None
        self._look_at(None)
        for note in opened.scan.notes:
            self.told.emit(note)
        self.scan_changed.emit(opened.scan)

    def _on_not_opened(self, busy: str, request: Request | None, error: BaseException) -> None:
        self._end_busy(busy)
        if request is self._opening:
            self._opening = None
        if not isinstance(error, StopAsked):
            self._say(explain(error))

    def _on_event(self, going: Going, event: Event) -> None:
        if going is not self._going:
            return
        if event == "prepared":
            self._end_busy(going.busy)
        elif event == "finishing":
            self._set_state("finishing")
        elif event == "waits" and self._state == "pausing" and going.gate.waiting:
            self._set_state("paused")
            self.refresh()

    def _on_finished(self, going: Going, run: Run | None) -> None:
        self.refresh()
        self._leave(going)
        if run is None:
            return
        self._shelve(going, f"run {going.number}", run)
        if self._then is not None:
            then, self._then = self._then, None
            then()

    def _on_failed(self, going: Going, error: BaseException) -> None:
        self._then = None
        self._leave(going)
        self._say(explain(error))
        if going.recorder is not None and going.recorder.last is not None:
            self._engine.submit(  # what was reached is not lost
                going.recorder.finish,
                partial(self._shelve, going, f"run {going.number}, until it failed"),
                lambda error: self._say(explain(error)),
            )

    def _shelve(self, going: Going, name: str, run: Run) -> None:
        entry = RunEntry(going.number, name, run, serial=going.serial)
        self._shelf.add(entry)
        self._look_at(entry)
        self.runs_changed.emit()

    def _look_at(self, entry: RunEntry | None) -> None:
        self._shelf.look_at(entry)
        self._position = self._preview = None
        self.run_changed.emit(self.run)
        self.searched.emit()
        self.shown_changed.emit()

    def _leave(self, going: Going) -> None:
        self._end_busy(going.busy)
        for note in going.told:
            self.told.emit(note)
        self._going = None
        self._set_state("idle")

    def _on_restored(self, entry: RunEntry, busy: str, restored: Restored) -> None:
        self._end_busy(busy)
        if restored.opened is not self.opened:
            self.opened = restored.opened
            self.truth = self.within = None
            self.scan_changed.emit(self.scan)
        entry.run = restored.run
        self._take_over(restored.run)
        self._look_at(entry)
        self.runs_changed.emit()

    def _on_run_opened(self, path: Path, busy: str, restored: Restored) -> None:
        folder = path.parent if path.name == RECORD else path
        entry = RunEntry(0, folder.name, source=folder)
        self._shelf.entries.insert(0, entry)
        self._on_restored(entry, busy, restored)

    def _take_over(self, run: Run) -> None:
        """Model and settings of a run that came back; a model that is gone is left as it was."""
        if run.record.card.name != self.model.card.name:
            try:
                self._model = model_of(run.record)
            except (ModelError, RunError) as error:
                self._say(explain(error))
                return
            self.model_changed.emit(self.model.card)
        self.settings = run.settings

    def _on_swept(self, point: SweepPoint) -> None:
        self.swept.emit(point)

    def _end_sweep(self) -> None:
        self._sweeping = None
        self.swept.emit(None)

    def _on_sweep_failed(self, error: BaseException) -> None:
        self._end_sweep()
        self._say(explain(error))

    def _resume(self, how: Callable[[Gate], None], state: State) -> None:
        assert self._going is not None
        if self._state in ("running", "stopping", "finishing"):
            return
        self._position = self._preview = None
        self._set_state(state)
        how(self._going.gate)

    def _say(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.troubled.emit(trouble)

    def _set_state(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def _begin_busy(self, what: str) -> str:
        self._set_busies([*self._busies, what])
        return what

    def _end_busy(self, what: str) -> None:
        if what in self._busies:
            at = self._busies.index(what)
            self._set_busies(self._busies[:at] + self._busies[at + 1 :])

    def _set_busies(self, busies: list[str]) -> None:
        before, self._busies = self.busy, busies
        if self.busy != before:
            self.busy_changed.emit(self.busy)


EXPECTED_PASSES = 106
"""Of a whole run: a hundred of the search, and what refinements took in the median of the cases."""

_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for session in list(_SESSIONS):
        session.close()
