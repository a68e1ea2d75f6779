"""What is the story of the voxel that was picked? Told from what is kept at once, the rest later.

Where maps of passes were not kept, the passes are made again in a thread of their own: once for all
voxels of the run. Meanwhile other voxels are told with what is known of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.inspect.gone import when_gone
from napari_itermask.gui.inspect.voxels import Voxel
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.newest import Newest

if TYPE_CHECKING:
    from napari_itermask.inspection.story import Story
    from napari_itermask.result import Run
    from napari_itermask.scans.intensity import Mask

Passes = Literal["refinement", "all"]
"""Of which passes errors are to be known."""


class Region:
    """A drawn region; ``read`` gives its mask ``(X, Y, Z)`` in the scan's voxels, in the thread."""

    def __init__(self, name: str, read: Callable[[], Mask]) -> None:
        self.name = name
        self._read = read
        self._mask: Mask | None = None

    @property
    def mask(self) -> Mask:
        """Its voxels."""
        if self._mask is None:
            self._mask = self._read()
        return self._mask


What = Voxel | Region


class StoryMaker(QObject):
    """Tells the story of what was wanted last.

    Parameters
    ----------
    parent
        With its end the threads end, after the pass that goes on.
    """

    told = Signal(object, object)  # what was wanted, and its Story; again once more is known
    failed = Signal(object)  # what was raised
    replaying = Signal(
        int, int
    )  # passes made again, and how many are to be made; equal: it is over
    _progressed = Signal(object, int, int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._telling = Newest(Aside("itermask-story", self), self)
        self._making = Aside("itermask-replay", self)
        self._run: Run | None = None
        self._what: What | None = None
        self._story: Story | None = None
        self._stop: threading.Event | None = None
        self._given_up = False  # the person stopped it, or it leaves some errors unknown
        self._progressed.connect(self._on_pass)
        self._stops: list[threading.Event] = []
        when_gone(self, partial(_stop_all, self._stops))

    @property
    def busy(self) -> bool:
        """Whether a story is being told, or passes are being made again."""
        return self._telling.busy or self.at_work

    @property
    def at_work(self) -> bool:
        """Whether passes are being made again."""
        return self._stop is not None

    @property
    def lacking(self) -> bool:
        """Whether errors of the last story's refinement are not known."""
        return self._story is not None and not self._story.complete

    @property
    def lacking_any(self) -> bool:
        """Whether errors of any pass of the last story are not known."""
        import numpy as np

        return self._story is not None and not bool(np.isfinite(self._story.error).all())

    def begin(self, run: Run | None) -> None:
        """From now on stories are told of this run."""
        if run is not self._run:
            if self.at_work:
                self.stop()
                self._stop = None  # what it still brings is of a run that nobody asks about
                self.replaying.emit(1, 1)
            self._telling.drop()
            self._run, self._what, self._story, self._given_up = run, None, None, False

    def want(self, what: What) -> None:
        """Tell of a voxel ``(i, j, k)`` of the scan, or of a region."""
        self._what = what
        self._tell()

    def replay(self, passes: Passes = "refinement") -> None:
        """Make passes again whose errors were not kept, off the window's thread."""
        run, what = self._run, self._what
        if run is None or what is None or self.at_work:
            return
        stop = self._stop = threading.Event()
        self._stops[:] = [stop]
        self._given_up = True  # it is not begun again by itself, whatever comes of it
        self.replaying.emit(0, 1)
        self._making.do(
            partial(_tell, run, what, passes, stop.is_set, partial(self._note, run)),
            partial(self._on_made, run, stop, what),
            partial(self._on_failed, stop),
        )

    def stop(self) -> None:
        """End that after the pass that goes on."""
        if self._stop is not None:
            self._stop.set()

    # Private ----------------------------------------------------------------------------------

    def _tell(self) -> None:
        run, what = self._run, self._what
        if run is not None and what is not None:
            self._telling.ask(
                partial(_tell, run, what, "nothing"),
                partial(self._on_told, run, what),
                self.failed.emit,
            )

    def _note(self, run: Run, done: int, whole: int) -> None:
        """In the thread: Qt hands the signal over."""
        self._progressed.emit(run, done, whole)

    def _on_pass(self, run: Run, done: int, whole: int) -> None:
        if run is self._run and self.at_work:
            self.replaying.emit(done, max(whole, done + 1))
            self._tell()

    def _on_told(self, run: Run, what: What, story: Story) -> None:
        if run is not self._run or what is not self._what:
            return
        self._story = story
        self.told.emit(what, story)
        if not (story.complete or self._given_up or story.outcome == "outside"):
            self.replay()

    def _on_made(self, run: Run, stop: threading.Event, what: What, story: Story) -> None:
        if stop is not self._stop:
            return
        self._stop = None
        self.replaying.emit(1, 1)
        if run is not self._run:
            return
        if what is self._what:
            self._on_told(run, what, story)
        else:
            self._tell()

    def _on_failed(self, stop: threading.Event, error: BaseException) -> None:
        if stop is self._stop:
            self._stop = None
            self.replaying.emit(1, 1)
            self.failed.emit(error)


def _stop_all(stops: list[threading.Event]) -> None:
    for stop in stops:
        stop.set()


def _tell(run: Run, what: What, replay: Any, stop: Any = None, on_pass: Any = None) -> Story:
    from napari_itermask.inspection.story import region_story, story

    if isinstance(what, Region):
        return region_story(run, what.mask, replay=replay, stop=stop, on_pass=on_pass)
    return story(run, what, replay=replay, stop=stop, on_pass=on_pass)
