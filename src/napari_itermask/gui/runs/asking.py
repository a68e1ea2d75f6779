"""What does a dock ask a person? Folders, files, a line of text, yes or no: each one function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget


def ask_folder(parent: QWidget, title: str) -> Path | None:
    """A folder to write to or to read; None if the person cancels."""
    chosen = QFileDialog.getExistingDirectory(parent, title)
    return Path(chosen) if chosen else None


def ask_file(parent: QWidget, title: str, kinds: str) -> Path | None:
    """A file to read, such as ``"NIfTI (*.nii.gz *.nii)"``; None if the person cancels."""
    chosen, _ = QFileDialog.getOpenFileName(parent, title, filter=kinds)
    return Path(chosen) if chosen else None


def ask_text(parent: QWidget, title: str, question: str) -> str | None:
    """A line of text, which may be empty; None if the person cancels."""
    text, agreed = QInputDialog.getText(parent, title, question)
    return text.strip() if agreed else None


def ask_choice(parent: QWidget, question: str, choices: Sequence[str]) -> str | None:
    """One of ``choices``, which stand on buttons; None if the person cancels."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(question)
    buttons = {box.addButton(c, QMessageBox.ButtonRole.AcceptRole): c for c in choices}
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.exec()
    clicked = box.clickedButton()
    return next((choice for button, choice in buttons.items() if button is clicked), None)
