"""What does a person note of the component that is chosen? A flag, how hard it is, a comment."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QTextBrowser,
    QWidget,
)

from napari_itermask.gui.inspect.components_model import DIFFICULTIES
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.inspection.reasons import REASONS
from napari_itermask.inspection.review import NOTHING, Review

if TYPE_CHECKING:
    from napari_itermask.inspection.components import Component

LINES = 6
CHOOSE = "Choose a component in the table to go there and to see why it is one."


class ReviewBox(QWidget):
    """Tells of one component, and takes what is noted of it.

    Attributes
    ----------
    words
        Why it was missed or falsely found, with the numbers, and what to try.
    flag, difficulty, comment
        The controls.
    """

    reviewed = Signal(int, object)  # the component's number, its new Review

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._component: Component | None = None
        self._review = NOTHING
        self.words = QTextBrowser()
        self.words.setOpenLinks(False)
        self.words.setAccessibleName("The chosen component")
        self.words.setStyleSheet("QTextBrowser { background: transparent; }")
        self.words.setFixedHeight(LINES * self.words.fontMetrics().lineSpacing() + 10)
        self.flag = QCheckBox("flag")
        self.flag.setToolTip("Mark it, to come back to it.")
        self.flag.clicked.connect(self._tell)
        self.difficulty = QComboBox()
        self.difficulty.addItems(["how hard?", *DIFFICULTIES])
        shape_combo(self.difficulty, "How hard it is to tell, for a person.")
        self.difficulty.setAccessibleName("Difficulty")
        self.difficulty.activated.connect(self._tell)
        self.comment = QLineEdit()
        self.comment.setPlaceholderText("comment")
        self.comment.setAccessibleName("Comment")
        self.comment.setToolTip("What you think of it; saved with the run once you press Enter.")
        self.comment.editingFinished.connect(self._tell)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.words, 0, 0, 1, 3)
        for at, widget in enumerate((self.flag, self.difficulty, self.comment)):
            grid.addWidget(widget, 1, at)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 2)
        self.show_component(None, NOTHING)

    def show_component(self, component: Component | None, review: Review) -> None:
        """Tell of this component; None: none is chosen."""
        same = component is not None and component is self._component
        if not same:
            self._keep_typed()
        self._component, self._review = component, review
        self.words.setHtml(escape(CHOOSE) if component is None else words_of(component))
        for widget in (self.flag, self.difficulty, self.comment):
            widget.setEnabled(component is not None)
        self.flag.setChecked(review.flag)
        self.difficulty.setCurrentText(review.difficulty or self.difficulty.itemText(0))
        if not (same and self.comment.isModified()):
            self.comment.setText(review.comment)

    def _keep_typed(self) -> None:
        """A comment that was typed counts, also where another row is clicked meanwhile."""
        if self._component is not None and self.comment.isModified():
            self._tell()

    def _tell(self) -> None:
        component = self._component
        if component is None:
            return
        chosen = self.difficulty.currentText()
        review = Review(
            flag=self.flag.isChecked(),
            difficulty=chosen if chosen in DIFFICULTIES else None,
            comment=self.comment.text().strip(),
        )
        self.comment.setModified(False)
        if review != self._review:
            self._review = review
            self.reviewed.emit(component.number, review)


def words_of(component: Component) -> str:
    """A component in HTML: what it is, why, and what to try."""
    where = ", ".join(f"{round(c, 1) + 0.0:.1f}" for c in component.centroid_mm)
    head = (
        f"<b>{component.kind.capitalize()} {component.number}</b>, {component.volume_ml:.3g} ml, "
        f"centre at RAS {where} mm"
    )
    if component.region:
        head += f", in {escape(component.region)}"
    parts = [f"{head}."]
    if component.reason:
        parts.append(f"<b>{escape(_upper(component.reason))}</b>: {escape(component.because)}.")
    elif component.because:
        parts.append(f"{escape(_upper(component.because))}.")
    reason = REASONS.get(component.rule)
    if reason is not None:
        parts.append(f"<i>{escape(reason.sentence)} To try: {escape(reason.setting)}.</i>")
    return " ".join(parts)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
