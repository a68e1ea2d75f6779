"""How did mask and threshold move over the passes of the run, and which pass is shown?"""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_itermask.gui.parts.lines import Line
from napari_itermask.gui.parts.palette import Palette
from napari_itermask.gui.parts.plots import Plot, fill
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import Session

EMPTY = "Run once: the volume of the mask appears here, pass by pass."
ABOUT = (
    "Line: passes of the search; circles: passes of the refinement.\n"
    "Click, drag the line, or press Left and Right, to show another pass in the viewer."
)


class PassesPage(QWidget):
    """Mask volume and threshold against the passes, with the shown pass marked.

    Attributes
    ----------
    volume, threshold
        The plots.
    marks
        The line at the shown pass, one in each plot.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.volume = Plot(
            "pass", "mask (ml)", about=f"Volume of the mask after each pass.\n{ABOUT}"
        )
        self.threshold = Plot(
            "pass",
            "threshold (error)",
            log=(False, True),
            about=f"Threshold of each pass.\n{ABOUT}",
        )
        self.marks = [
            Line("shown", "pass {value}", at=0.9, vertical=True, movable=True) for _ in range(2)
        ]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        self._curves = []
        self._show_soon = qthrottled(self._show_pass, timeout=50, leading=True)
        for plot, mark in zip((self.volume, self.threshold), self.marks, strict=True):
            refined = plot.draw_curve("curve", symbol="o", symbolSize=6)
            self._curves.append((plot.draw_curve("curve"), refined))
            plot.draw_line(mark)
            mark.sigDragged.connect(self._on_dragged)
            mark.sigPositionChangeFinished.connect(self._on_released)
            plot.clicked.connect(self._show_pass)
            plot.arrow_pressed.connect(self._on_arrow)
            row.addWidget(plot)
        for signal in (session.stepped, session.shown_changed, session.run_changed):
            listen(self, signal, self.refresh)
        self.refresh()

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self.volume.wear(palette)
        self.threshold.wear(palette)

    def refresh(self, *_: Any) -> None:
        """Show what the session has, if anybody looks."""
        if not self.isVisible():
            return
        passes = self.session.records
        number = np.arange(1, len(passes) + 1)
        refined = np.array([p.phase == "refine" for p in passes], bool)
        thresholds = np.array([p.threshold for p in passes], float)
        thresholds[thresholds <= 0] = np.nan  # not on a log axis
        values = np.array([p.mask_ml for p in passes], float), thresholds
        for plot, (search, refine), value in zip(
            (self.volume, self.threshold), self._curves, values, strict=True
        ):
            plot.say("" if passes else EMPTY)
            fill(search, number[~refined], value[~refined])
            fill(refine, number[refined], value[refined])
            plot.setXRange(0, max(10, 1.03 * len(passes)), padding=0)
        for mark in self.marks:
            mark.place(self.session.position + 1 if passes else None)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what went by unseen."""
        super().showEvent(event)
        self.refresh()

    def _on_dragged(self, mark: Line) -> None:
        self._show_soon(mark.number())

    def _on_released(self, mark: Line) -> None:
        self._show_soon.cancel()
        self._show_pass(mark.number())

    def _on_arrow(self, by: int) -> None:
        if self.session.passes_done:
            self.session.show(max(0, self.session.position + by))

    def _show_pass(self, number: float) -> None:
        if self.session.passes_done:
            self.session.show(max(0, round(number) - 1))
