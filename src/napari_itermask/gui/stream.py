"""How does what a run's thread gives reach the screen? The newest pass, at a steady rate.

One stream a viewer: it pumps the session on Qt's thread, and brings one layer a turn of the event
loop up to date, so that the window never waits for more than one.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer, Signal

from napari_itermask.figures.panel import grey_limits
from napari_itermask.gui.layers import KINDS, Canvas, Kind, Limits, limits_of, resolve
from napari_itermask.gui.placed.space import KEY, from_layer, metadata, placing, to_layer
from napari_itermask.gui.preferences import Preferences, on_change, preferences
from napari_itermask.gui.runs.archive import Archive
from napari_itermask.gui.session import Session
from napari_itermask.gui.where.orientation import orientation_of
from napari_itermask.models.store import look_also_in

A_TURN = 0.02
"""Seconds after which a turn of the event loop begins no further layer."""
DRAWING = 0.015
"""The share of the processor's cores that the window may take from a run."""
SLOWEST = 1.0
"""Seconds between two refreshes at most."""


def session_of(viewer: Any) -> Session:
    """The session of a viewer: one each, made on first use."""
    return stream_of(viewer).session


def session(viewer: Any) -> Session:
    """The session that a viewer's docks share, to drive the window from code.

    >>> session = napari_itermask.session(viewer)
    >>> session.open("flair.nii.gz")
    >>> session.start()

    ``open`` returns at once and ``start`` waits for it; see :class:`Session` for the rest.
    """
    return session_of(viewer)


def stream_of(viewer: Any) -> Stream:
    """The stream of a viewer: one each, made on first use."""
    key = hash(viewer)  # napari hands out the viewer and proxies of it: they hash alike
    if key not in _STREAMS:
        stream = _STREAMS[key] = Stream(viewer)
        stream.session.closed.connect(lambda: _STREAMS.pop(key, None))
    return _STREAMS[key]


