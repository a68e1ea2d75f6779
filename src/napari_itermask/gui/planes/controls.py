"""What shall be drawn, and where is the crosshair? The controls around the planes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.figures.panel import MASK_COLOUR, TRUTH_COLOUR
from napari_itermask.gui.parts.calm import Calm
from napari_itermask.gui.planes.reading import tenth

Choice = Literal["scan", "error", "reconstruction"]
Outline = Literal["mask", "truth"]

LINES = 3
"""Of words, and as many more as it takes to write WIDTH pixels."""
WIDTH = 900

_CHOICES: dict[Choice, str] = {
    "scan": "The scan alone, drawn as its layer is.",
    "error": "The error of the pass that is shown, over the scan, drawn as its layer is.",
    "reconstruction": "The repaint of the pass that is shown, in place of the scan.\n"
    "Space in a plane: there and back.",
}
_OUTLINES: dict[Outline, str] = {
    "mask": "Outline the mask of the pass that is shown.",
    "truth": "Outline the truth, where it is known.",
}
_PLACE = (
    "The crosshair in mm to the right, to the front and up (RAS), of the scan's own affine.\n"
    "Type another place and press Enter."
)


class Controls(QWidget):
    """Scan, error or reconstruction; which outlines; whether napari's cursor is followed."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choices = {choice: self._button(choice) for choice in _CHOICES}
        self.outlines = {name: self._box(name, tip) for name, tip in _OUTLINES.items()}
        self.follow = self._box(
            "follow cursor",
            "The crosshair goes with the cursor over napari's canvas.\n"
            "Off: it goes with the sliders alone, and where you click in a plane.",
        )
        group = QButtonGroup(self)
        for button in self.choices.values():
            group.addButton(button)
        self.choices["scan"].setChecked(True)
        for name, box in self.outlines.items():
            box.setIcon(_line(outline_pen(name)))
            box.setIconSize(QSize(22, 12))
        rows = QGridLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(4)
        for row, widgets in enumerate((self.choices, {**self.outlines, "follow": self.follow})):
            for at, widget in enumerate(widgets.values()):
                rows.addWidget(widget, row, at)

    @property
    def choice(self) -> Choice:
        """What is drawn."""
        return next(choice for choice, button in self.choices.items() if button.isChecked())

    def flip(self) -> None:
        """From the reconstruction to the scan, or from whatever is drawn to the reconstruction."""
        self.choices["scan" if self.choice == "reconstruction" else "reconstruction"].click()

    def _button(self, choice: Choice) -> QPushButton:
        button = QPushButton(choice.capitalize())
        button.setCheckable(True)
        button.setToolTip(_CHOICES[choice])
        button.clicked.connect(self.changed)
        return button

    def _box(self, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setChecked(True)
        box.setToolTip(tip)
        box.toggled.connect(self.changed)
        return box


class Words(QWidget):
    """The crosshair in mm, which can be typed, and what lies there.

    Attributes
    ----------
    place
        The line with the mm.
    values
        The label.
    """

    typed = Signal(object)  # three numbers, mm

    def __init__(self) -> None:
        super().__init__()
        self.place = QLineEdit()
        self.place.setAccessibleName("Crosshair, RAS mm")
        self.place.setToolTip(_PLACE)
        self.place.returnPressed.connect(self._on_return)
        label = QLabel("RAS")
        label.setBuddy(self.place)
        label.setToolTip(_PLACE)
        self.values = QLabel()
        self.values.setTextFormat(Qt.TextFormat.PlainText)
        self.values.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.values.setWordWrap(True)
        self.values.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.values.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.values.setAccessibleName("Values")
        self._mm: tuple[float, float, float] | None = None
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(label)
        row.addWidget(self.place)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(Calm(self.values), 1)

    def height_in(self, width: int) -> int:
        """The pixels in height that a strip of this width takes, whatever is said."""
        lines = LINES + WIDTH // max(width, 1)
        return int(self.place.sizeHint().height() + lines * self.fontMetrics().lineSpacing() + 10)

    def show_place(self, mm: tuple[float, float, float] | None) -> None:
        """Show the crosshair's mm, unless another place is just being typed."""
        self._mm = mm
        if not (self.place.hasFocus() and self.place.isModified()):
            self.place.setText("" if mm is None else ", ".join(tenth(c) for c in mm))

    def show_values(self, values: str = "", *sentences: str) -> None:
        """Show values, between which lines break but not within, and sentences below."""
        unbroken = values.replace(" ", "\u00a0").replace("\u00a0·\u00a0", " · ")
        self.values.setText("\n".join(filter(None, (unbroken, *sentences))))
        self.values.setToolTip("\n".join(filter(None, (values, *sentences))))

    def refuse(self, sentence: str) -> None:
        """Show the crosshair's mm again in place of what was typed, and say why."""
        self.place.setModified(False)
        self.show_place(self._mm)
        if self.isVisible():
            corner = self.place.mapToGlobal(self.place.rect().topLeft())
            QToolTip.showText(corner, sentence, self.place)

    def _on_return(self) -> None:
        typed = self.place.text()
        try:
            numbers = [float(part) for part in re.split(r"[,;\s]+", typed.strip(" ,;"))]
        except ValueError:
            numbers = []
        if len(numbers) != 3:
            self.refuse(
                f"{typed!r} is no place: give three numbers, mm to the right, to the front and "
                "up, such as -12, 34.5, 8."
            )
            return
        self.place.setModified(False)
        self.typed.emit(numbers)


def outline_pen(name: str) -> QPen:
    """Colour and line of an outline: told apart by every kind of eye."""
    colour, width, style = _LINES[name]
    pen = QPen(QColor(colour), width, style)
    pen.setCosmetic(True)  # in pixels, not in mm
    return pen


def outline_pens() -> Mapping[str, Any]:
    """That of each."""
    return {name: outline_pen(name) for name in _LINES}


_LINES = {
    "mask": (MASK_COLOUR, 2.5, Qt.PenStyle.SolidLine),
    "truth": (TRUTH_COLOUR, 1.5, Qt.PenStyle.DashLine),
}
"""Where both run along the same edge, both are seen."""


def _line(pen: QPen) -> QIcon:
    """A piece of an outline, on the ground that it is drawn on."""
    pixmap = QPixmap(22, 12)
    pixmap.fill(QColor("black"))
    painter = QPainter(pixmap)
    painter.setPen(QPen(pen.color(), 1.4 * pen.widthF(), pen.style()))
    painter.drawLine(2, 6, 20, 6)
    painter.end()
    return QIcon(pixmap)
