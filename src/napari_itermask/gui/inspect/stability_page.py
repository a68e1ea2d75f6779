"""Would another seed or threshold have given another mask? The scan refined again over both."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.inspect.gone import when_gone
from napari_itermask.gui.inspect.page import Page
from napari_itermask.gui.inspect.share_layer import ShareLayer, seen
from napari_itermask.gui.inspect.stability_table import StabilityTable, spread_words
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.refine.number_box import NumberBox
from napari_itermask.gui.runs.asking import ask_folder

if TYPE_CHECKING:
    from pathlib import Path

    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.gui.stream import Stream
    from napari_itermask.inspection.stability import Stability
    from napari_itermask.method.steps import Step

NO_RUN = "Run once in Refine, or select a run in Runs: the same scan is refined again here."
ABOUT = (
    "The scan of this run is refined again with each seed and each threshold; a run's own seed "
    "comes first. Price: a run for each row, a search for each seed where the rule needs one."
)
PHASES = {"search": "search", "refine": "refinement"}


class StabilityPage(Page):
    """Seeds, multiples of gamma or of the threshold, and what they gave.

    Attributes
    ----------
    seeds, low, high, steps
        The boxes: how many seeds; from how many times gamma (or the threshold) to how many times,
        in how many steps.
    start
        The button: start, or stop.
    table, words
        A row for each run, and their spread.
    found
        The study so far.
    """

    _progressed = Signal(object, object, object)
    _passed = Signal(object, str, int)

    def __init__(self, stream: Stream, owner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ask_folder = ask_folder
        self._stream = stream
        self._aside = Aside("itermask-stability", self)
        self._layer = ShareLayer(stream.viewer, owner)
        self._looked: Looked | None = None
        self._of: Looked | None = None  # what the study is of
        self._stop: threading.Event | None = None
        self._stops: list[threading.Event] = []
        self.found: Stability | None = None
        self._data: Any = None  # the share as the layer has it
        when_gone(self, partial(_stop_all, self._stops))
        self._make_controls()
        self._lay_out()
        self._progressed.connect(self._on_run)
        self._passed.connect(self._on_pass)
        self._show()

    @property
    def busy(self) -> bool:
        """Whether a study goes on."""
        return self._stop is not None

    def take(self, looked: Looked | None) -> None:
        """Studies are of this run's scan, model and settings from now on."""
        self._looked = looked
        if self._of is not None and (looked is None or looked.own is not self._of.own):
            self.stop()
            self._stop = self._of = self.found = None
            self._layer.remove()
        self._show()

    def stop(self) -> None:
        """End it after the pass that goes on; the runs so far stay."""
        if self._stop is not None:
            self._stop.set()

    def begin(self) -> None:
        """Refine again with each seed and threshold, off the window's thread."""
        looked, session = self._looked, self._stream.session
        if looked is None or self.busy:
            return
        if session.running:
            self.told.emit("A run goes on: stop it, or wait for its end, before a study begins.")
            return
        from napari_itermask.inspection.stability import stability
        from napari_itermask.run import model_of

        run, truth = looked.own, looked.mask_of_truth
        settings = run.settings
        factors = self.factors
        tangent = settings.threshold_rule == "tangent"
        varied: dict[str, Any] = (
            {"gammas": [f * settings.gamma for f in factors]} if tangent else {"factors": factors}
        )
        stop = self._stop = threading.Event()
        self._stops[:] = [stop]
        self._of, self.found = looked, None
        count = int(self.seeds.value())
        told: dict[str, Any] = {
            "on_run": partial(self._note, stop),
            "on_step": partial(self._note_pass, stop),
            "stop": stop.is_set,
            "tell": _keep_quiet,
        }

        def work() -> Stability:
            model, device = run.model or model_of(run.record), session.device
            common = {"truth": truth, "device": device, "card": run.card}
            assert run.scan is not None
            return stability(run.scan, model, settings, count, **varied, **common, **told)

        self._aside.do(work, partial(self._on_done, stop), partial(self._on_failed, stop))
        self._show()

    @property
    def factors(self) -> list[float]:
        """The multiples of gamma or of the threshold."""
        low, high = sorted((self.low.value(), self.high.value()))
        return [float(f"{f:.6g}") for f in np.geomspace(low, high, int(self.steps.value()))]

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.seeds = _box(5, "How many seeds of the noise: the run's own, and the next ones.")
        self.low = _box(0.5, "The smallest multiple.", whole=False)
        self.high = _box(2, "The largest multiple.", whole=False)
        self.steps = _box(5, "How many multiples, evenly spread on a log scale.")
        self.what = QLabel()
        self.start = QPushButton("Start")
        self.start.clicked.connect(self._on_start)
        self.progress = QProgressBar()
        self.progress.setToolTip("Runs that are finished, of those that were asked for.")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.table = StabilityTable()
        self.layer_box = QCheckBox("show the share of runs")
        self.layer_box.setChecked(True)
        self.layer_box.setToolTip(
            "The layer “share of runs”: how many of the runs call each voxel anomalous, 0 to 1."
        )
        self.layer_box.toggled.connect(self._show_layer)
        self._layer.deleted.connect(partial(self.layer_box.setChecked, False))
        self.save = QPushButton("Save…")
        self.save.setToolTip("Write the share as NIfTI, the table as CSV, and how it was made.")
        self.save.clicked.connect(self._save)

    def _lay_out(self) -> None:
        rows = [QHBoxLayout() for _ in range(3)]
        seeds, times, to, steps = (QLabel(w) for w in ("seeds", "times", "to", "steps"))
        for row, widgets in zip(
            rows,
            (
                ((seeds, 0), (self.seeds, 1), (steps, 0), (self.steps, 1), (self.start, 0)),
                ((times, 0), (self.low, 1), (to, 0), (self.high, 1), (self.what, 1)),
                ((self.layer_box, 1), (self.save, 0)),
            ),
            strict=True,
        ):
            row.setSpacing(4)
            for widget, stretch in widgets:
                row.addWidget(widget, stretch)
        for label, box in ((seeds, self.seeds), (times, self.low), (steps, self.steps)):
            label.setBuddy(box)
            label.setToolTip(box.toolTip())
        self.high.setAccessibleName("to")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(rows[0])
        column.addLayout(rows[1])
        column.addWidget(self.progress)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(rows[2])

    def _on_start(self) -> None:
        if self.busy:
            self.stop()
        else:
            self.begin()

    def _note(self, stop: threading.Event, found: Stability) -> None:
        """In the thread: Qt hands the signal over."""
        self._progressed.emit(stop, found, seen(found))

    def _note_pass(self, stop: threading.Event, step: Step) -> None:
        self._passed.emit(stop, step.phase, step.number)

    def _on_pass(self, stop: threading.Event, phase: str, number: int) -> None:
        if stop is self._stop:
            self._say_progress(f", pass {number} of a {PHASES[phase]}")

    def _say_progress(self, more: str = "") -> None:
        found = self.found
        asked = int(self.seeds.value() * self.steps.value())
        whole, done = (asked, 0) if found is None else (found.planned, len(found.rows))
        self.progress.setRange(0, whole)
        self.progress.setValue(done)
        self.progress.setFormat(f"{done} of {whole} runs{more}" if self.busy or done else "")

    def _on_run(self, stop: threading.Event, found: Stability, data: Any) -> None:
        if stop is self._stop:
            self.found, self._data = found, data
            self._show()

    def _on_done(self, stop: threading.Event, found: Stability) -> None:
        if stop is self._stop:
            self._stop = None
            self.found = found if found.rows else None
            self._show()

    def _on_failed(self, stop: threading.Event, error: BaseException) -> None:
        if stop is self._stop:
            self._stop = None
            self._show()
            self._fail(error)

    def _show(self) -> None:
        looked, found = self._looked, self.found
        rule = looked.own.settings.threshold_rule if looked is not None else "tangent"
        self.what.setText("of gamma" if rule == "tangent" else "of the threshold")
        self.start.setEnabled(looked is not None)
        self.start.setText("Stop" if self.busy else "Start")
        self.start.setToolTip("End it; the runs so far stay." if self.busy else ABOUT)
        self._say_progress()
        for box in (self.seeds, self.low, self.high, self.steps):
            box.setEnabled(not self.busy)
        self.save.setEnabled(found is not None and not self.busy)
        gamma = self._of.own.settings.gamma if self._of is not None else 1.0
        self.table.show_rows(found.rows if found is not None else (), gamma)
        self.words.setText(
            NO_RUN if looked is None else ABOUT if found is None else spread_words(found)
        )
        self._show_layer()

    def _show_layer(self, *_: Any) -> None:
        if self.found is not None and self._of is not None and self.layer_box.isChecked():
            self._layer.show(self.found, self._data, self._of.opened.view)
        else:
            self._layer.remove()

    def _save(self) -> None:
        found = self.found
        folder: Path | None = self.ask_folder(self, "Save the study to") if found else None
        if found is None or folder is None:
            return
        self._aside.do(
            partial(found.save, folder),
            lambda saved: self.told.emit(f"The study was saved to {saved}."),
            self._fail,
        )


def _box(value: float, tip: str, *, whole: bool = True) -> NumberBox:
    box = NumberBox(1 if whole else 0.01, 100, whole=whole)
    box.setValue(value)
    box.setToolTip(tip)
    return box


def _stop_all(stops: list[threading.Event]) -> None:
    for stop in stops:
        stop.set()


def _keep_quiet(_: str) -> None:
    """What there is to tell stands in the study's notes."""
