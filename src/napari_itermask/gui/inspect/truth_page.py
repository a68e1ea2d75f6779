"""How well does the run meet the truth? Its own mask and the best cut of its map, side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.inspect.agreement_layer import AgreementLayer, kinds_of
from napari_itermask.gui.inspect.page import Page
from napari_itermask.gui.inspect.signs import PENS, sign
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.scans.scan import voxel_ml

if TYPE_CHECKING:
    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.inspection.agreement import Agreement

NO_RUN = (
    "Run once in Refine, or select a run in Runs: what it found is held against the truth here."
)
NO_TRUTH = "Choose a truth above: a Labels layer, or a file of labels or boxes."
TITLES = ("score", "own mask", "oracle threshold")
_ORACLE = (
    "Of the run's error map, cut where Dice is best with the truth in hand: what the map could "
    "give, not what a user gets."
)
TIPS = ("", "Of the mask that the run ended with, or that was painted since.", _ORACLE)
NONE = "–"


class TruthPage(Page):
    """The scores as a table, live; and hits, misses and false alarms as a layer.

    Parameters
    ----------
    aside
        The thread that scores.
    layer
        The overlay.

    Attributes
    ----------
    table
        A row for each score.
    agreement
        What it shows; None while there is nothing to show.
    """

    def __init__(self, aside: Aside, layer: AgreementLayer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scoring = Newest(aside, self)
        self._layer = layer
        self.agreement: Agreement | None = None
        self._make_controls()
        self._lay_out()
        self._scoring.busy_changed.connect(self._on_busy)
        layer.wanted_changed.connect(self.overlay.setChecked)
        layer.failed.connect(self._fail)

    @property
    def busy(self) -> bool:
        """Whether scores are on their way."""
        return self._scoring.busy

    def take(self, looked: Looked | None) -> None:
        """Score this run against its truth, off the window's thread."""
        self._scoring.drop()
        if looked is None or looked.truth is None:
            self._show_nothing(looked)
            return
        from napari_itermask.inspection.agreement import agreement

        run, truth = looked.run, looked.truth.mask
        self._scoring.ask(
            lambda: (agreement(run, truth), _volumes(run, truth)),
            partial(self._show, looked),
            self._fail,
        )

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.words = QLabel(NO_RUN)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        table = self.table = QTableWidget(0, len(TITLES))
        for column, words in enumerate(zip(TITLES, TIPS, strict=True)):
            title = QTableWidgetItem(words[0])
            title.setToolTip(words[1])
            table.setHorizontalHeaderItem(column, title)
        table.setAccessibleName("Scores")
        table.setToolTip("The scores of both masks; select cells and copy them with the button.")
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setWordWrap(True)
        table.setTabKeyNavigation(False)
        head, side = table.horizontalHeader(), table.verticalHeader()
        assert head is not None
        assert side is not None
        side.hide()
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.overlay = QCheckBox("show them in the viewer")
        self.overlay.setToolTip(
            "Hits (solid), misses (dashed) and false alarms (dotted) as the layer “agreement”."
        )
        self.overlay.toggled.connect(self._on_overlay)
        self.keys = [self._key(at) for at in range(len(PENS))]
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Put the table on the clipboard, for a spreadsheet.")
        self.copy.clicked.connect(self._copy)
        self.copy.setEnabled(False)

    def _key(self, at: int) -> QLabel:
        label = QLabel()
        label.setToolTip(
            f"{PENS[at].name.capitalize()} in the layer “agreement”, and its volume in ml."
        )
        return label

    def _lay_out(self) -> None:
        legend = QHBoxLayout()
        legend.setSpacing(4)
        for at, label in enumerate(self.keys):
            line = QLabel()
            line.setPixmap(sign(PENS[at], 20))
            legend.addWidget(line)
            legend.addWidget(label)
            legend.addStretch()
        below = QHBoxLayout()
        below.addWidget(self.overlay, 1)
        below.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.table, 1)
        column.addWidget(self.words)
        column.addLayout(legend)
        column.addLayout(below)
        self._name_keys(None)

    def _show(self, looked: Looked, found: tuple[Agreement, tuple[float, ...]]) -> None:
        self.agreement, volumes = found
        rows = self.agreement.table()
        self.table.setRowCount(len(rows))
        for at, (name, unit, own, oracle) in enumerate(rows):
            for column, text in enumerate((name, _text(own, unit), _text(oracle, unit))):
                item = QTableWidgetItem(text)
                if column:
                    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    item.setTextAlignment(right)
                    item.setToolTip("It is not defined here." if text == NONE else "")
                self.table.setItem(at, column, item)
        self.table.resizeRowsToContents()
        self._say(looked, self.agreement.notes)
        self._name_keys(volumes)
        self.copy.setEnabled(True)

    def _show_nothing(self, looked: Looked | None) -> None:
        self.agreement = None
        self.table.setRowCount(0)
        self.copy.setEnabled(False)
        self._name_keys(None)
        if looked is None:
            self._word(NO_RUN)
        else:
            self._word(_sentence(looked.problem) or NO_TRUTH)

    def _word(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def _say(self, looked: Looked, notes: tuple[str, ...]) -> None:
        truth = looked.truth
        lines = ["The mask was painted: these are its scores, not the run's."] * looked.painted
        lines += [f"Of the truth: {note}" for note in (truth.notes if truth else ())]
        lines += [_sentence(note) for note in notes]
        self._word("\n".join(lines))

    def _name_keys(self, volumes: tuple[float, ...] | None) -> None:
        for at, label in enumerate(self.keys):
            ml = "" if volumes is None else f" {volumes[at]:.3g}"
            unit = " ml" if ml and at == len(self.keys) - 1 else ""  # once is enough, in one line
            label.setText(f"{PENS[at].name}{ml}{unit}")

    def _on_overlay(self, wanted: bool) -> None:
        self._layer.wanted = wanted

    def _on_busy(self, busy: bool) -> None:
        # What is out of date is grey until the new numbers are there.
        self.table.setEnabled(not busy)

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        found = self.agreement
        if clipboard is None or found is None:
            return
        lines = ["\t".join(("score", "unit", "own mask", "oracle threshold"))]
        for name, unit, *values in found.table():
            lines.append("\t".join((name, unit, *("" if v is None else repr(v) for v in values))))
        clipboard.setText("\n".join(lines) + "\n")
        self.told.emit("The table is on the clipboard: paste it into a spreadsheet.")


def _volumes(run: Any, truth: Any) -> tuple[float, ...]:
    counts = np.bincount(kinds_of(run.mask, truth).ravel(), minlength=4)
    return tuple(float(n) * voxel_ml(run.affine) for n in counts[1:])


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    number = f"{value:.3f}" if not unit and abs(value) <= 1 else f"{value:.4g}"
    return f"{number} {unit}".strip()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
