"""How do finished runs stand in a table: sortable, renamed in place, the shown one in bold?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QAbstractItemView, QTreeView, QWidget

from napari_itermask.gui.runs.run_files import MapEntry
from napari_itermask.gui.runs.run_words import COLUMNS, Cell, line

if TYPE_CHECKING:
    from napari_itermask.gui.shelf import RunEntry

    Row = RunEntry | MapEntry

SORT_ROLE = Qt.ItemDataRole.UserRole
TITLES = tuple(COLUMNS)
NUMBERS = ("Mask", "Passes", "Seconds")
WIDTHS = {
    "Name": 88,
    "Mask": 72,
    "Threshold": 108,
    "Passes": 56,
    "Seconds": 64,
    "When": 74,
    "Where": 96,
    "Scan": 80,
    "Model": 80,
}
"""In pixels, so that the first three are seen in a dock of 360 without scrolling."""


class RunsModel(QAbstractTableModel):
    """Rows of runs and maps; ``renamed`` asks for a new name, the rows follow once it is given."""

    renamed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._lines: list[tuple[Cell, ...]] = []
        self._current: Row | None = None

    def show(self, rows: Sequence[Row], current: Row | None) -> None:
        """Show these rows; those that stay keep their place and their selection."""
        self._current = current
        for at in reversed(range(len(self.rows))):
            if not _among(self.rows[at], rows):
                self.beginRemoveRows(QModelIndex(), at, at)
                del self.rows[at], self._lines[at]
                self.endRemoveRows()
        for at, row in enumerate(rows):
            if not _among(row, self.rows):
                self.beginInsertRows(QModelIndex(), at, at)
                self.rows.insert(at, row)
                self._lines.insert(at, line(row))
                self.endInsertRows()
        self._lines = [line(row) for row in self.rows]
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(TITLES) - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """How many runs and maps there are."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: ARG002, N802
        """As many as there are titles."""
        return len(TITLES)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:  # noqa: N802
        """Titles, and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        return COLUMNS[TITLES[section]] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """What a cell shows."""
        row, title = self.rows[index.row()], TITLES[index.column()]
        cell = self._lines[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if title in NUMBERS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(row is self._current)
            return font
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            shown = " It is shown in the viewer." if row is self._current else ""
            return f"{cell.text}.{shown}"
        return cell.key if role == SORT_ROLE else None

    def flags(self, index: QModelIndex) -> Any:
        """The name of a run can be edited."""
        flags = super().flags(index)
        if index.column() == 0 and not isinstance(self.rows[index.row()], MapEntry):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: QModelIndex, value: Any, role: int = 2) -> bool:  # noqa: N802
        """Ask for another name."""
        row, name = self.rows[index.row()], str(value).strip()
        if role != Qt.ItemDataRole.EditRole or not name or name == row.name:
            return False
        self.renamed.emit(row, name)
        return True


class RunsTable(QTreeView):
    """The table itself; Qt's signal ``activated`` comes with a double click and with Enter."""

    chosen_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = RunsModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.source)
        self._sorted.setSortRole(SORT_ROLE)
        self.setModel(self._sorted)
        self._selection = QItemSelectionModel(self._sorted, self)
        self.setSelectionModel(self._selection)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.setSortingEnabled(True)
        self.sortByColumn(TITLES.index("When"), Qt.SortOrder.DescendingOrder)
        self.setAccessibleName("Runs")
        self.setMinimumHeight(80)
        for at, title in enumerate(TITLES):
            self.setColumnWidth(at, WIDTHS[title])
        self._selection.selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def show_rows(self, rows: Sequence[Row], current: Row | None) -> None:
        """Show these rows, ``current`` in bold."""
        self.source.show(rows, current)

    def chosen(self) -> list[Row]:
        """The selected rows, from the top."""
        indices = sorted(self._selection.selectedRows(), key=lambda index: index.row())
        return [self.source.rows[self._sorted.mapToSource(index).row()] for index in indices]

    def choose(self, *rows: Row) -> None:
        """Select these rows and no other."""
        selection = QItemSelection()
        for row in rows:
            at = self._sorted.mapFromSource(self.source.index(_place(row, self.source.rows), 0))
            selection.select(at, at)
        flags = QItemSelectionModel.SelectionFlag
        self._selection.select(selection, flags.ClearAndSelect | flags.Rows)

    def row_at(self, index: QModelIndex) -> Row:
        """The row of an index of this view."""
        return self.source.rows[self._sorted.mapToSource(index).row()]


def _among(row: Row, rows: Sequence[Row]) -> bool:
    # By identity: two runs may be equal in all they say.
    return any(other is row for other in rows)


def _place(row: Row, rows: Sequence[Row]) -> int:
    return next(at for at, other in enumerate(rows) if other is row)
