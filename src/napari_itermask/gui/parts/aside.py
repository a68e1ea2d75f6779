"""How does a dock do what takes a while? In a thread of its own, whose answer comes to Qt's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.parts.ties import at_the_end
from napari_itermask.gui.worker import Inbox, Lane

T = TypeVar("T")


class Aside(QObject):
    """A thread for a dock's own errands, one after another; it starts with the first.

    Parameters
    ----------
    name
        Of the thread.
    parent
        Once Qt deletes it, answers that are still to come are dropped, and the thread ends.
    """

    _woken = Signal()

    def __init__(self, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._inbox = Inbox()
        self._lane = Lane(name, self._inbox)
        self._inbox.wake = self._wake
        self._woken.connect(self._take)  # queued where another thread emits it
        lane = self._lane
        at_the_end(self, lambda: lane.close(timeout=1.0))

    def do(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Do ``work`` in the thread; then ``done`` or ``failed`` is called on Qt's."""
        self._lane.submit(work, done, failed)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the dock is gone, and Qt's side of this with it
            self._woken.emit()

    def _take(self) -> None:
        self._inbox.drain()
