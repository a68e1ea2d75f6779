"""How may words change many times a second without the whole window being laid out again?"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QWidget


class Calm(QWidget):
    """Holds one widget and fills it; passes on that it wants another size, and no more than that.

    A QLabel asks for a new layout whenever its words change, up to the main window, which then
    draws half of itself anew.
    """

    def __init__(self, inner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inner = inner
        self._wanted: tuple[QSize, QSize] | None = None
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

    def event(self, event: Any) -> bool:
        """Ask for a new layout where the widget wants another size: another font, say."""
        if event.type() == QEvent.Type.LayoutRequest:
            wanted = self.sizeHint(), self.minimumSizeHint()
            if wanted != self._wanted:
                self._wanted = wanted
                self.updateGeometry()
        return bool(super().event(event))
