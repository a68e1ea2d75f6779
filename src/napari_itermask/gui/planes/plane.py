"""One plane: a slice in grey, a slice in colour over it, outlines, a crosshair, letters.

It knows neither the viewer nor the run: it draws what it is given, in mm, and says what the mouse
and the keys ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QLabel

from napari_itermask.gui.planes.frame import axes_in
from napari_itermask.gui.planes.picture import Picture, edges
from napari_itermask.gui.where.sides import Letters, Plane

GROUND = "#000000"
"""Behind the pictures, in every theme: a scan is read on black."""
CROSS = "#2FBF94"
GAP = 6
"""Pixels around the crosshair's point that its lines leave free."""
NOTCH = 120
"""What one notch of a mouse wheel turns."""

_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
_ZOOMS = {Qt.Key.Key_Plus: 1.25, Qt.Key.Key_Equal: 1.25, Qt.Key.Key_Minus: 0.8}
_SLICES = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}
_RULES = (
    f"QGraphicsView {{ background: {GROUND}; border: 1px solid {GROUND}; }}"
    "QGraphicsView:focus { border: 1px solid #ffffff; }"
    "QLabel { background: transparent; color: #ffffff; padding: 0px; }"
)


class PlaneView(pg.GraphicsView):
    """One plane.

    Parameters
    ----------
    plane
        Which one.
    outlines
        The outlines that it can draw, with colour and style of line.

    Attributes
    ----------
    across, up, along
        The frame's axes across it, upward, and to the right (or left, where it is mirrored).
    drawn
        What it shows: "grey", "colour" and the outlines.
    """

    pointed = Signal(float, float)  # mm along the plane and upward: a click, or a drag
    hovered = Signal(object)  # the same as a pair; None: the mouse has left
    moved = Signal(int, int)  # voxels to the right and up, as they are seen
    turned = Signal(int)  # slices to the right, the front or upward
    zoomed = Signal(float, object)  # factor, and the pair that stays where it is; None: the middle
    dragged = Signal(float, float)  # mm that the picture was dragged by
    whole = Signal()  # the whole brain again
    flipped = Signal()  # between scan and reconstruction

    def __init__(self, plane: Plane, outlines: Mapping[str, Any]) -> None:
        super().__init__(background=GROUND)
        self.plane = plane
        self.across, self.up, self.along = axes_in(plane)
        self.drawn: dict[str, Picture | None] = {}
        self._keys: dict[str, tuple[Any, ...] | None] = {}
        self._where = ""
        self._turn = 0
        self._grip: QPointF | None = None
        self._cross: tuple[float, float] | None = None
        self._box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
        self._grey, self._colour = pg.ImageItem(), pg.ImageItem()
        self._outlines = {name: pg.PlotCurveItem(pen=pen) for name, pen in outlines.items()}
        self._lines = pg.PlotCurveItem(pen=pg.mkPen(CROSS, width=1))
        for item in (self._grey, self._colour, *self._outlines.values(), self._lines):
            self._box.addItem(item, ignoreBounds=True)
        self.setCentralItem(self._box)
        self._letters = {edge: QLabel(self) for edge in ("left", "right", "top", "bottom")}
        self._name = QLabel(self)
        for label in (*self._letters.values(), self._name):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setStyleSheet(_RULES)
        self.setMinimumSize(60, 60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{plane} plane")
        self.setToolTip(
            f"The {plane} plane. Click or drag: the crosshair, and napari's sliders. Wheel, Page "
            "Up, Page Down: slices. Arrows: by a voxel.\nCtrl and wheel, + and -: zoom. Middle or "
            "right button: move. Double click, Home: the whole brain. Space: scan or "
            "reconstruction."
        )

    # What is drawn ----------------------------------------------------------------------------

    @property
    def letters(self) -> Letters:
        """What stands at its edges."""
        return Letters(**{edge: label.text() for edge, label in self._letters.items()})

    def clear(self) -> None:
        """Show nothing."""
        self.draw(None, None)
        for name in self._outlines:
            self.outline(name, None)
        self._cross = None
        self._lines.setData(_NOTHING, _NOTHING)
        self.name("")

    def draw(self, grey: Picture | None, colour: Picture | None) -> None:
        """Show these slices; what has not changed is not drawn anew."""
        self._fill("grey", self._grey, grey)
        self._fill("colour", self._colour, colour)

    def outline(self, name: str, mask: Picture | None) -> None:
        """Show the outline of a slice of a mask, along the edges of its voxels."""
        self.drawn[name] = mask
        key = None if mask is None else (*mask.key, mask.rect)
        if key != self._keys.get(name):
            self._keys[name] = key
            x, y = edges(mask.pixels, mask.rect) if mask is not None else (_NOTHING, _NOTHING)
            self._outlines[name].setData(x, y, connect="pairs")

    def cross(self, along: float, up: float) -> None:
        """Put the crosshair there, in mm."""
        self._cross = along, up
        (left, right), (low, high) = self._box.viewRange()
        gap = GAP * (right - left) / max(self.width(), 1)
        x = [left, along - gap, along + gap, right, along, along, along, along]
        y = [up, up, up, up, low, up - gap, up + gap, high]
        self._lines.setData(np.array(x), np.array(y), connect="pairs")

    def name(self, where: str) -> None:
        """Write in its corner which plane it is, and ``where``."""
        if where != self._where:
            self._where = where
            self._place_labels()

    def letter(self, letters: Letters, *, mirrored: bool) -> None:
        """Write which side of the body is where; ``mirrored``: the axis along it runs left."""
        self._box.invertX(mirrored)
        for edge, label in self._letters.items():
            label.setText(getattr(letters, edge))
        self._place_labels()

    def look_at(self, along: float, up: float, mm_per_pixel: float) -> None:
        """Show what lies around a point, at a scale."""
        half = self.width() * mm_per_pixel / 2, self.height() * mm_per_pixel / 2
        self._box.setRange(
            xRange=(along - half[0], along + half[0]),
            yRange=(up - half[1], up + half[1]),
            padding=0,
        )
        if self._cross is not None:
            self.cross(*self._cross)

    def smooth(self, on: bool) -> None:
        """Whether pixels are blended: where voxels are smaller than they are, not in between."""
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on)

    def _fill(self, name: str, item: Any, picture: Picture | None) -> None:
        self.drawn[name] = picture
        if picture is None:
            item.setVisible(False)
            self._keys[name] = None
            return
        looks = (picture.rect, picture.limits, picture.opacity, picture.adds)
        key = (*picture.key, *looks, id(picture.colours))
        if key != self._keys.get(name):
            self._keys[name] = key
            item.setImage(
                picture.pixels, levels=picture.limits, lut=picture.colours, autoLevels=False
            )
            item.setRect(QRectF(*picture.rect))
            item.setOpacity(picture.opacity)
            plus = QPainter.CompositionMode.CompositionMode_Plus
            over = QPainter.CompositionMode.CompositionMode_SourceOver
            item.setCompositionMode(plus if picture.adds else over)
        item.setVisible(True)

    # What the mouse and the keys ask for ------------------------------------------------------

    def place_of(self, position: QPointF | QPoint) -> tuple[float, float]:
        """The mm, along the plane and upward, at a pixel of the widget."""
        place = self._box.mapSceneToView(QPointF(position))
        return float(place.x()), float(place.y())

    def pixel_of(self, along: float, up: float) -> QPoint:
        """The pixel of the widget at these mm."""
        out: QPoint = self._box.mapViewToScene(QPointF(along, up)).toPoint()
        return out

    def mousePressEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Point there, or take hold of the picture."""
        if ev.button() == Qt.MouseButton.LeftButton:
            self.pointed.emit(*self.place_of(ev.position()))
        else:
            self._grip = ev.position()
        ev.accept()

    def mouseMoveEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Point, or drag the picture; or only tell where the mouse is."""
        here = self.place_of(ev.position())
        if ev.buttons() & Qt.MouseButton.LeftButton:
            self.pointed.emit(*here)
        elif ev.buttons() and self._grip is not None:
            before = self.place_of(self._grip)
            self._grip = ev.position()
            self.dragged.emit(here[0] - before[0], here[1] - before[1])
        else:
            self.hovered.emit(here)
        ev.accept()

    def mouseReleaseEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        self._grip = None
        ev.accept()

    def mouseDoubleClickEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Show the whole brain again."""
        self.whole.emit()
        ev.accept()

    def leaveEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """The mouse is elsewhere."""
        self.hovered.emit(None)
        super().leaveEvent(ev)

    def wheelEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Go through the slices; with Ctrl, zoom. A touchpad turns in small parts of a notch."""
        turn = ev.angleDelta().y()
        if ev.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(1.25 ** (turn / NOTCH), self.place_of(ev.position()))
        else:
            self._turn += turn
            slices = int(self._turn / NOTCH)
            self._turn -= slices * NOTCH
            if slices:
                self.turned.emit(slices)
        ev.accept()

    def keyPressEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """All of it without a mouse."""
        key = ev.key()
        if key in _KEYS:
            self.moved.emit(*_KEYS[key])
        elif key in _SLICES:
            self.turned.emit(_SLICES[key])
        elif key in _ZOOMS:
            self.zoomed.emit(_ZOOMS[key], None)
        elif key == Qt.Key.Key_Home:
            self.whole.emit()
        elif key == Qt.Key.Key_Space:
            self.flipped.emit()
        else:
            ev.ignore()

    def resizeEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Keep the words at their places."""
        super().resizeEvent(ev)
        self._place_labels()

    def changeEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Take another font's size."""
        super().changeEvent(ev)
        if ev.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place_labels()

    def _place_labels(self) -> None:
        if not hasattr(self, "_name"):  # Qt resizes it while it is being built
            return
        width, height, space = self.width(), self.height(), 4
        line = f"{self.plane} {self._where}"
        wide = self._name.fontMetrics().horizontalAdvance(line) < width / 2 - 16
        self._name.setText(line if wide else f"{self.plane}\n{self._where}")
        for label in (self._name, *self._letters.values()):
            label.adjustSize()
        self._name.move(5, 3)
        for edge, label in self._letters.items():
            middle = (width - label.width()) // 2, (height - label.height()) // 2
            far = width - label.width() - space, height - label.height() - space
            place = {
                "left": (space, middle[1]),
                "right": (far[0], middle[1]),
                "top": (middle[0], space),
                "bottom": (middle[0], far[1]),
            }
            label.move(*place[edge])


_NOTHING = np.zeros(0)
