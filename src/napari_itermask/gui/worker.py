"""How does long work run beside the window: one thread, one gate between passes, one inbox back?

Free of Qt. napari's own workers are not used here: they lose a RuntimeError (which is what torch
raises), queue every yield without bound, and leave a generator's ``finally`` to the collector.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from napari_itermask.method.settings import RefineSettings

T = TypeVar("T")
NICENESS = 10


class StopAsked(Exception):  # noqa: N818 - no error: the user pressed Stop
    """Raised between two passes to whoever waits at the gate."""


class Inbox:
    """What other threads have to say, until the window's own thread takes it.

    ``wake`` is called, on the thread that posted, whenever something waits; the window sets it.
    """

    def __init__(self) -> None:
        self.wake: Callable[[], None] = _nothing
        self._calls: deque[Callable[[], None]] = deque()

    def post(self, call: Callable[[], None]) -> None:
        """Leave a call for the window's thread."""
        self._calls.append(call)
        self.wake()

    def drain(self) -> None:
        """Do what was posted, in order."""
        while self._calls:
            self._calls.popleft()()


class Lane:
    """A thread that does one job after another and posts each outcome to an inbox."""

    def __init__(self, name: str, inbox: Inbox) -> None:
        self._name, self._inbox = name, inbox
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting = 0
        self._closed = False
        _LANES.add(self)

    @property
    def idle(self) -> bool:
        """Whether every job is done and its outcome was taken from the inbox."""
        return self._waiting == 0

    def submit(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Do ``work`` after what waits already; ``done`` or ``failed`` then comes by the inbox."""
        if self._closed:
            return

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whatever it was, the window must hear
                outcome: Callable[[], None] = _call(failed, error)
            else:
                outcome = _call(done, result)
            self._inbox.post(lambda: self._deliver(outcome))

        self._waiting += 1
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()

    def close(self, timeout: float = 60.0) -> None:
        """Take no more jobs, and wait for the one that goes on."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join(timeout)

    def _serve(self) -> None:
        _stand_back()
        while (job := self._jobs.get()) is not None:
            if not self._closed:
                job()
            del job  # the closure holds volumes

    def _deliver(self, outcome: Callable[[], None]) -> None:
        self._waiting -= 1
        outcome()


def _stand_back() -> None:
    """Let the window's thread go first where both want the processor.

    Linux alone gives each thread a niceness of its own; torch's threads inherit it.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class Gate:
    """Between two passes: go on, wait, one pass further, or leave. Also carries new settings."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._passes: float = float("inf")
        self._stopped = False
        self._settings: RefineSettings | None = None
        self.waiting = False

    def run(self) -> None:
        """Go on without a stop."""
        self._set(passes=float("inf"))

    def pause(self) -> None:
        """Wait after the pass that goes on."""
        self._set(passes=0)

    def step(self) -> None:
        """Go one pass further, then wait."""
        self._set(passes=1)

    def stop(self) -> None:
        """Leave after the pass that goes on, or at once where it waits."""
        self._set(stopped=True)

    def send(self, settings: RefineSettings) -> None:
        """Give the newest whole settings to the next pass."""
        with self._change:
            self._settings = settings

    def enter(self, on_wait: Callable[[], None] = lambda: None) -> RefineSettings | None:
        """Called by the worker before each pass; blocks while paused. Returns new settings, if any.

        Raises
        ------
        StopAsked
            If the run is to end.
        """
        with self._change:
            if self._passes <= 0 and not self._stopped:
                self.waiting = True
                on_wait()
                self._change.wait_for(lambda: self._passes > 0 or self._stopped)
                self.waiting = False
            if self._stopped:
                raise StopAsked
            self._passes -= 1
            sent, self._settings = self._settings, None
            return sent

    def _set(self, passes: float | None = None, *, stopped: bool = False) -> None:
        with self._change:
            self._passes = self._passes if passes is None else passes
            self._stopped = self._stopped or stopped
            self._change.notify_all()


def _call(function: Callable[[Any], None], value: Any) -> Callable[[], None]:
    return lambda: function(value)


def _nothing() -> None:
    pass


_LANES: weakref.WeakSet[Lane] = weakref.WeakSet()


@atexit.register
def _leave_in_order() -> None:
    """A thread inside torch while Python shuts down crashes the process: wait for it."""
    for lane in list(_LANES):
        with contextlib.suppress(RuntimeError):
            lane.close()
