"""A line in a plot that names itself and may be dragged."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_itermask.gui.parts.palette import Palette, Role

# Where a line's label is held: over a horizontal line, beside a vertical one where there is room.
HORIZONTAL = [(0.0, 1.0), (0.0, 1.0)]
VERTICAL = [(0.0, 0.5), (1.0, 0.5)]


class Line(pg.InfiniteLine):
    """A horizontal or vertical line that names itself and may be dragged.

    Parameters
    ----------
    role
        Its colour and style.
    label
        The text on it; ``{value}`` is its value. Without, the value is added while it is dragged.
    at
        Where along the line the text stands, 0 to 1.
    log
        Whether the axis that it marks is logarithmic.
    vertical, movable
        Its direction, and whether it may be dragged.
    bounds
        The values that it may be dragged to.
    """

    def __init__(
        self,
        role: Role,
        label: str,
        *,
        at: float = 0.05,
        log: bool = False,
        vertical: bool = False,
        movable: bool = False,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> None:
        super().__init__(
            angle=90 if vertical else 0,
            label="",
            labelOpts={"position": at, "anchors": VERTICAL if vertical else HORIZONTAL},
        )
        self.role = role
        self.held = False
        self._text = label
        self._log = log
        self._limits = bounds
        self._palette: Palette | None = None
        self._strong = False
        self.sigDragged.connect(self._hold)
        self.sigPositionChanged.connect(self._name_it)
        self.sigPositionChangeFinished.connect(self._let_go)
        self.setMovable(movable)

    def number(self) -> float:
        """The value on the axis that the line marks."""
        place = float(self.value())
        if self._log:
            place = 10.0 ** min(place, 300.0)
        return float(np.clip(place, *self._limits))

    def place(self, number: float | None) -> None:
        """Put it at ``number`` unless it is being dragged; None, or 0 on a log axis, hides it."""
        hidden = number is None or not np.isfinite(number) or (self._log and number <= 0)
        self.setVisible(not hidden)
        if not hidden and not self.held:
            assert number is not None
            self.setValue(np.log10(number) if self._log else number)
            self._name_it()

    def rename(self, label: str) -> None:
        """Give it another text."""
        self._text = label
        self._name_it()

    def stress(self, *, strong: bool) -> None:
        """Draw it thicker than the others, or not."""
        if strong != self._strong:
            self._strong = strong
            self._draw()

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self._palette = palette
        self._draw()

    def setMovable(self, m: bool) -> None:  # noqa: N802 - pyqtgraph's name
        """Whether it may be dragged; the mouse's pointer then says so."""
        super().setMovable(m)
        if m:
            across = Qt.CursorShape.SplitHCursor if self.angle else Qt.CursorShape.SplitVCursor
            self.setCursor(across)
        else:
            self.unsetCursor()

    def _draw(self) -> None:
        if self._palette is None:
            return
        width = 2.5 if self._strong else 1.5
        self.setPen(self._palette.pen(self.role, width))
        # The pen under the mouse also says how near the mouse must come to grab the line.
        self.setHoverPen(self._palette.pen(self.role, 8))
        self.label.setColor(self._palette.colour(self.role))
        font = self.label.textItem.font()
        font.setBold(self._strong)
        self.label.setFont(font)

    def _name_it(self) -> None:
        value = f"{self.number():.4g}"
        text = self._text.replace("{value}", value)
        self.label.setFormat(f"{text} {value}" if self.held and text == self._text else text)

    def _hold(self) -> None:
        self.held = True

    def _let_go(self) -> None:
        self.held = False
        self._name_it()
