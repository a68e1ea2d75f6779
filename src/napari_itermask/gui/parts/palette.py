"""Which colours do our plots wear on a theme of napari, and which line means what?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap

Role = Literal["curve", "fit", "tangent", "calibrated", "manual", "limit", "shown"]

# Colours of Okabe and Ito, told apart by every kind of eye: for a dark ground, and for a light one.
COLOURS: dict[Role, tuple[str, str]] = {
    "tangent": ("#56B4E9", "#0072B2"),
    "calibrated": ("#2FBF94", "#007A59"),
    "manual": ("#E69F00", "#B34700"),
    "limit": ("#CC79A7", "#9A4272"),
}
STYLES: dict[Role, Qt.PenStyle] = {
    "curve": Qt.PenStyle.SolidLine,
    "fit": Qt.PenStyle.DashLine,
    "tangent": Qt.PenStyle.SolidLine,
    "calibrated": Qt.PenStyle.DashLine,
    "manual": Qt.PenStyle.DotLine,
    "limit": Qt.PenStyle.DashDotLine,
    "shown": Qt.PenStyle.SolidLine,
}


@dataclass(frozen=True)
class Palette:
    """The colours of one napari theme, as ``#rrggbb``."""

    ground: str
    text: str
    dark: bool

    @classmethod
    def of(cls, theme: str) -> Palette:
        """The palette of a theme by its name, such as ``viewer.theme``."""
        from napari.utils.theme import get_theme

        found = get_theme(theme)
        ground = QColor(found.background.as_hex())
        return cls(ground.name(), QColor(found.text.as_hex()).name(), ground.lightness() < 128)

    def colour(self, role: Role) -> str:
        """The colour of what plays ``role``; the text's where it has none of its own."""
        pair = COLOURS.get(role)
        return self.text if pair is None else pair[0 if self.dark else 1]

    def pen(self, role: Role, width: float = 1.5) -> Any:
        """The pen of what plays ``role``: its colour and its style of line."""
        pen = pg.mkPen(self.colour(role), width=width)
        pen.setStyle(STYLES[role])
        return pen

    def icon(self, role: Role) -> QIcon:
        """A piece of the line of ``role``, for the legend beside a plot."""
        pixmap = QPixmap(28, 12)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setPen(self.pen(role, 2.5))
        painter.drawLine(1, 6, 27, 6)
        painter.end()
        return QIcon(pixmap)
