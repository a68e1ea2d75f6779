"""How far is the run, and which pass is shown? Buttons with their keys, a slider, two lines."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QAction, QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalThrottler

from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import EXPECTED_PASSES, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_itermask.record import PassRecord

KEYS = {"run": "F5", "pause": "F6", "back": "F7", "step": "F8", "stop": "F9"}
"""None of them is napari's. They work wherever the focus is in the viewer's window."""

BLANK = "\u00a0"
"""A line that says nothing is as high as one that does."""

EXPECTED_REFINEMENT = 6
"""Passes of a refinement alone, in the median of the cases."""

_TIPS = {
    "run": "Run, or go on where the run waits. A search that still holds is not made again.",
    "pause": "Wait after the pass that goes on.",
    "back": "Show the pass before the one that is shown.",
    "step": "One pass further, then wait.",
    "stop": "End the run after the pass that goes on; what it has so far is kept.",
}
_PHASES = {"search": "search", "refine": "refinement"}


class RunPanel(QWidget):
    """Run, Pause, Back, Step, Stop; the pass that is shown; the progress.

    Parameters
    ----------
    start
        Begins a run, or goes on; with True it makes a new search.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        start: Callable[[bool], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._start = session, start
        self._wanted: int | None = None  # the pass that is asked for, and not yet shown
        self._calm = QSignalThrottler(parent=self)  # a pass takes a moment, a pixel none
        self.buttons = {name: self._button(name) for name in KEYS}
        self.fresh = QAction("Run with a new search", self)
        self.fresh.setToolTip("A hundred passes, also where the last search still holds.")
        self._make_menu()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("The pass that is shown; at the right end it follows the newest.")
        self.slider.setAccessibleName("Pass")
        self.shown = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setToolTip("How much of a usual run is done.")
        self.cancel = QPushButton("&Cancel")
        self.cancel.setToolTip("End the opening or the skull-stripping; the scan before it stays.")
        self.progress, self.numbers = QLabel(BLANK), QLabel(BLANK)
        self._lay_out()
        self._wire(viewer)
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Bring all of it up to date."""
        self._enable()
        self._place_slider()
        self._tell_progress()

    def _wire(self, viewer: Any) -> None:
        session = self._session
        self.buttons["run"].clicked.connect(lambda: self._start(False))
        self.fresh.triggered.connect(lambda: self._start(True))
        for name in ("pause", "back", "step", "stop"):
            self.buttons[name].clicked.connect(getattr(session, name))
        self.cancel.clicked.connect(session.cancel_opening)
        self._calm.setTimeout(50)
        self._calm.triggered.connect(self._show_wanted)
        self.slider.valueChanged.connect(self._want)
        for signal in (session.state_changed, session.busy_changed, session.run_changed):
            listen(self, signal, self.refresh)
        for signal in (session.stepped, session.shown_changed):
            listen(self, signal, self.refresh)
        _bind_keys(self, viewer)

    def _want(self, position: int) -> None:
        self._wanted = position
        self._calm.throttle()

    def _show_wanted(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._session.show(wanted)

    def press(self, name: str) -> None:
        """What a key does: what the button does, where it is enabled."""
        if self.buttons[name].isEnabled():
            self.buttons[name].click()

    def _enable(self) -> None:
        session = self._session
        state, waits = session.state, session.state in ("pausing", "paused")
        earlier = session.position < session.passes_done - 1
        enabled = {
            "run": state == "idle" or waits,
            "pause": state == "running",
            "back": session.position > 0,
            "step": state in ("idle", "paused") or earlier,
            "stop": state == "running" or waits,
        }
        for name, yes in enabled.items():
            self.buttons[name].setEnabled(yes)
        self.fresh.setEnabled(state == "idle")
        title = "Go on" if waits else "Run"
        self.buttons["run"].setText(f"{title}\n{KEYS['run']}")
        self.cancel.setEnabled(session.busy.startswith(("opening", "stripping")))

    def _place_slider(self) -> None:
        session = self._session
        records = session.records
        done = min(session.passes_done, len(records))  # the thread adds to one, then to the other
        position = min(session.position, done - 1)
        self.slider.setEnabled(done > 1)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, done - 1))
            if self._wanted is None and not self.slider.isSliderDown():
                self.slider.setValue(max(0, position))
        if done == 0:
            self.shown.setText("no pass yet")
            return
        phase = _PHASES[records[position].phase]
        self.shown.setText(f"pass {position + 1} of {done} · {phase}")

    def _tell_progress(self) -> None:
        session = self._session
        records, state = session.records, session.state
        expected = expected_passes(records)
        if session.busy and (state == "idle" or not records):
            first, second = f"{session.busy} …", ""
            value, top = 0, 0  # a bar that runs to and fro
        elif state == "idle" and session.run is None:
            first, second, value, top = "", "", 0, 1
        elif state == "idle" and session.run is not None:
            how = "done" if session.run.record.complete else "ended early"
            seconds = sum(record.seconds for record in records)
            first, second = f"{how}: {len(records)} passes in {duration(seconds)}", ""
            value, top = 1, 1
        else:
            first, second = _words_of(records, expected, session), ""
            value, top = min(len(records), expected - 1), expected
        if records:
            second = f"threshold {records[-1].threshold:.4g}, mask {records[-1].mask_ml:.4g} ml"
        self.progress.setText(first or BLANK)
        self.numbers.setText(second or BLANK)
        if (self.bar.maximum(), self.bar.value()) != (top, value):
            self.bar.setUpdatesEnabled(False)  # else Qt draws it at once, and the window with it
            self.bar.setRange(0, top)
            self.bar.setValue(value)
            self.bar.setUpdatesEnabled(True)

    def _button(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setText(f"{name.capitalize()}\n{KEYS[name]}")
        button.setToolTip(f"{_TIPS[name]}\nKey: {KEYS[name]}")
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(name.capitalize())
        return button

    def _make_menu(self) -> None:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.addAction(self.fresh)
        run = self.buttons["run"]
        run.setMenu(menu)
        run.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        # "Go on" is wider than "Run", and the row must not jump.
        run.setMinimumWidth(run.fontMetrics().horizontalAdvance("Go on") + 36)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(3)
        for button in self.buttons.values():
            row.addWidget(button)
        foot = QGridLayout()
        foot.setHorizontalSpacing(6)
        foot.setVerticalSpacing(2)
        foot.setColumnStretch(0, 1)
        foot.addWidget(self.slider, 0, 0, 1, 2)
        foot.addWidget(self.shown, 1, 0, 1, 2)
        foot.addWidget(self.bar, 2, 0)
        foot.addWidget(self.cancel, 2, 1)
        foot.addWidget(self.progress, 3, 0, 1, 2)
        foot.addWidget(self.numbers, 4, 0, 1, 2)
        for label in (self.shown, self.progress, self.numbers):
            # Whatever it says, it takes neither more room nor less.
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            label.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addLayout(foot)


def expected_passes(records: Sequence[PassRecord]) -> int:
    """Of a run that began so; always more than it has."""
    usual = EXPECTED_PASSES if not records or records[0].phase == "search" else EXPECTED_REFINEMENT
    return max(usual, len(records) + 1)


def duration(seconds: float) -> str:
    """ "45 s", "3 min 05 s", "1 h 02 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _words_of(records: Sequence[PassRecord], expected: int, session: Session) -> str:
    if not records:
        return f"{session.state} …"
    words = f"{_PHASES[records[-1].phase]}, pass {len(records)} of about {expected}"
    if session.state != "running":
        return f"{session.state}: {words}"
    left = session.seconds_left
    return words if left is None else f"{words}, {duration(left)} left"


def _bind_keys(panel: RunPanel, viewer: Any) -> None:
    """In the viewer's window napari hears the keys; a dock that floats is a window of its own."""
    known = weakref.ref(panel)

    def pressed(name: str) -> Callable[[Any], None]:
        def press(_viewer: Any) -> None:
            alive = known()
            if alive is not None and isalive(alive):
                alive.press(name)

        return press

    for name, key in KEYS.items():
        viewer.bind_key(key, pressed(name), overwrite=True)
        shortcut = QShortcut(QKeySequence(key), panel)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(lambda name=name: panel.press(name))
