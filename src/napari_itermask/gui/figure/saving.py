"""Where is a figure or a movie to be written? A dialog, and a name with the ending that it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget


def ask_save(
    parent: QWidget, title: str, name: str, endings: Sequence[str]
) -> tuple[Path, bool] | None:
    """A file to write, and whether one that is there may be replaced: the dialog has asked.

    None if the person cancels. A name without an ending gets that of the chosen kind.
    """
    kinds = [f"{ending[1:].upper()} (*{ending})" for ending in endings]
    first = endings.index(Path(name).suffix) if Path(name).suffix in endings else 0
    chosen, kind = QFileDialog.getSaveFileName(parent, title, name, ";;".join(kinds), kinds[first])
    return None if not chosen else complete(chosen, kind, kinds, endings)


def complete(
    chosen: str, kind: str, kinds: Sequence[str], endings: Sequence[str]
) -> tuple[Path, bool]:
    """A chosen name with its ending; with a new one nobody was asked whether it may be replaced."""
    path = Path(chosen)
    if path.suffix.lower() in endings:
        return path, True
    ending = endings[kinds.index(kind)] if kind in kinds else endings[0]
    return path.with_name(path.name + ending), False
