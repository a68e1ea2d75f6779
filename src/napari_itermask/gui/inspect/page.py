"""When does a page compute? Once somebody looks at it, and only for what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from napari_itermask.gui.inspect.looked import Looked


class Page(QWidget):
    """One page of the dock; a subclass says in :meth:`take` what it does with a subject."""

    told = Signal(str)  # a sentence worth knowing
    troubled = Signal(str)  # a sentence: what went wrong, and what to do

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._newest: Looked | None = None
        self._taken: Looked | None = None
        self._fresh = True

    def look(self, looked: Looked | None) -> None:
        """This is what is looked at from now on; it is taken up once the page is seen."""
        self._newest = looked
        self._catch_up()

    def take(self, looked: Looked | None) -> None:
        """Show what is looked at; None: there is no run."""
        raise NotImplementedError

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what changed unseen."""
        super().showEvent(event)
        self._catch_up()

    def _catch_up(self, *, unseen: bool = False) -> None:
        stale = self._fresh or self._newest is not self._taken
        if stale and (unseen or self.isVisible()):
            self._fresh, self._taken = False, self._newest
            self.take(self._newest)

    def _fail(self, error: BaseException) -> None:
        self.troubled.emit(explain(error).sentence)
