"""The search's curve with the rules' thresholds, and its slope with gamma: lines to drag."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_itermask.figures.curve import useful_range
from napari_itermask.gui.parts.lines import Line
from napari_itermask.gui.parts.palette import Palette
from napari_itermask.gui.parts.plots import Plot, fill
from napari_itermask.gui.threshold.readings import (
    RULES,
    Reading,
    Rule,
    Searched,
    round_4,
)
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import POINTS, Fit

EMPTY = "Run once: the curve of the search appears here while it goes on."
NO_SLOPE = "The curve's slope appears here once the search is through."
PERCENT = np.arange(1, POINTS + 1)
NOTHING = np.full(POINTS, np.nan)


class CurvePlots(QWidget):
    """Two plots side by side.

    Attributes
    ----------
    curve, slope
        The plots.
    lines
        "tangent", "calibrated" and "manual" (thresholds) and "y_limit" on the curve, "gamma" on the
        slope. The threshold in use is thick; it, "manual", "y_limit" and "gamma" can be dragged.
    """

    dragged = Signal(str, float)  # a line's name and where it is now, to four digits
    released = Signal(str, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = self._zoomed = False
        self._note = self._limit = ""
        self._build()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.curve, 3)
        row.addWidget(self.slope, 2)

    def show_search(self, searched: Searched, settings: RefineSettings) -> None:
        """Show a search as ``settings`` read it; under a line that is dragged the view stays."""
        fit, readings = searched.fit(settings), searched.read(settings)
        self._show_curve(searched, fit, readings.get(settings.threshold_rule))
        self._place_lines(settings, readings)
        self._show_slope(settings, fit, readings.get("tangent"))
        if not (self._zoomed or self.curve.held):
            self._show_range(searched, settings, readings)
        limit = settings.y_limit
        above = limit > self.curve.top and bool(searched.thresholds)
        self._limit = f"y_limit {limit:.3g} is above the view" if above else ""
        self._show_note()

    def show_full(self, full: bool) -> None:
        """Show the whole range at the next :meth:`show_search`, or the low part that matters."""
        self._full, self._zoomed = full, False

    def note(self, words: str) -> None:
        """Words in the corner of the curve; "": none."""
        self._note = words
        self._show_note()

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self.curve.wear(palette)
        self.slope.wear(palette)

    def _show_curve(self, searched: Searched, fit: Fit | None, chosen: Reading | None) -> None:
        thresholds = np.asarray(searched.thresholds)
        self.curve.say("" if len(thresholds) else EMPTY)
        fill(self._curve, np.arange(1, len(thresholds) + 1), thresholds)
        fill(self._fitted, PERCENT, _tangent(fit) if fit else NOTHING)
        at = [] if chosen is None else [chosen.index]
        fill(self._chosen, [i + 1 for i in at], [thresholds[i] for i in at])

    def _place_lines(self, settings: RefineSettings, readings: dict[Rule, Reading]) -> None:
        active = settings.threshold_rule
        for rule in RULES:
            line, reading = self.lines[rule], readings.get(rule)
            line.place(reading.threshold if reading else None)
            line.stress(strong=rule == active)
            if not line.held:
                line.setMovable(rule in (active, "manual"))
        if not readings:
            self.lines["manual"].place(settings.manual_threshold)
        self.lines["y_limit"].place(settings.y_limit)
        self.lines["gamma"].place(settings.gamma)
        self.lines["gamma"].stress(strong=active == "tangent")

    def _show_slope(
        self, settings: RefineSettings, fit: Fit | None, tangent: Reading | None
    ) -> None:
        self.slope.say("" if fit else NO_SLOPE)
        if fit is None or tangent is None:
            return
        slope = np.where(fit.derivative > 0, fit.derivative, np.nan)
        fill(self._tangent, PERCENT, slope if fit.accepted else NOTHING)
        fill(self._differences, PERCENT, NOTHING if fit.accepted else slope)
        fill(self._crossing, [tangent.index + 1], [slope[tangent.index]])
        if not self.slope.held and np.isfinite(slope).any():
            low, high = np.nanmin(slope), np.nanmax(slope)
            self.slope.show_range(min(low, settings.gamma) / 2, max(high, settings.gamma) * 2)

    def _show_range(
        self, searched: Searched, settings: RefineSettings, readings: dict[Rule, Reading]
    ) -> None:
        thresholds = searched.thresholds
        if self._full and thresholds:
            top = max(*thresholds, settings.y_limit)
            self.curve.show_range(-0.06 * top, 1.06 * top)
            return
        marked = {settings.threshold_rule, "tangent"} & readings.keys()
        low, high = useful_range(thresholds, [readings[r].threshold for r in marked])
        if not self.slope.held or high > self.curve.top:  # no jump where a drag of gamma begins
            self.curve.show_range(low, high)

    def _show_note(self) -> None:
        self.curve.note(self._note or self._limit)

    def _build(self) -> None:
        self.curve = Plot(
            "share of the brain (%)",
            "threshold (error)",
            zooms=True,
            about="The search's curve: under each threshold lie so many percent of the brain's "
            "errors.\nThe thick line is the threshold in use: drag it to set one by hand.\n"
            "Dashed: the fitted tangent. Drag y_limit to fit less or more of the curve.\n"
            "The wheel zooms; switching “full range” resets it.",
        )
        self.slope = Plot(
            "share of the brain (%)",
            "slope (error / %)",
            log=(False, True),
            about="The slope of the curve: of the fitted tangent (dashed), or smoothed differences "
            "(dots) where the fit was refused.\nThe threshold is taken where it first exceeds "
            "gamma: drag gamma.",
        )
        for plot in (self.curve, self.slope):
            plot.setXRange(0, POINTS + 1, padding=0)
        marker = {"pen": None, "symbol": "o", "symbolSize": 9}
        self._curve = self.curve.draw_curve("curve")
        self._fitted = self.curve.draw_curve("fit")
        self._chosen = self.curve.draw_curve("curve", **marker)
        self._tangent = self.slope.draw_curve("fit")
        self._differences = self.slope.draw_curve("curve", pen=None, symbol="s", symbolSize=3)
        self._crossing = self.slope.draw_curve("curve", **marker)
        thresholds = (0.0, 1e6)
        self.lines = {
            "tangent": Line("tangent", "tangent", at=0.02, bounds=thresholds),
            "calibrated": Line("calibrated", "calibrated", at=0.27, bounds=thresholds),
            "manual": Line("manual", "manual", at=0.52, bounds=thresholds),
            "y_limit": Line("limit", "y_limit", at=0.72, bounds=(1e-6, 1e6), movable=True),
            "gamma": Line(
                "tangent", "gamma {value}", at=0.05, bounds=(1e-6, 1000), movable=True, log=True
            ),
        }
        for name, line in self.lines.items():
            (self.slope if name == "gamma" else self.curve).draw_line(line)
            line.setObjectName(name)
            line.sigDragged.connect(self._on_dragged)
            line.sigPositionChangeFinished.connect(self._on_released)
        self.curve.getPlotItem().vb.sigRangeChangedManually.connect(self._on_zoomed)

    def _on_dragged(self, line: Line) -> None:
        self.dragged.emit(line.objectName(), round_4(line.number()))

    def _on_released(self, line: Line) -> None:
        self.released.emit(line.objectName(), round_4(line.number()))

    def _on_zoomed(self, *_: Any) -> None:
        self._zoomed = True


def _tangent(fit: Fit) -> NDArray[np.float64]:
    """The fitted tangent up to its pole, beyond which it begins anew from below."""
    angle = fit.b * PERCENT
    return np.where(np.abs(angle) < np.pi / 2, fit.a * np.tan(angle), np.nan)
