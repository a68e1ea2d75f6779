"""What does a dragged line or a turned number do? At once the search's mask, then a refinement."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_itermask.gui.parts.calm import Calm
from napari_itermask.gui.parts.palette import Palette
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import Session
from napari_itermask.gui.threshold.curve_plots import CurvePlots
from napari_itermask.gui.threshold.readings import Searched
from napari_itermask.gui.threshold.rule_controls import RuleControls
from napari_itermask.method.settings import RefineSettings

STEP_MS = 50
"""A dragged line is followed at 20 Hz."""

SETTLE_MS = 400
"""So long a turned number must stand still before it is refined with."""


class CurvePage(QWidget):
    """The search's curve, its slope, and the rules; dragging tries, letting go refines.

    Attributes
    ----------
    plots
        The curve and the slope with their lines.
    controls
        The rules and their numbers.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.plots = CurvePlots(self)
        self.controls = RuleControls(self)
        self._searched = Searched()
        self._problem = ""  # why the search that is shown cannot be refined from
        self._trial: RefineSettings | None = None  # what is tried while a line is dragged
        self._ends_with_pass = False  # whether the preview ends with the next pass
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        row.addWidget(self.plots, 1)
        row.addWidget(Calm(self.controls))
        self._follow = qthrottled(self._try_line, timeout=STEP_MS, leading=True)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)
        self.plots.dragged.connect(self._on_dragged)
        self.plots.released.connect(self._on_released)
        self.controls.chosen.connect(self._on_chosen)
        self.controls.turned.connect(self._on_turned)
        self.controls.full.toggled.connect(self._on_full)
        for signal, slot in (
            (session.stepped, self._on_stepped),
            (session.searched, self.refresh),
            (session.run_changed, self.refresh),
            (session.model_changed, self.refresh),
            (session.settings_changed, self.refresh),
            (session.state_changed, self.refresh),
            (session.previewed, self._on_previewed),
        ):
            listen(self, signal, slot)
        self.refresh()

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self.plots.wear(palette)
        self.controls.wear(palette)

    def refresh(self, *_: Any) -> None:
        """Show what the session has, read as its settings say, or as they are just being tried."""
        self._searched = Searched.of(self.session)
        self._problem = _problem(self.session)
        self._on_previewed(self.session.preview_index)
        settings = self._trial or self.session.settings
        self.plots.show_search(self._searched, settings)
        self.controls.show_search(self._searched, settings, self.session.model.card)

    def _on_dragged(self, name: str, number: float) -> None:
        self._settle.stop()
        self._follow(name, number)

    def _try_line(self, name: str, number: float) -> None:
        if self.plots.lines[name].held:  # it may have been let go since
            self._try(_changes(name, number))

    def _on_released(self, name: str, number: float) -> None:
        self._follow.cancel()
        self._use(**_changes(name, number))

    def _on_turned(self, name: str, number: float) -> None:
        try:
            self._try(_changes(name, number))
        except ValidationError:
            self.controls.refuse(name, self.session.settings)
        else:
            self._settle.start()

    def _on_settled(self) -> None:
        if self._trial is not None:
            before = self.session.settings.model_dump()
            self._use(**{k: v for k, v in self._trial.model_dump().items() if v != before[k]})

    def _on_chosen(self, rule: str) -> None:
        self._settle.stop()
        self._use(threshold_rule=rule)

    def _try(self, changes: dict[str, Any]) -> None:
        """Show what ``changes`` would choose: the curve read again, the search's mask, no pass."""
        turning = self._trial is not None and self._settle.isActive()
        base = self._trial if turning and self._trial else self.session.settings
        self._trial = base.replace(**changes)
        rule = self._trial.threshold_rule if "threshold_rule" in changes else "tangent"
        reading = self._searched.read(self._trial).get(rule)
        if reading is not None:
            self.session.preview(reading.threshold)
        self.refresh()

    def _use(self, **changes: Any) -> None:
        """Set ``changes``: a finished run is refined again, one that goes on takes them."""
        session = self.session
        self._trial = None
        before, after = session.settings, session.settings.replace(**changes)
        # Only the tangent reads y_limit: under another rule there is nothing to refine.
        unread = before.threshold_rule != "tangent" and changes.keys() == {"y_limit"}
        if unread:
            session.settings = after
        elif after != before:
            session.tune(**changes)
        if unread or after == before or not session.running:
            session.preview(None)
        self._ends_with_pass = session.preview_index is not None
        self.refresh()

    def _on_stepped(self) -> None:
        if self._ends_with_pass and self._trial is None:
            self._ends_with_pass = False
            self.session.preview(None)
        self.refresh()

    def _on_previewed(self, index: int | None) -> None:
        shown = "" if index is None else f"mask shown: the search's at {index + 1} %"
        self.plots.note(shown or self._problem)

    def _on_full(self, full: bool) -> None:
        self.plots.show_full(full)
        self.refresh()


def _changes(name: str, number: float) -> dict[str, Any]:
    """What a line's place, or a box's number, means for the settings."""
    if name == "gamma":
        return {"threshold_rule": "tangent", "gamma": number}
    if name == "y_limit":
        return {"y_limit": number}
    return {"threshold_rule": "manual", "manual_threshold": number}


def _problem(session: Session) -> str:
    run, scan = session.run, session.scan
    if run is None or scan is None or session.running:
        return ""
    from napari_itermask.lending import search_problem

    problem = search_problem(run, scan, session.model, session.settings)
    return f"out of date, the next run makes a new search: {problem}" if problem else ""
