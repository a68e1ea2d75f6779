"""What does a movie show, how fast, as which file? The controls that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QWidget

from napari_itermask.figures.film.settings import LARGEST, MovieSettings
from napari_itermask.gui.figure.controls import Within, beside, named
from napari_itermask.gui.figure.lines import SlicesLine
from napari_itermask.gui.parts.look import align
from napari_itermask.gui.refine.number_box import NumberBox

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream

PLANES, TURN = "planes", "turn"


class MovieControls(QWidget):
    """A form; :attr:`settings` are what it says.

    Attributes
    ----------
    name, what, slices, turn, convention, search, seconds, hold, fps, ending
        Its controls.
    """

    changed = Signal()

    def __init__(self, stream: Stream, aside: Aside, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLabel()
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name.setToolTip("Chosen on the page Figure; of several the first.")
        self.what = named(
            [("planes", PLANES), ("3-D, turning", TURN)], "Slices, or the head as it turns."
        )
        self.slices = SlicesLine(stream, aside, LARGEST)
        self.turn = _box(-3600, 3600, 360, "degrees", "How far the head turns in all.")
        sides = [(name, name) for name in ("neurological", "radiological")]
        self.convention = named(sides, "Whose left is left; the movie states it.")
        self.search = QCheckBox("with the search first, five times as fast")
        self.search.setToolTip("The search has a hundred passes.")
        self.seconds = _box(0.02, 60, 0.5, "s a pass", "How long a pass is seen.")
        self.hold = _box(0, 60, 2, "s at the end", "How much longer the last pass is seen.")
        self.fps = _box(1, 60, 20, "a second", "Frames per second.")
        self.ending = named([("mp4", ".mp4"), ("gif", ".gif")], "gif plays in every slide.")
        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        self._lay_out()
        self._wire()
        self._on_what()

    @property
    def settings(self) -> MovieSettings:
        """What the controls ask for.

        Raises
        ------
        FigureError
            If a value cannot be: one sentence.
        """
        turns = self.what.currentData() == TURN
        return MovieSettings(
            slices=self.slices.text or LARGEST,
            turn=self.turn.value() if turns else None,
            search=self.search.isChecked(),
            fps=self.fps.value(),
            seconds_per_pass=self.seconds.value(),
            hold=self.hold.value(),
            convention=self.convention.currentData(),
        )

    # Private ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        align(grid)
        for at, (name, control) in enumerate(
            (
                ("Run", self.name),
                ("Movie", self.what),
                ("Slices", self.slices),
                ("Turn", self.turn),
                ("Sides", self.convention),
                ("Passes", self.search),
                ("Time", beside(self.seconds, self.hold)),
                ("Frames", beside(self.fps, self.ending)),
            )
        ):
            label = QLabel(name)
            label.setBuddy(control)
            label.setToolTip(control.toolTip())
            if not control.accessibleName():
                control.setAccessibleName(name)
            grid.addWidget(label, at, 0)
            grid.addWidget(control, at, 1)
            self._rows[name] = label, control

    def _wire(self) -> None:
        self.what.currentIndexChanged.connect(self._on_what)
        for combo in (self.convention, self.ending):
            combo.currentIndexChanged.connect(self._on_change)
        self.slices.changed.connect(self._on_change)
        self.search.toggled.connect(self._on_change)
        for box, name, low, high in (
            (self.seconds, "seconds a pass", 0.02, 60),
            (self.hold, "seconds at the end", 0, 60),
            (self.fps, "frames a second", 1, 60),
            (self.turn, "turn", -3600, 3600),
        ):
            box.setAccessibleName(name)
            Within(box, low, high, f"{name} must lie between {low:g} and {high:g}").taken.connect(
                self._on_change
            )

    def _on_what(self, *_: Any) -> None:
        turns = self.what.currentData() == TURN
        for name, on in (("Slices", not turns), ("Sides", not turns), ("Turn", turns)):
            for widget in self._rows[name]:
                widget.setVisible(on)
        self.changed.emit()

    def _on_change(self, *_: Any) -> None:
        self.changed.emit()


def _box(low: float, high: float, value: float, unit: str, tip: str) -> NumberBox:
    box = NumberBox(low, high, unit=unit)
    box.setValue(value)
    box.setToolTip(tip)
    return box
