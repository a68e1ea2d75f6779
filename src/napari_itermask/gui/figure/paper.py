"""How does a figure look? A picture on white, as large as the dock lets it be, or words instead."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QImage, QPainter, QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget


class Paper(QWidget):
    """Shows a picture in its middle, made smaller where it does not fit; it is not drawn anew here.

    Parameters
    ----------
    about
        What it shows, for the tooltip and for a screen reader.
    """

    resized = Signal()

    def __init__(self, about: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QPixmap()
        self._pale = False
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self._words)
        self.setMinimumSize(120, 110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(about)
        self.setAccessibleName(about)

    @property
    def words(self) -> str:
        """What stands in place of the picture; "" while it is shown."""
        return str(self._words.text())

    @property
    def picture(self) -> QPixmap:
        """What is shown; null where there is nothing."""
        return self._picture

    @property
    def room(self) -> tuple[int, int]:
        """Width and height in the screen's own pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def show_picture(self, pixels: NDArray[np.uint8]) -> None:
        """Show ``pixels`` ``(height, width, 3 or 4)``, RGB or RGBA."""
        self._picture = QPixmap.fromImage(image_of(pixels))
        self._pale = False
        self._words.setText("")
        self.update()

    def say(self, words: str) -> None:
        """Show ``words`` in place of a picture."""
        self._picture = QPixmap()
        self._words.setText(words[:1].upper() + words[1:])
        self.update()

    def fade(self, *, pale: bool) -> None:
        """Draw the picture pale while it is out of date."""
        if pale != self._pale:
            self._pale = pale
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as a dock, and half as high."""
        return QSize(340, 200)

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Draw the picture in the middle."""
        super().paintEvent(event)
        if self._picture.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(0.55 if self._pale else 1.0)
        ratio = self.devicePixelRatioF()
        size = self._picture.size() / ratio
        if size.width() > self.width() or size.height() > self.height():
            size = size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(self.rect().center())
        painter.drawPixmap(place, self._picture)
        painter.end()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Tell that another size would fit."""
        super().resizeEvent(event)
        self.resized.emit()


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """A Qt image of ``(height, width, 3 or 4)`` RGB or RGBA; it owns its memory."""
    high, wide, channels = pixels.shape
    formats = {3: QImage.Format.Format_RGB888, 4: QImage.Format.Format_RGBA8888}
    data = np.ascontiguousarray(pixels).tobytes()
    image = QImage(data, wide, high, wide * channels, formats[channels])
    owner: QImage = image.copy()  # Qt does not hold the bytes
    return owner
