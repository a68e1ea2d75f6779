"""How may words change many times a second without the whole window being laid out again?"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QWidget


class Calm(QWidget):
    """Holds one widget and fills it; what asks for a new layout in there is not passed on.

    A QLabel asks for one whenever its words change, up to the main window, which then draws half
    of itself anew. Only for widgets whose own size stays, whatever they say.
    """

    def __init__(self, inner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inner = inner
        inner.setParent(self)  # without a layout of ours: a layout would pass the request on
        self.setSizePolicy(inner.sizePolicy())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """That of the widget it holds."""
        return self._inner.sizeHint()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """That of the widget it holds."""
        return self._inner.minimumSizeHint()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Fill it."""
        self._inner.setGeometry(self.rect())
        super().resizeEvent(event)

    def changeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Another font or style changes the size after all."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()
        super().changeEvent(event)
