"""Which runs are there, and what can be done with them: look, compare, name, save, repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QAction,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.parts.aside import Aside
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.messages import Messages, Remedy
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.runs.comparison_box import ComparisonBox
from napari_itermask.gui.runs.earlier_runs import EarlierRuns
from napari_itermask.gui.runs.run_actions import RunActions
from napari_itermask.gui.runs.run_buttons import RunButtons
from napari_itermask.gui.runs.run_files import MapEntry
from napari_itermask.gui.runs.run_words import details, differences
from napari_itermask.gui.runs.runs_table import RunsTable
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.gui.stream import Stream, stream_of
from napari_itermask.gui.trouble import Trouble, explain
from napari_itermask.gui.where.orientation import itself

if TYPE_CHECKING:
    from napari_itermask.gui.runs.runs_table import Row
    from napari_itermask.gui.session import Session

SETTLE_MS = 250
"""After a row was selected, before its run is shown: keys and Ctrl+click pass by others."""


class RunsDock(QWidget):
    """The runs of this session, and of earlier ones on request.

    Parameters
    ----------
    napari_viewer
        The viewer; napari gives it.
    session
        None: the viewer's own.
    """

    def __init__(self, napari_viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        viewer = itself(napari_viewer)
        stream = stream_of(viewer)
        if session is not None and session is not stream.session:
            stream = Stream(viewer, session)
        self._stream = stream
        self.session = stream.session
        self.maps: list[MapEntry] = []
        self._told: str | None = None
        self._restoring = False
        self._aside = Aside("itermask-runs", self)
        self.messages = Messages()
        self.table = RunsTable()
        self.does = RunActions(self, self._stream, self._aside, self.chosen)
        self.comparison = ComparisonBox(self._stream, self._aside, self._fail)
        self.details = QTextBrowser()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._make_controls()
        self._lay_out()
        self._wire()
        dress(self, viewer)
        self.refresh()

    @property
    def rows(self) -> list[Row]:
        """What the table lists, the newest run first."""
        return [*self.session.runs, *self.maps]

    def chosen(self) -> list[Row]:
        """What the buttons are for: the selected rows, else the run that is shown."""
        current = self._current()
        return self.table.chosen() or ([] if current is None else [current])

    def refresh(self, *_: Any) -> None:
        """Bring all of it up to date."""
        self.table.show_rows(self.rows, self._current())
        self._on_chosen()
        self._count()

    def restore(self, entry: RunEntry) -> None:
        """Show a run in the viewer, whatever is painted on the one that is shown."""
        if self.session.running:
            self.messages.note(f"{entry.name} is shown once the run that goes on has ended.")
            return
        if self.messages.trouble:
            self.messages.clear()
        self._restoring = True
        self.session.select(entry)

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.count = QLabel()
        self.count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        does = self.does
        self.load = QPushButton("Load…")
        self.load.setToolTip("Load a run from any folder, or another method's map, to compare.")
        menu = QMenu(self.load)
        menu.addAction("A run's folder…", does.load_run)
        menu.addAction("Another method's map or mask…", does.load_map)
        self.load.setMenu(menu)
        self.earlier = EarlierRuns(self.session, self._aside, self.messages)
        self.below = RunButtons(does, self.session)
        self.buttons = self.below.by_name
        self.details.setOpenLinks(False)
        self.details.setMinimumHeight(56)
        self.details.setAccessibleName("Details of the run")
        self.details.setStyleSheet("QTextBrowser { background: transparent; }")

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.count, 1)
        for button in (self.load, self.earlier, self.buttons["delete"]):
            top.addWidget(button)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.table)
        split.addWidget(self.details)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(split, 1)
        column.addWidget(self.comparison)
        column.addWidget(self.below)
        column.addWidget(self.messages)

    def _wire(self) -> None:
        session, does, table = self.session, self.does, self.table
        for signal in (session.runs_changed, session.state_changed):
            listen(self, signal, self.refresh)
        listen(self, session.run_changed, self._on_run)
        listen(self, session.troubled, self._on_trouble)
        table.chosen_changed.connect(self._on_chosen)
        table.chosen_changed.connect(self._settle.start)
        table.activated.connect(lambda index: self._activate(table.row_at(index)))
        table.source.renamed.connect(self._rename)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        self._settle.timeout.connect(self._restore_settled)
        self.comparison.turned.connect(self.refresh)
        does.said.connect(self._say)
        does.failed.connect(self._fail)
        does.progressed.connect(self._on_progress)
        does.loaded.connect(self._on_loaded)
        does.removed.connect(self._on_removed)
        shortcut = QShortcut(QKeySequence(Qt.Key.Key_Delete), table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.buttons["delete"].click)

    def _current(self) -> RunEntry | None:
        run = self.session.run
        return next((e for e in self.session.runs if run is not None and e.run is run), None)

    def _on_chosen(self) -> None:
        selected, chosen = self.table.chosen(), self.chosen()
        self.comparison.choose(selected)
        lines = [details(row) for row in chosen]
        runs = [row for row in chosen if isinstance(row, RunEntry)]
        if len(runs) == len(chosen) == 2:
            lines.insert(0, differences(*runs))
        text = "<hr>".join(lines)
        if text != self._told:
            self._told = text
            self.details.setHtml(text or "Select a run to see what makes it different.")
        self.below.refresh(chosen, self._current(), deletable=bool(selected))

    def _restore_settled(self) -> None:
        """Show the one run that is selected, unless that loses what the user does just now."""
        chosen = self.table.chosen()
        if len(chosen) != 1 or not isinstance(chosen[0], RunEntry):
            return
        entry = chosen[0]
        if entry is self._current() or self.session.running:
            return
        if not self.does.unsaved_painting:
            self.restore(entry)
            return
        self.messages.clear()
        self.messages.warn(
            f"the mask that is shown was painted: save it before {entry.name} takes its place.",
            [
                Remedy("Save painted…", "Save the painted mask.", self.does.save_corrected),
                Remedy(f"Show {entry.name}", "Leave the painting.", lambda: self.restore(entry)),
            ],
        )

    def _activate(self, row: Row) -> None:
        if isinstance(row, RunEntry):
            self._settle.stop()
            self.restore(row)

    def _rename(self, entry: RunEntry, name: str) -> None:
        try:
            self.session.rename(entry, name)
        except OSError as error:
            self._fail(error)

    def _open_menu(self, where: QPoint) -> None:
        chosen = self.table.chosen()
        if not chosen:
            return
        menu = QMenu(self.table)
        if len(chosen) == 1 and isinstance(chosen[0], RunEntry):
            menu.addAction("Show in the viewer", lambda: self._activate(chosen[0]))
            menu.addAction("Rename", lambda: self.table.edit(self.table.currentIndex()))
        if len(chosen) == 2:
            menu.addAction("Compare", self.comparison.compare)
        menu.addSeparator()
        for name in ("save", "python", "command", "folder", "delete"):
            button = self.buttons[name]
            action = QAction(button.text(), menu)
            action.triggered.connect(button.click)
            action.setEnabled(button.isEnabled())
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        viewport = self.table.viewport()
        assert viewport is not None
        menu.popup(viewport.mapToGlobal(where))

    def _count(self) -> None:
        runs = self.session.runs
        size = sum(entry.kept.bytes for entry in runs if entry.kept is not None) / 1e6
        number = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        self.count.setText(number)
        self.count.setToolTip(f"{number} in the list; on disk they take {size:.1f} MB.")

    def _on_progress(self, done: int, whole: int) -> None:
        self.below.show_progress(done, whole)
        self._on_chosen()

    def _on_loaded(self, row: Row) -> None:
        if isinstance(row, MapEntry):
            self.maps.append(row)
        self.refresh()
        self.table.choose(row)
        self._say(f"Loaded {row.name}: Ctrl+click a second row to compare them.")

    def _on_removed(self, row: MapEntry) -> None:
        self.maps.remove(row)
        self.refresh()

    def _on_trouble(self, trouble: Trouble) -> None:
        if self._restoring or trouble.kind == "file":  # the rest is for the Refine dock to say
            self._restoring = False
            self._warn(trouble.sentence)

    def _on_run(self, _: Any) -> None:
        self._restoring = False
        self.refresh()

    def _fail(self, error: BaseException) -> None:
        self._warn(explain(error).sentence)

    def _warn(self, sentence: str) -> None:
        self.messages.clear()
        self.messages.warn(sentence)

    def _say(self, sentence: str) -> None:
        self.messages.clear()
        self.messages.note(sentence)