class Stream(QObject):
    """Pumps a session, and shows its newest pass in the viewer's layers."""

    _woken = Signal()

    def __init__(self, viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        chosen = preferences()
        look_also_in(chosen.model_folder)
        self.viewer = viewer
        self.session = session or Session(
            Archive(), chosen.device, chosen.maps_budget, chosen.runs_budget
        )
        self.canvas = Canvas(viewer, chosen.error_style)
        self.rate = chosen.refresh_rate
        self.error_style = chosen.error_style
        self._limits: tuple[int, Limits] | None = None
        self._todo: list[Kind] = []
        self._scan_layer: Any = None
        self._last = self._spent = 0.0
        self._pumping = False
        self._tick = self._timer(self._refresh)
        self._turn = self._timer(self._bring_next)  # of interval 0: the next turn of the loop
        self._closing = self._timer(self._close_with_the_window)
        self._window: Any = None
        self._woken.connect(self._pump)  # queued where another thread emits it
        session = self.session
        session.on_wake(self._wake)
        session.read_painted = self._painted
        session.neighbours = lambda: list(viewer.layers)
        session.scan_changed.connect(self._on_scan)
        session.shown_changed.connect(self._draw)
        session.previewed.connect(self._draw_mask)
        session.run_changed.connect(self._on_run)
        session.state_changed.connect(self._on_state)
        self._stop_listening = on_change(self._on_preferences)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @property
    def scan_layer(self) -> Any | None:
        """The layer that shows the open scan, while it is in the viewer."""
        layer = self._scan_layer
        return layer if layer is not None and layer in self.viewer.layers else None

    @property
    def settled(self) -> bool:
        """Whether every layer shows what it should."""
        return not (self._todo or self._turn.isActive() or self._tick.isActive())

    def show_mask(self) -> None:
        """Turn the slider to where the mask is largest, in the plane that is shown."""
        layer = self.canvas.layer("mask")
        if layer is not None:
            show_fullest_slice(self.viewer, np.asarray(layer.data) > 0, layer)

    def watch(self, window: Any) -> None:
        """End the session when ``window``, the viewer's, is closed."""
        self._window = window
        window.installEventFilter(self)

    def eventFilter(self, _: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        """See the window go; when the user closes it, napari may ask, and the user refuse."""
        kind = event.type()
        if kind == QEvent.Type.DeferredDelete:
            self.close()
        elif kind == QEvent.Type.Close and event.spontaneous():
            self._closing.start()
        elif kind == QEvent.Type.Close:
            self.close()
        return False

    def _close_with_the_window(self) -> None:
        with suppress(RuntimeError):  # it is gone altogether, and DeferredDelete has told so
            if self._window is not None and not self._window.isVisible():
                self.close()

    def close(self) -> None:
        """End the session: its thread leaves after the pass that goes on."""
        self._tick.stop()
        self._turn.stop()
        self._stop_listening()
        self.canvas.forget()
        self._window = None
        _leave_the_collector(self, at_rest=True)
        # Who still holds the session (a dock, a notebook) must not hold the window through it.
        self.session.on_wake(lambda: None)
        self.session.read_painted = lambda: None
        self.session.neighbours = tuple
        self.session.close()

    def _timer(self, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(call)
        return timer

    def _wake(self) -> None:
        """From any thread; one signal waits at a time."""
        if not self._pumping:
            self._pumping = True
            self._woken.emit()

    def _pump(self) -> None:
        self._pumping = False
        self.session.pump()
        if self.session.newest is not None and not self._tick.isActive():
            left = self._interval() - (time.perf_counter() - self._last)
            self._tick.start(max(0, int(1000 * left)))

    def _interval(self) -> float:
        """Seconds from one refresh to the next: longer where drawing would slow the run down."""
        rate = self.rate if self.viewer.dims.ndisplay == 2 else self.rate / 2
        spent = time.thread_time() - self._spent  # by the window, since the last refresh
        affordable = spent / (DRAWING * (os.cpu_count() or 1))
        return max(1 / rate, min(affordable, SLOWEST))

    def _refresh(self) -> None:
        self._last, self._spent = time.perf_counter(), time.thread_time()
        self.session.refresh()

    def _draw(self) -> None:
        self._plan()
        self._todo = [kind for kind in reversed(KINDS) if self.canvas.wants(kind)]
        self._bring_next()

    def _draw_mask(self) -> None:
        self._plan()
        self.canvas.bring("mask")

    def _plan(self) -> None:
        session = self.session
        step, grid, opened = session.shown_step(), session.grid, session.opened
        if step is None or grid is None or opened is None:
            return
        serial = session.serial
        if self._limits is None or self._limits[0] != serial:
            first = session.passes.step(0) if session.passes else step
            self._limits = serial, limits_of(opened, grid, first, self.error_style)
            self.canvas.begin()
        last = session.position == session.passes_done - 1
        shown = resolve(
            opened,
            grid,
            step,
            serial=serial,
            number=session.number,
            seed=session.seed,
            limits=self._limits[1],
            search=session.search,
            preview=session.preview_index,
            run=session.run if last and not session.running else None,
            exact=session.newest is step or session.exact,
        )
        self.canvas.plan(shown, opened.view)

    def _bring_next(self) -> None:
        """Bring layers up to date; each turn of the loop redraws the window.

        While passes stream in, as many layers in one turn as it may take; one where they are new.
        """
        end = time.perf_counter() + A_TURN
        while self._todo:
            self.canvas.bring(self._todo.pop())
            if not self.canvas.flows or time.perf_counter() > end:
                break
        if self._todo:
            self._turn.start()

    def _on_scan(self, scan: Any) -> None:
        self.canvas.clear()
        self._limits = None
        opened = self.session.opened
        if scan is None or opened is None:
            return
        self._scan_layer = opened.layer
        facts = metadata(
            scan.affine, scan.image.shape, scan.header, view=opened.view, path=scan.path
        )
        if opened.layer is not None:  # its own metadata stay as they are
            orientation_of(self.viewer).know(opened.layer, facts[KEY])
            return
        place = placing(scan.affine, scan.image.shape, opened.view)
        self._scan_layer = self.viewer.add_image(
            to_layer(scan.image, scan.affine),
            name=scan.name,
            contrast_limits=grey_limits(scan),
            metadata=facts,
            **place,
        )
        show_fullest_slice(self.viewer, to_layer(scan.brain, scan.affine), self._scan_layer)

    def _on_run(self, run: Any) -> None:
        if run is None:
            self.canvas.forget()

    def _on_state(self, state: str) -> None:
        self.canvas.streams = state in ("running", "pausing")
        _leave_the_collector(self, at_rest=not self.canvas.streams)
        step = self.session.shown_step() if state in ("paused", "idle") else None
        self.canvas.lock(locked=step is None or step.phase == "search")

    def _painted(self) -> Any:
        painted, shown = self.canvas.painted(), self.canvas.mask_shown()
        grid = self.session.grid
        if painted is None or shown is None or grid is None:
            return None
        mask = np.ascontiguousarray(from_layer(painted, shown.affine, shown.shape))
        return grid.placement.mask_to_grid(mask) if shown.final else mask

    def _on_preferences(self, chosen: Preferences) -> None:
        look_also_in(chosen.model_folder)
        self.rate = chosen.refresh_rate
        self.error_style = chosen.error_style
        self.canvas.restyle(chosen.error_style)
        self._limits = None
        self.session.maps_budget = chosen.maps_budget
        self.session.runs_budget = chosen.runs_budget
        self._draw()


def show_fullest_slice(viewer: Any, mask: Any, layer: Any) -> None:
    """Turn the slider to where ``mask`` ``(S, A, R)`` of ``layer`` is largest (2-D only)."""
    if viewer.dims.ndisplay == 3 or not mask.any():
        return
    axis = int(viewer.dims.not_displayed[-1]) - (viewer.dims.ndim - 3)
    point = [(n - 1) / 2 for n in mask.shape]
    point[axis] = int(np.argmax(mask.sum(axis=tuple({0, 1, 2} - {axis}))))
    world = layer.data_to_world(point)
    viewer.dims.set_point(viewer.dims.not_displayed[-1], float(world[axis]))


def _leave_the_collector(stream: Stream, *, at_rest: bool) -> None:
    """While a run streams, have Python's collector pass over what was there before it.

    napari holds half a million objects: to look through them all stops every thread for a quarter
    of a second.
    """
    busy = bool(_STREAMING)
    (_STREAMING.discard if at_rest else _STREAMING.add)(hash(stream))
    if _STREAMING and not busy:
        gc.freeze()
    elif busy and not _STREAMING:
        gc.unfreeze()


_STREAMING: set[int] = set()
_STREAMS: dict[int, Stream] = {}
