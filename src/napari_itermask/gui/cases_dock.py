"""Which case is next? A table of runs and scans to look through, with a flag and a comment each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
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

from napari_itermask.cohort.cases import Case, Cases, load_cases
from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.messages import Messages
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.runs.asking import ask_file
from napari_itermask.gui.stream import stream_of
from napari_itermask.gui.trouble import explain
from napari_itermask.gui.where.orientation import itself

if TYPE_CHECKING:
    from napari_itermask.gui.trouble import Trouble
    from napari_itermask.inspection.truth import Truth
    from napari_itermask.scans.scan import Scan

TITLES = ("Case", "Flag", "Difficulty", "Comment")
NAME, FLAG, DIFFICULTY, COMMENT = range(4)
HINT = (
    "Open a CSV table with a column run (folders of saved runs) or scan, and if you like truth, "
    "flag, difficulty and comment."
)
KEYS = {"next": "Ctrl+PgDown", "previous": "Ctrl+PgUp"}


class CasesDock(QWidget):
    """Walks through a table of cases; what is noted there is saved to it at once.

    Parameters
    ----------
    napari_viewer
        The viewer in whose session the cases are opened.

    Attributes
    ----------
    cases
        The table that is open; None without one.
    current
        The number of the case that is shown, from 0; None before the first.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = itself(napari_viewer)
        self.ask_file = ask_file
        self.cases: Cases | None = None
        self.current: int | None = None
        self._viewer, self.session = viewer, stream_of(viewer).session
        self._aside = Aside("itermask-cases", self)
        self._filling = False
        self._waits: Case | None = None  # whose truth is read once its scan is open
        self._layer: Any = None
        self.messages = Messages()
        self.count = QLabel()
        self.table = QTableWidget(0, len(TITLES))
        self._make_controls()
        self._lay_out()
        self._wire()
        dress(self, viewer)
        self.messages.hint(HINT)
        self._refresh()

    def open(self, path: Path) -> None:
        """Open a table, and its first case."""
        self._aside.do(partial(load_cases, path), self._on_table, self._fail)

    def show_case(self, number: int) -> None:
        """Open the run, or else the scan, of a case; its truth follows."""
        assert self.cases is not None
        case = self.cases.rows[number]
        self.messages.clear()
        self.current, self._waits = number, case
        if case.run is not None:
            self.session.open_run(case.run)
        else:
            assert case.scan is not None
            self.session.open(case.scan, case.brain_mask)
        self._refresh()

    def turn(self, by: int) -> None:
        """Go ``by`` cases further, not beyond the ends."""
        if self.cases is None:
            return
        there = by - 1 if self.current is None and by > 0 else (self.current or 0) + by
        if 0 <= there < len(self.cases.rows):
            self.show_case(there)

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.load = QPushButton("Open table…")
        self.load.setToolTip(HINT)
        self.previous, self.next = QPushButton("Previous"), QPushButton("Next")
        for button, key in ((self.previous, KEYS["previous"]), (self.next, KEYS["next"])):
            button.setShortcut(QKeySequence(key))
            button.setToolTip(f"Open the {button.text().lower()} case ({key}).")
        self.count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        table = self.table
        table.setHorizontalHeaderLabels(TITLES)
        table.setAccessibleName("Cases")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setToolTip(
            "Double-click a name to open it. Flag, difficulty (easy, medium, hard) and comment can "
            "be edited; they are saved to the table at once."
        )
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        columns.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Interactive)
        columns.setStretchLastSection(True)
        for column, width in ((NAME, 130), (FLAG, 44), (DIFFICULTY, 76)):
            table.setColumnWidth(column, width)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.count, 1)
        for button in (self.load, self.previous, self.next):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.messages)

    def _wire(self) -> None:
        self.load.clicked.connect(self._ask)
        self.next.clicked.connect(lambda: self.turn(1))
        self.previous.clicked.connect(lambda: self.turn(-1))
        self.table.cellDoubleClicked.connect(self._on_double_click)
        self.table.itemChanged.connect(self._on_edit)
        listen(self, self.session.scan_changed, self._on_scan)
        listen(self, self.session.run_changed, self._on_run)
        listen(self, self.session.troubled, self._on_trouble)

    def _ask(self) -> None:
        file = self.ask_file(self, "A table of cases", "Tables (*.csv *.tsv *.txt);;All files (*)")
        if file is not None:
            self.open(Path(file))

    def _on_table(self, cases: Cases) -> None:
        self.cases, self.current = cases, None
        self.messages.clear()
        self._filling = True
        self.table.setRowCount(len(cases.rows))
        for number, case in enumerate(cases.rows):
            self._fill(number, case)
        self._filling = False
        self.show_case(0)

    def _fill(self, number: int, case: Case) -> None:
        name = QTableWidgetItem(case.name)
        name.setFlags(name.flags() & ~Qt.ItemFlag.ItemIsEditable)
        name.setToolTip(str(case.run or case.scan))
        flag = QTableWidgetItem()
        flag.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        flag.setCheckState(Qt.CheckState.Checked if case.flag else Qt.CheckState.Unchecked)
        items = (name, flag, QTableWidgetItem(case.difficulty), QTableWidgetItem(case.comment))
        for column, item in enumerate(items):
            self.table.setItem(number, column, item)

    def _on_edit(self, item: QTableWidgetItem) -> None:
        if self._filling or self.cases is None or item.column() == NAME:
            return
        number, text = item.row(), item.text().strip()
        changes: dict[int, dict[str, Any]] = {
            FLAG: {"flag": item.checkState() == Qt.CheckState.Checked},
            DIFFICULTY: {"difficulty": text.lower()},
            COMMENT: {"comment": text},
        }
        if item.column() == DIFFICULTY and text.lower() not in ("", "easy", "medium", "hard"):
            self._warn(f"{text!r} is no difficulty: write easy, medium, hard or nothing.")
            self._put_back(number)
            return
        self.cases = self.cases.noted(number, **changes[item.column()])
        self._aside.do(self.cases.save, lambda _: self._refresh(), self._fail)

    def _put_back(self, number: int) -> None:
        assert self.cases is not None
        self._filling = True
        self._fill(number, self.cases.rows[number])
        self._filling = False

    def _on_double_click(self, row: int, column: int) -> None:
        if column == NAME:
            self.show_case(row)

    def _on_scan(self, scan: Scan | None) -> None:
        self._read_truth(scan)

    def _on_run(self, _: Any) -> None:
        # A run of the scan that is open already changes no scan.
        self._read_truth(self.session.scan)

    def _read_truth(self, scan: Scan | None) -> None:
        case = self._waits
        ready = case is not None and (case.run is None or self.session.run is not None)
        if case is None or scan is None or not ready:
            return
        self._waits = None
        self._take_layer_away()
        if case.truth is None:
            return
        from napari_itermask.inspection.truth import load_truth

        work = partial(load_truth, case.truth, scan)
        self._aside.do(work, partial(self._on_truth, scan), self._fail)

    def _on_truth(self, scan: Scan, truth: Truth) -> None:
        if self.session.scan is not scan:
            return
        from napari_itermask.gui.window import show_truth

        self.session.truth = truth.mask
        self._layer = show_truth(self._viewer, truth.mask, scan)
        for note in truth.notes:
            self.messages.note(note)

    def _take_layer_away(self) -> None:
        if self._layer is not None and self._layer in self._viewer.layers:
            self._viewer.layers.remove(self._layer)
        self._layer = None

    def _refresh(self) -> None:
        rows = self.cases.rows if self.cases else ()
        here = -1 if self.current is None else self.current
        flagged = sum(case.flag for case in rows)
        words = f"{here + 1} of {len(rows)}, {flagged} flagged" if rows else "no table"
        self.count.setText(words)
        self.previous.setEnabled(here > 0)
        self.next.setEnabled(here + 1 < len(rows))
        if here >= 0:
            self.table.selectRow(here)

    def _on_trouble(self, trouble: Trouble) -> None:
        if self._waits is not None:  # the case that was to be opened
            self._waits = None
            self._warn(trouble.sentence)

    def _fail(self, error: BaseException) -> None:
        self._warn(explain(error).sentence)

    def _warn(self, sentence: str) -> None:
        self.messages.clear()
        self.messages.warn(sentence)
