"""How is a kind of agreement drawn beside words? As a piece of its outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap

from napari_itermask.figures.contours import FALSE_ALARM, HIT, MISS, Pen

PENS = (HIT, MISS, FALSE_ALARM)
_STYLES = {
    "solid": Qt.PenStyle.SolidLine,
    "dashed": Qt.PenStyle.DashLine,
    "dotted": Qt.PenStyle.DotLine,
}


def sign(pen: Pen, width: int = 30) -> QPixmap:
    """A piece of an outline, on the ground that it is drawn on."""
    pixmap = QPixmap(QSize(width, 12))
    pixmap.fill(QColor("black"))
    painter = QPainter(pixmap)
    line = QPen(QColor(pen.colour))
    line.setStyle(_STYLES[pen.style])
    line.setWidthF(2.5)
    painter.setPen(line)
    painter.drawLine(2, 6, width - 2, 6)
    painter.end()
    return pixmap


def with_opacity(colour: str, opacity: float) -> NDArray[np.float32]:
    """A colour such as "#E69F00" as napari takes it: red, green, blue, opacity, 0 to 1."""
    return np.array([*QColor(colour).getRgbF()[:3], opacity], np.float32)
