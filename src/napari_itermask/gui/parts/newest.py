"""How does a page follow what changes faster than it can be computed? The newest wins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.parts.aside import Aside

Work = Callable[[], Any]
Done = Callable[[Any], None]
Failed = Callable[[BaseException], None]


class Newest(QObject):
    """One kind of errand in a thread: what still waits when something newer is asked is never done.

    Parameters
    ----------
    aside
        The thread; several may share it.
    parent
        What it ends with.
    """

    busy_changed = Signal(bool)

    def __init__(self, aside: Aside, parent: QObject) -> None:
        super().__init__(parent)
        self._aside = aside
        self._waiting: tuple[Work, Done, Failed] | None = None
        self._doing = False
        self._dropped = 0

    @property
    def busy(self) -> bool:
        """Whether something is being done, or waits."""
        return self._doing

    def ask(self, work: Work, done: Done, failed: Failed) -> None:
        """Do ``work`` in the thread, then ``done`` or ``failed`` here; in place of what waits."""
        self._waiting = work, done, failed
        if not self._doing:
            self._doing = True
            self.busy_changed.emit(True)
            self._next()

    def drop(self) -> None:
        """Do nothing of what waits, and tell nothing of what is being done."""
        self._dropped += 1
        self._waiting = None

    def _next(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._doing = False
            self.busy_changed.emit(False)
            return
        work, done, failed = waiting
        at = self._dropped
        self._aside.do(work, partial(self._told, at, done), partial(self._told, at, failed))

    def _told(self, at: int, then: Callable[[Any], None], outcome: Any) -> None:
        if at == self._dropped:
            then(outcome)
        self._next()
