"""How does a person work through the components? In a table that sorts, filters and is edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QStyledItemDelegate,
    QTableView,
    QWidget,
)

from napari_itermask.gui.inspect.components_model import (
    COLUMNS,
    DIFFICULTIES,
    DIFFICULTY,
    TITLES,
    ComponentsModel,
    Filtered,
)

if TYPE_CHECKING:
    from napari_itermask.inspection.components import Component, Components
    from napari_itermask.inspection.review import Review


class ComponentsTable(QTableView):
    """The table itself: a click, or the arrow keys, choose a component."""

    chosen = Signal(object)  # the Component of the row that became the current one; None: none is

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = ComponentsModel(self)
        self._filtered = Filtered(self)
        self._filtered.setSourceModel(self.source)
        self.setModel(self._filtered)
        self.setSortingEnabled(True)
        self.sortByColumn(TITLES.index("ml"), Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setAccessibleName("Components")
        self.setItemDelegateForColumn(TITLES.index(DIFFICULTY), _Chooser(self))
        head, side = self.horizontalHeader(), self.verticalHeader()
        assert head is not None
        assert side is not None
        head.setMinimumSectionSize(24)
        self.setIconSize(QSize(24, 12))
        side.hide()
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 8)
        for at, column in enumerate(COLUMNS):
            self.setColumnWidth(at, column.width)
        self.setMinimumHeight(120)
        selection = self.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._on_current)

    @property
    def count(self) -> int:
        """How many rows the filter lets through."""
        return self._filtered.rowCount()

    def show_components(self, found: Components | None, reviews: Mapping[int, Review]) -> None:
        """Show these components; the one that was chosen is chosen no longer."""
        self.source.show(found, reviews)

    def narrow(self, kind: str, text: str) -> None:
        """Show rows of that kind ("": all) in which ``text`` stands anywhere."""
        self._filtered.narrow(kind, text)

    def current(self) -> Component | None:
        """The component that is chosen."""
        return self._component(self.currentIndex())

    def choose(self, number: int) -> None:
        """Choose a component by its number, if the filter lets it through."""
        if not 1 <= number <= len(self.source.rows):
            return
        at = self._filtered.mapFromSource(self.source.index(number - 1, 0))
        if at.isValid() and at.row() != self.currentIndex().row():
            self.setCurrentIndex(at)
            self.scrollTo(at)

    def _component(self, index: QModelIndex) -> Component | None:
        at = self._filtered.mapToSource(index).row()
        return self.source.rows[at] if index.isValid() and at >= 0 else None

    def _on_current(self, index: QModelIndex, _: QModelIndex) -> None:
        self.chosen.emit(self._component(index))


class _Chooser(QStyledItemDelegate):
    """Edits how hard a component is in a combo box."""

    def createEditor(self, parent: Any, _option: Any, _index: Any) -> QWidget:  # noqa: N802
        box = QComboBox(parent)
        box.addItems(["", *DIFFICULTIES])
        return box

    def setEditorData(self, editor: Any, index: Any) -> None:  # noqa: N802
        editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: Any, model: Any, index: Any) -> None:  # noqa: N802
        model.setData(index, editor.currentText(), Qt.ItemDataRole.EditRole)
