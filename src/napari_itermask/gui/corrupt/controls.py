"""What is put into the scan, how strongly, and by which chance? Effect, severity and seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.corrupt.maker import Wanted
from napari_itermask.gui.parts.boxes import refuse, say_what_must, set_quietly
from napari_itermask.gui.parts.look import align, shape_combo
from napari_itermask.gui.refine.number_box import NumberBox, calm_wheel
from napari_itermask.synthetic.effects import EFFECTS, MOST, check_severity

NONE = "choose an effect"
STEPS = 100
"""Of the slider, for a severity of 1."""
SEVERITY_MUST = f"severity must be from 0 to {MOST:g}"
LARGEST_SEED = 2**53
"""Up to here every whole number is a float, which the box holds."""
SEED_MUST = "seed must be a whole number from 0 on"
LINES = 4
"""Of what an effect does: what is below stays where it is when another is chosen."""
DRAWS = 10_000
"""New seeds are below it: short enough to be noted down."""


class Controls(QWidget):
    """The rows of the dock that say what is wanted.

    Attributes
    ----------
    effect
        The combo box; its first entry is none.
    slider, severity
        The same number twice.
    seed, draw
        The box, and the button that draws another.
    about
        The label that says what the effect does.
    """

    changed = Signal()  # the user wants something else: read .wanted

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._severity, self._seed = 1.0, 0
        self.effect = _effects()
        self.slider, self.severity = _severity()
        self.seed = NumberBox(0, LARGEST_SEED, whole=True)
        self.seed.setToolTip("Of chance: the same seed gives the same place, shape and noise.")
        say_what_must(self.seed, SEED_MUST)
        self.draw = QPushButton("New draw")
        self.draw.setToolTip("Take another seed: another place, shape or noise.")
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(LINES * self.about.fontMetrics().lineSpacing())
        self._lay_out()
        self.effect.currentIndexChanged.connect(self._on_effect)
        self.slider.valueChanged.connect(self._on_slider)
        self.severity.valueChanged.connect(self._on_severity)
        self.seed.valueChanged.connect(self._on_seed)
        self.draw.clicked.connect(self._on_draw)
        self._show()

    @property
    def wanted(self) -> Wanted | None:
        """What is asked for; None while no effect is chosen."""
        effect = self.effect.currentData()
        return Wanted(effect, self._severity, self._seed) if effect else None

    def choose(self, effect: str) -> None:
        """Choose an effect by its name."""
        self.effect.setCurrentIndex(self.effect.findData(effect))

    def choose_none(self) -> None:
        """No effect, and no signal."""
        blocked = QSignalBlocker(self.effect)
        self.effect.setCurrentIndex(0)
        blocked.unblock()
        self._show()

    def _on_effect(self) -> None:
        self._show()
        self.changed.emit()

    def _on_slider(self, place: int) -> None:
        self._take(place / STEPS, self.slider)

    def _on_severity(self, value: float) -> None:
        try:
            self._take(check_severity(value), self.severity)
        except ValueError:
            refuse(self.severity, self._severity, SEVERITY_MUST)

    def _take(self, severity: float, source: QWidget) -> None:
        self._severity = severity
        if source is not self.severity:
            set_quietly(self.severity, severity)
        else:
            blocked = QSignalBlocker(self.slider)
            self.slider.setValue(round(STEPS * severity))
            blocked.unblock()
        self.changed.emit()

    def _on_seed(self, value: float) -> None:
        if not 0 <= value <= LARGEST_SEED:
            refuse(self.seed, self._seed, SEED_MUST)
            return
        self._seed = int(value)
        self.changed.emit()

    def _on_draw(self) -> None:
        other = int(np.random.default_rng().integers(DRAWS - 1))
        self.seed.setValue(other + (other >= self._seed))  # never the same

    def _show(self) -> None:
        effect = self.effect.currentData()
        for control in (self.slider, self.severity, self.seed, self.draw):
            control.setEnabled(effect is not None)
        self.about.setText(_words(effect) if effect else "")

    def _lay_out(self) -> None:
        strength, chance = QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (strength, (self.slider, self.severity)),
            (chance, (self.seed, self.draw)),
        ):
            row.setSpacing(4)
            for widget in widgets:
                row.addWidget(widget, 1)
        grid = QGridLayout()
        grid.setSpacing(4)
        align(grid)
        for at, (name, buddy) in enumerate(
            (("&Effect", self.effect), ("Se&verity", self.severity), ("See&d", self.seed))
        ):
            label = QLabel(name)
            label.setBuddy(buddy)
            label.setToolTip(buddy.toolTip())
            buddy.setAccessibleName(name.replace("&", ""))
            grid.addWidget(label, at, 0)
        self.slider.setAccessibleName("Severity, slider")
        grid.addWidget(self.effect, 0, 1)
        grid.addLayout(strength, 1, 1)
        grid.addLayout(chance, 2, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(grid)
        column.addWidget(self.about)


def _effects() -> QComboBox:
    combo = QComboBox()
    combo.addItem(NONE)
    for at, published in enumerate((True, False)):
        combo.insertSeparator(1 if at == 0 else combo.count())
        for effect in EFFECTS.values():
            if effect.published == published:
                combo.addItem(
                    f"{effect.name} (published)" if published else effect.name, effect.name
                )
                tip: Any = Qt.ItemDataRole.ToolTipRole
                combo.setItemData(combo.count() - 1, _words(effect.name), tip)
    shape_combo(combo, "The anomaly or artefact to put into the scan; none: the scan as it is.")
    combo.setMaxVisibleItems(combo.count())
    return combo


def _severity() -> tuple[QSlider, NumberBox]:
    tip = "0: nothing; 1: the default strength, for published effects the published one; 10: most."
    slider, box = QSlider(Qt.Orientation.Horizontal), NumberBox(0, MOST, least=0.1)
    slider.setRange(0, round(STEPS * MOST))
    slider.setSingleStep(STEPS // 10)
    slider.setPageStep(STEPS)
    slider.setValue(STEPS)
    box.setValue(1.0)
    for control in (slider, box):
        control.setToolTip(tip)
    calm_wheel(slider)
    say_what_must(box, SEVERITY_MUST)
    return slider, box


def _words(name: str) -> str:
    effect = EFFECTS[name]
    summary = effect.summary[:1].upper() + effect.summary[1:]
    one = "the published strength" if effect.published else "a default of ours"
    truth = "its whole outline" if effect.has_outline else "each voxel that changed visibly"
    return f"{summary}.\nSeverity multiplies {effect.severity}; 1 is {one}.\nTruth: {truth}."
