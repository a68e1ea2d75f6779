"""Which truth does a figure show? That of the window's session, a file, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from napari_itermask.gui.figure.asked import Truth
from napari_itermask.gui.inspect.truth_choice import FILES
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.runs.asking import ask_file

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session


class TruthLine(QWidget):
    """A combo box, and a button for a file. It is a truth of the open scan.

    ``ask_file`` is an attribute, so that a script or a test may answer it.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ask_file = ask_file
        self._session = session
        self._values: list[Path | str | None] = []
        self._files: list[Path] = []
        self._saved: tuple[Any, Path] | None = None
        self._chosen: Path | str | None = OF_SESSION
        self.combo = QComboBox()
        shape_combo(
            self.combo,
            "What is truly anomalous: that of the session (choose it in Inspect), or a file.\n"
            "Runs of other scans are drawn without it.",
        )
        self.combo.setAccessibleName("Truth")
        self.combo.activated.connect(self._on_combo)
        self.button = QPushButton("File…")
        self.button.setToolTip("Labels (NIfTI, MGZ) or boxes (CSV, JSON) from a file.")
        self.button.clicked.connect(self._open)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.combo)
        self.refresh()

    @property
    def truth(self) -> Truth | None:
        """What is chosen; None: no truth."""
        session, chosen = self._session, self._chosen
        scan, mask = session.scan, session.truth
        if scan is None or chosen is None or (chosen == OF_SESSION and mask is None):
            return None
        run = session.run
        source = run.record.scan if run is not None else None
        same = source.sha256 if source else str(id(scan))
        if isinstance(chosen, Path):
            return Truth(same, None, chosen)
        saved = self._saved
        path = saved[1] if saved is not None and saved[0] is mask else None
        return Truth(same, mask, path)

    def choose(self, chosen: Path | str | None) -> None:
        """A file, :data:`OF_SESSION`, or None."""
        if isinstance(chosen, Path) and chosen not in self._files:
            self._files.append(chosen)
        self._chosen = chosen
        self.refresh()
        self.changed.emit()

    def know(self, mask: Any, path: Path) -> None:
        """The session's truth was saved into a file."""
        self._saved = mask, path

    def refresh(self) -> None:
        """Offer what there is now."""
        there = self._session.truth is not None
        entries: list[tuple[str, Path | str | None]] = [("none", None)]
        entries += [("that of the session", OF_SESSION)] if there else []
        entries += [(file.name, file) for file in self._files]
        values = [value for _, value in entries]
        if values != self._values:
            self._values = values
            self.combo.clear()
            self.combo.addItems([words for words, _ in entries])
        at = values.index(self._chosen) if self._chosen in values else 0
        self.combo.setCurrentIndex(at)

    def _on_combo(self, at: int) -> None:
        self.choose(self._values[at])

    def _open(self) -> None:
        file = self.ask_file(self, "The truth of the open scan", FILES)
        if file is not None:
            self.choose(Path(file))


OF_SESSION = "session"
"""In place of a file: what the session has."""
