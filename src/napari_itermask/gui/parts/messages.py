"""What should a person know just now? A trouble and its way out, or notes, in a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QStyle,
    QWidget,
)

from napari_itermask.gui.parts.look import TROUBLE

LINES = 6
"""Of text; what is longer scrolls, so that the dock around it never jumps."""


@dataclass(frozen=True)
class Remedy:
    """A button that leads out of a trouble."""

    text: str
    tip: str
    do: Callable[[], None]


def copying(label: str, tip: str, text: str) -> Remedy:
    """A button that puts ``text`` on the clipboard."""

    def copy() -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)

    return Remedy(label, tip, copy)


class Messages(QFrame):
    """One trouble, red and with its remedies, or what is worth knowing; the text can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint, self._trouble = "", ""
        self._notes: list[str] = []
        self._ways: tuple[Remedy, ...] = ()
        self._question: QWidget | None = None
        self._buttons: list[QPushButton] = []
        self._icon = QLabel()
        self._icon.setFixedWidth(22)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._text.setAccessibleName("Messages")
        self._text.setToolTip("What went wrong and what can be done, or what is worth knowing.")
        self._row = QHBoxLayout()
        self._row.setSpacing(4)
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 4, 4, 4)
        grid.setSpacing(2)
        grid.addWidget(self._icon, 0, 0)
        grid.addWidget(self._text, 0, 1)
        grid.addLayout(self._row, 1, 0, 1, 2)
        grid.setRowStretch(0, 1)
        self._text.setMinimumHeight(0)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        # Buttons take their room from the text.
        self.setFixedHeight(LINES * self._text.fontMetrics().lineSpacing() + 24)
        self._show()

    @property
    def text(self) -> str:
        """What can be read."""
        return self._text.toPlainText()

    @property
    def trouble(self) -> str:
        """The trouble that is shown; "" without one."""
        return self._trouble

    @property
    def question(self) -> QWidget | None:
        """The controls of a question that is asked, if any."""
        return self._question

    def buttons(self) -> list[QPushButton]:
        """The remedies on offer."""
        return list(self._buttons)

    def hint(self, sentence: str, ways: Sequence[Remedy] = ()) -> None:
        """What stands there while there is nothing else to say, and what could be done next."""
        self._hint, self._ways = sentence, tuple(ways)
        if not self._trouble:
            self._empty_row()
            self._offer(self._ways)
        self._show()

    def note(self, sentence: str) -> None:
        """Something worth knowing; it stands until :meth:`clear`, below a trouble."""
        if sentence not in self._notes:
            self._notes.append(sentence)
        self._show()

    def warn(
        self, sentence: str, remedies: Sequence[Remedy] = (), question: QWidget | None = None
    ) -> None:
        """A trouble, with what can be done about it: buttons, or a question's own controls."""
        self._trouble = sentence
        self._empty_row()
        self._question = question
        if question is not None:
            self._row.addWidget(question, 1)
        self._offer(remedies)
        self._show()

    def _offer(self, remedies: Sequence[Remedy]) -> None:
        for remedy in remedies:
            button = QPushButton(remedy.text)
            button.setToolTip(remedy.tip)
            button.clicked.connect(remedy.do)
            self._buttons.append(button)
            self._row.addWidget(button)
        self._row.addStretch()

    def clear(self) -> None:
        """Nothing but the hint."""
        self._trouble = ""
        self._notes.clear()
        self._empty_row()
        self._offer(self._ways)
        self._show()

    def _empty_row(self) -> None:
        for widget in (*self._buttons, *filter(None, [self._question])):
            widget.hide()
            widget.deleteLater()
        self._question, self._buttons = None, []
        while self._row.takeAt(0) is not None:
            pass

    def _show(self) -> None:
        lines = [self._trouble, *self._notes] if self._trouble else self._notes
        text = "\n".join(line[:1].upper() + line[1:] for line in lines) or self._hint
        if text != self.text:
            self._text.setPlainText(text)
        signs = QStyle.StandardPixmap
        sign = signs.SP_MessageBoxWarning if self._trouble else signs.SP_MessageBoxInformation
        style = self.style()
        assert style is not None
        self._icon.setPixmap(style.standardIcon(sign).pixmap(18, 18) if text else QPixmap())
        self._icon.setAccessibleName("warning" if self._trouble else "information")
        state = "yes" if self._trouble else "no"
        if self.property(TROUBLE) != state:
            self.setProperty(TROUBLE, state)
            style.unpolish(self)  # Qt reads a changed property only so
            style.polish(self)
