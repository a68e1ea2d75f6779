"""Which buttons stand below the table of runs, and when can they be pressed?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_itermask.gui.shelf import RunEntry

if TYPE_CHECKING:
    from napari_itermask.gui.runs.run_actions import RunActions
    from napari_itermask.gui.runs.runs_table import Row
    from napari_itermask.gui.session import Session

SAVE_ALL = "Save all…"

_BELOW = ("save", "all", "corrected", "python", "command", "folder")


class RunButtons(QWidget):
    """Save, correct, copy, open; the button to delete is for the dock to place."""

    def __init__(self, does: RunActions, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._does, self._session = does, session
        self.by_name = {
            "save": _button("Save…", "Save the selected runs to a folder.", does.save),
            "all": _button(
                SAVE_ALL,
                "Save every run of this session, each to a folder of its own.",
                does.save_all,
            ),
            "corrected": _button(
                "Save painted…",
                "Save the mask as you painted it beside the automatic one of the shown run.",
                does.save_corrected,
            ),
            "python": _button(
                "Copy Python", "Copy as Python: lines that make this run again.", does.copy_python
            ),
            "command": _button(
                "Copy command",
                "Copy as command: a line for the shell that makes this run again.",
                does.copy_command,
            ),
            "folder": _button("Open folder", "Show the run's files.", does.open_folder),
            "delete": _button(
                "Delete…", "Delete the selected runs, after a question (Delete).", does.delete
            ),
        }
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for at, name in enumerate(_BELOW):
            grid.addWidget(self.by_name[name], at // 3, at % 3)

    def refresh(self, chosen: Sequence[Row], current: RunEntry | None, *, deletable: bool) -> None:
        """Enable what can be done with the rows that are chosen and the run that is shown."""
        runs = [row for row in chosen if isinstance(row, RunEntry)]
        saving, session = self._does.saving, self._session
        enabled = {
            "save": bool(runs) and not saving,
            "all": saving or any(entry.number > 0 for entry in session.runs),
            "corrected": current is not None and not session.running,
            "python": len(runs) == 1,
            "command": len(runs) == 1,
            "folder": len(runs) == 1 and runs[0].kept is not None,
            "delete": deletable and not saving,
        }
        for name, on in enabled.items():
            self.by_name[name].setEnabled(on)

    def show_progress(self, done: int, whole: int) -> None:
        """How many runs are saved; the button that began it stops it."""
        text = f"Stop ({done}/{whole})" if self._does.saving else SAVE_ALL
        self.by_name["all"].setText(text)


def _button(text: str, tip: str, do: Callable[[], Any]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda _: do())
    return button
