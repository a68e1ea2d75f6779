"""Which runs does a figure show? The one that is shown in the window, or those that are ticked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_itermask.gui.figure.asked import Source
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.session import Session
from napari_itermask.gui.shelf import RunEntry

ROWS = 3
"""Of the list; the rest is scrolled to."""


class RunChoice(QWidget):
    """A combo box, and below it a list of this session's runs once some are to be ticked.

    Attributes
    ----------
    combo, list
        Its parts.
    folders
        Where runs were saved since, by their serial numbers, that the window itself does not keep.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.folders: dict[int, Path] = {}
        self.combo = QComboBox()
        self.combo.addItems(["the one that is shown", "those ticked below"])
        shape_combo(self.combo, "The run that is shown, or several: a row or a line for each.")
        self.combo.setAccessibleName("Runs")
        self.combo.activated.connect(self._on_mode)
        self.list = QListWidget()
        self.list.setAccessibleName("Runs to be drawn")
        self.list.setToolTip("Tick the runs that the figure shows; they stand in this order.")
        self.list.setFixedHeight(ROWS * self.list.fontMetrics().lineSpacing() + 26)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.itemChanged.connect(self._on_ticked)
        self.list.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.combo)
        column.addWidget(self.list)
        self.setFocusProxy(self.combo)
        self._ticked: set[int] = set()
        for signal in (session.runs_changed, session.run_changed):
            listen(self, signal, self._refresh)
        self._refresh()

    @property
    def sources(self) -> list[Source]:
        """The runs, as they stand in the list; none without a run."""
        if self.combo.currentIndex():
            return [self._source(e) for e in self._entries() if e.serial in self._ticked]
        run = self._session.run
        return [self._source(e) for e in self._entries() if run is not None and e.run is run]

    def tick(self, *entries: RunEntry) -> None:
        """Draw these runs of the session from now on; none: the one that is shown."""
        self.combo.setCurrentIndex(1 if entries else 0)
        self._ticked = {entry.serial for entry in entries}
        self._on_mode()

    def know(self, folders: Mapping[int, Path]) -> None:
        """Runs were saved: where, by their serial numbers."""
        self.folders.update(folders)

    # Private ----------------------------------------------------------------------------------

    def _entries(self) -> list[RunEntry]:
        return list(self._session.runs)

    def _source(self, entry: RunEntry) -> Source:
        folder = entry.folder or self.folders.get(entry.serial)
        busy = folder is None and self._session.keeping
        return Source(entry.serial, entry.name, entry.record, entry.run, folder, busy)

    def _on_mode(self, *_: Any) -> None:
        several = bool(self.combo.currentIndex())
        if several and not self._ticked:
            run = self._session.run
            self._ticked = {e.serial for e in self._entries() if run is not None and e.run is run}
        self.list.setVisible(several)
        self._refresh()
        self.changed.emit()

    def _on_ticked(self, item: QListWidgetItem) -> None:
        serial = item.data(Qt.ItemDataRole.UserRole)
        on = item.checkState() == Qt.CheckState.Checked
        (self._ticked.add if on else self._ticked.discard)(serial)
        self.changed.emit()

    def _refresh(self, *_: Any) -> None:
        before = self.list.blockSignals(True)
        self.list.clear()
        current = self._session.run
        for entry in self._entries():
            shown = current is not None and entry.run is current
            item = QListWidgetItem(f"{entry.name} (shown)" if shown else entry.name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = entry.serial in self._ticked
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            item.setData(Qt.ItemDataRole.UserRole, entry.serial)
            self.list.addItem(item)
        self.list.blockSignals(before)
