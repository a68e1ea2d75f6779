"""What kind of figure, of what, how large? The controls that say it, those that matter shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QWidget,
)

from napari_itermask.figures.columns import NAMES
from napari_itermask.figures.recipe import KINDS
from napari_itermask.gui.figure.asked import DRAWN, belongs
from napari_itermask.gui.figure.lines import ColumnsLine, SlicesLine
from napari_itermask.gui.figure.run_choice import RunChoice
from napari_itermask.gui.figure.truth_line import TruthLine
from napari_itermask.gui.parts.boxes import refuse, say_what_must
from napari_itermask.gui.parts.look import align, shape_combo
from napari_itermask.gui.refine.number_box import NumberBox

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream

WIDTHS = ((180.0, "180 mm, a page"), (85.0, "85 mm, a column"))
OWN = "own"
_TIP = Qt.ItemDataRole.ToolTipRole


class Controls(QWidget):
    """A form; :attr:`values` are fields of a recipe.

    Attributes
    ----------
    kind, runs, truth, columns, show_map, slices, plane, every, convention, by, full, title,
    page_width, own_width, dpi
        Its controls.
    """

    changed = Signal()

    def __init__(self, stream: Stream, aside: Aside, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        session = stream.session
        self.kind = named([(kind, kind) for kind in DRAWN], "What is drawn.")
        for at, kind in enumerate(DRAWN):
            about = KINDS[kind]
            self.kind.setItemData(at, f"{about[:1].upper()}{about[1:]}.", _TIP)
        self.runs = RunChoice(session)
        self.truth = TruthLine(session)
        self.columns = ColumnsLine()
        shown = [("agreement or mask", ""), *((name, name) for name in NAMES)]
        self.show_map = named(shown, "What each slice shows.")
        self.slices = SlicesLine(stream, aside)
        planes = [(name, name) for name in ("axial", "coronal", "sagittal")]
        self.plane = named(planes, "The plane of the slices, unless slices are named above.")
        self.every = NumberBox(1, 200, unit="mm")
        self.every.setToolTip("From one slice to the next, unless slices are named above.")
        self.every.setValue(8.0)
        sides = [(name, name) for name in ("neurological", "radiological")]
        self.convention = named(sides, "Whose left is left; the figure states it.")
        self.by = named([("scan", "scan"), ("lesion", "lesion")], "A point for each.")
        self.full = QCheckBox("all of it, not its low part")
        self.full.setToolTip(
            "Thresholds rise steeply at the end of a search, where none is chosen."
        )
        self.title = QLineEdit()
        self.title.setPlaceholderText("none")
        self.title.setToolTip("Words above the figure.")
        self.page_width = named(
            [(words, mm) for mm, words in WIDTHS] + [(OWN, None)], "As printed."
        )
        self.own_width = NumberBox(30, 600, unit="mm")
        self.own_width.setValue(WIDTHS[0][0])
        self.own_width.setToolTip("A journal's column is about 85 mm, its page 180.")
        self.dpi = NumberBox(50, 1200, unit="dpi", whole=True)
        self.dpi.setValue(300)
        self.dpi.setToolTip("Dots per inch of a PNG, and of the maps in SVG and PDF.")
        self._rows: list[tuple[str, QLabel, QWidget]] = []
        self._lay_out()
        self._wire()
        self._on_kind()

    @property
    def values(self) -> dict[str, Any]:
        """Fields of a recipe but its runs and truth; also those that its kind has no use for."""
        width = self.page_width.currentData()
        return {
            "kind": self.kind.currentData(),
            "columns": self.columns.text,
            "show": self.show_map.currentData(),
            "slices": self.slices.text,
            "plane": self.plane.currentData(),
            "every": self.every.value(),
            "convention": self.convention.currentData(),
            "by": self.by.currentData(),
            "full": self.full.isChecked(),
            "title": self.title.text().strip(),
            "width": self.own_width.value() if width is None else width,
            "dpi": int(self.dpi.value()),
        }

    def choose(self, kind: str) -> None:
        """Draw another kind of figure."""
        self.kind.setCurrentIndex(self.kind.findData(kind))

    # Private ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        align(grid)
        for field, name, control in (
            ("kind", "Figure", self.kind),
            ("runs", "Runs", self.runs),
            ("truth", "Truth", self.truth),
            ("columns", "Columns", self.columns),
            ("show", "Show", self.show_map),
            ("slices", "Slices", self.slices),
            ("every", "Every", beside(self.every, self.plane)),
            ("convention", "Sides", self.convention),
            ("by", "Points by", self.by),
            ("full", "Curve", self.full),
            ("width", "Width", beside(self.page_width, self.own_width)),
            ("dpi", "Dots", self.dpi),
            ("title", "Title", self.title),
        ):
            label = QLabel(name)
            label.setBuddy(control)
            label.setToolTip(control.toolTip())
            if not control.accessibleName():
                control.setAccessibleName(name)
            at = len(self._rows)
            grid.addWidget(label, at, 0)
            grid.addWidget(control, at, 1)
            self._rows.append((field, label, control))
        for control, name in ((self.own_width, "width in mm"), (self.dpi, "dots per inch")):
            control.setAccessibleName(name)

    def _wire(self) -> None:
        self.kind.currentIndexChanged.connect(self._on_kind)
        for combo in (self.show_map, self.plane, self.convention, self.by, self.page_width):
            combo.currentIndexChanged.connect(self._on_change)
        for line in (self.runs, self.truth, self.columns, self.slices):
            line.changed.connect(self._on_change)
        self.title.textChanged.connect(self._on_change)
        self.full.toggled.connect(self._on_change)
        for box, name, low, high in (
            (self.own_width, "width", 30, 600),
            (self.dpi, "dots per inch", 50, 1200),
            (self.every, "distance of slices", 1, 200),
        ):
            must = f"{name} must lie between {low} and {high}"
            say_what_must(box, must)
            Within(box, low, high, must).taken.connect(self._on_change)

    def _on_kind(self, *_: Any) -> None:
        kind = self.kind.currentData()
        for field, label, control in self._rows:
            for widget in (label, control):
                widget.setVisible(belongs(field, kind))
        lightbox = kind == "lightbox"
        self.slices.line.setPlaceholderText("all over the brain" if lightbox else "largest")
        self._on_change()

    def _on_change(self, *_: Any) -> None:
        self.own_width.setVisible(self.page_width.currentData() is None)
        self.changed.emit()


class Within(QObject):
    """Takes from a box what lies within limits, and puts the number before back otherwise."""

    taken = Signal()

    def __init__(self, box: NumberBox, low: float, high: float, must: str) -> None:
        super().__init__(box)
        self._box, self._low, self._high, self._must = box, low, high, must
        self._kept = box.value()
        box.valueChanged.connect(self._on_value)

    def _on_value(self, value: float) -> None:
        if self._low <= value <= self._high:
            self._kept = value
            self.taken.emit()
        else:
            refuse(self._box, self._kept, self._must)


def named(entries: list[tuple[str, Any]], tip: str) -> QComboBox:
    """A combo box of words and what they stand for."""
    combo = QComboBox()
    for words, value in entries:
        combo.addItem(words, value)
    shape_combo(combo, tip)
    return combo


def beside(*controls: QWidget) -> QWidget:
    """Controls in one row."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for control in controls:
        row.addWidget(control, 1)
    holder.setFocusProxy(controls[0])
    holder.setToolTip(controls[0].toolTip())
    return holder
