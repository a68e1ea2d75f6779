"""How do the docks draw curves? Plots in napari's colours that words can take the place of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel

from napari_itermask.gui.parts.lines import Line
from napari_itermask.gui.parts.palette import Palette, Role


def fill(curve: Any, x: ArrayLike, y: ArrayLike) -> None:
    """Give a curve its points, ``(n,)`` each; those that are not finite are left out."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    curve.setData(x[known], y[known])


class Plot(pg.PlotWidget):
    """One plot with named axes, in napari's colours.

    Parameters
    ----------
    bottom, left
        The axes' names with their units.
    log
        Whether the axes ``(x, y)`` are logarithmic.
    top
        The name of an axis along the top, if there is to be one.
    zooms
        Whether wheel and mouse stretch and move the vertical axis.
    about
        What it shows, for the tooltip and for a screen reader.
    """

    clicked = Signal(float, float)  # x and y of a click beside all lines, in the axes' units
    arrow_pressed = Signal(int)  # -1: Left, 1: Right
    entered = Signal()  # Return

    def __init__(
        self,
        bottom: str,
        left: str,
        *,
        about: str,
        log: tuple[bool, bool] = (False, False),
        top: str = "",
        zooms: bool = False,
    ) -> None:
        super().__init__(enableMenu=False)
        self.log = log
        self.lines: list[Line] = []
        self.curves: list[tuple[Role, Any]] = []
        self._names = {"bottom": bottom, "left": left} | ({"top": top} if top else {})
        self._shades: list[Any] = []
        self._palette: Palette | None = None
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setLogMode(*log)
        for side in self._names:
            item.showAxis(side)
            item.getAxis(side).enableAutoSIPrefix(False)
        item.setContentsMargins(2, 4, 8, 2)
        item.vb.setMouseEnabled(x=False, y=zooms)
        self.setToolTip(about)
        self.setAccessibleName(about)
        self.setMinimumSize(120, 90)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.scene().sigMouseClicked.connect(self._on_click)
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._words.hide()
        self._corner = QLabel(self)
        self._corner.setWordWrap(True)
        self._corner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._corner.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)

    @property
    def words(self) -> str:
        """What stands in place of the plot; "" while it is shown."""
        return str(self._words.text())

    @property
    def corner_words(self) -> str:
        """What stands in the corner of the plot."""
        return str(self._corner.text())

    @property
    def held(self) -> bool:
        """Whether one of its lines is being dragged."""
        return any(line.held for line in self.lines)

    def say(self, words: str) -> None:
        """Show ``words`` in place of the plot; "": the plot."""
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self.getPlotItem().setVisible(not words)

    def note(self, words: str) -> None:
        """Show ``words`` in the upper left corner, over the plot."""
        self._corner.setText("" if self.words else words)

    @property
    def top(self) -> float:
        """The largest value in view."""
        high = float(self.getPlotItem().viewRange()[1][1])
        return 10.0**high if self.log[1] else high

    def draw_curve(self, role: Role, **style: Any) -> Any:
        """A new curve; :func:`fill` gives it its points."""
        curve = pg.PlotDataItem(antialias=True, **style)
        self.curves.append((role, curve))
        self.addItem(curve)
        self._wear_curve(role, curve)
        return curve

    def draw_line(self, line: Line) -> Line:
        """Add ``line`` to the plot."""
        self.lines.append(line)
        self.addItem(line, ignoreBounds=True)
        if self._palette is not None:
            line.wear(self._palette)
        return line

    def draw_shade(self) -> Any:
        """A vertical band; ``setRegion((low, high))`` moves it (on a log axis: the logarithms)."""
        shade = pg.LinearRegionItem(movable=False, pen=pg.mkPen(None))
        shade.setZValue(-10)
        self._shades.append(shade)
        self.addItem(shade, ignoreBounds=True)
        return shade

    def show_range(self, low: float, high: float) -> None:
        """Show the values from ``low`` to ``high``."""
        if self.log[1]:
            low, high = np.log10(low), np.log10(high)
        self.setYRange(low, high, padding=0)

    def tick(self, side: str, low: float, high: float, *, inverse: bool = False) -> None:
        """Mark a log axis from ``low`` to ``high`` at 1, 2 and 5; ``inverse``: show one over it."""
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        steps = (1, 2, 5) if high / low < 1000 else (1,)
        marks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [(float(np.log10(m)), f"{1 / m if inverse else m:.3g}") for m in marks]
        self.getPlotItem().getAxis(side).setTicks([ticks])

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self._palette = palette
        self.setBackground(palette.ground)
        for side, name in self._names.items():
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(palette.text)
            axis.setTextPen(palette.text)
            axis.setLabel(name, color=palette.text)
        for role, curve in self.curves:
            self._wear_curve(role, curve)
        for line in self.lines:
            line.wear(palette)
        veil = QColor(palette.text)
        veil.setAlpha(36)
        for shade in self._shades:
            shade.setBrush(veil)

    def keyPressEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Left, Right and Return, for whoever works without a mouse."""
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(ev.key())
        if by is not None:
            self.arrow_pressed.emit(by)
        elif ev.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            super().keyPressEvent(ev)

    def resizeEvent(self, ev: Any) -> None:  # noqa: N802 - Qt's name
        """Keep the words in the middle."""
        super().resizeEvent(ev)
        if hasattr(self, "_corner"):  # Qt resizes it while it is being built
            self._words.setGeometry(self.rect().adjusted(12, 4, -12, -4))
            self._corner.setGeometry(self.rect().adjusted(72, 5, -12, -30))

    def _on_click(self, event: Any) -> None:
        box = self.getPlotItem().vb
        if event.button() != Qt.MouseButton.LeftButton or event.isAccepted():
            return
        if box.sceneBoundingRect().contains(event.scenePos()):
            place = box.mapSceneToView(event.scenePos())
            self.clicked.emit(
                *(
                    10.0**v if log else v
                    for v, log in zip((place.x(), place.y()), self.log, strict=True)
                )
            )

    def _wear_curve(self, role: Role, curve: Any) -> None:
        if self._palette is None:
            return
        colour = self._palette.colour(role)
        if curve.opts["pen"] is not None:
            curve.setPen(self._palette.pen(role, 2 if role == "curve" else 1.5))
        if curve.opts["symbol"] is not None:
            curve.setSymbolPen(colour)
            curve.setSymbolBrush(colour)
