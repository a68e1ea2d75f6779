"""By which rule is the threshold chosen, with which numbers? Also the legend of the curve."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QSizePolicy,
    QWidget,
)

from napari_itermask.gui.parts.boxes import refuse, say_what_must, set_quietly
from napari_itermask.gui.parts.palette import Palette
from napari_itermask.gui.refine.fields import help_of, label_of, range_words
from napari_itermask.gui.refine.number_box import NumberBox
from napari_itermask.gui.threshold.readings import RULES, Rule, Searched
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import POINTS
from napari_itermask.models.card import ModelCard

ABOUT: dict[Rule, str] = {
    "tangent": "The paper's rule: the threshold is where the curve's slope first exceeds gamma.\n"
    "Drag gamma in the plot of the slope.",
    "calibrated": "What healthy brains taught: the model's card gives the threshold for this scan.",
    "manual": "A threshold by hand: drag the threshold's line in the plot, or type it here.",
}
PRICE = "\nPrice of a change: a few passes; none while a line is dragged."


class RuleControls(QWidget):
    """A radio button for each rule, with its line's style, its threshold and its mask's volume.

    Attributes
    ----------
    rules, values, volumes
        The button of each rule, the label of its threshold, and of its mask's volume.
    boxes
        Boxes for "gamma", "y_limit" and "manual_threshold".
    full
        Whether the whole curve is looked at.
    fit
        The label that says how good the fit is, and whether it was accepted.
    """

    chosen = Signal(str)  # a rule
    turned = Signal(str, float)  # a setting's name and its new number, not yet checked

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(336)
        self.rules: dict[Rule, QRadioButton] = {}
        self.values: dict[Rule, QLabel] = {}
        self.volumes: dict[Rule, QLabel] = {}
        self.boxes = {
            "manual_threshold": NumberBox(0, 1e6, 0.0001),
            "gamma": NumberBox(1e-6, 1000),
            "y_limit": NumberBox(1e-6, 1e6),
        }
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, rule in enumerate(RULES):
            self._add_rule(grid, row, rule)
        grid.addLayout(self._numbers(), len(RULES), 0, 1, 3)
        for name, box in self.boxes.items():
            box.setToolTip(help_of(name))
            box.setAccessibleName(label_of(name))
            box.setMinimumWidth(box.fontMetrics().horizontalAdvance("0.00000") + 56)
            say_what_must(box, _must(name))
            box.valueChanged.connect(lambda value, name=name: self.turned.emit(name, value))
        self.full = QCheckBox("full range")
        self.full.setToolTip(
            "Show the whole curve: its last percent rises so high that it hides the useful part.\n"
            "The wheel over the plot zooms; this switch resets it."
        )
        self.fit = QLabel()
        self.fit.setWordWrap(True)
        self.fit.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.fit.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        grid.addWidget(self.full, len(RULES) + 1, 0, 1, 3)
        grid.addWidget(self.fit, len(RULES) + 2, 0, 1, 3)
        grid.setRowStretch(len(RULES) + 2, 1)

    def show_search(self, searched: Searched, settings: RefineSettings, card: ModelCard) -> None:
        """Show what each rule reads off a search under ``settings``."""
        readings = searched.read(settings)
        self._offer_calibrated(card)
        self.rules[settings.threshold_rule].setChecked(True)
        for rule in RULES:
            reading = readings.get(rule)
            self.volumes[rule].setText(f"{reading.millilitres:.1f} ml" if reading else "")
            if rule in self.values:
                self.values[rule].setText(f"{reading.threshold:.4g}" if reading else "")
        for name, box in self.boxes.items():
            set_quietly(box, getattr(settings, name))
        words = _fit_words(searched, settings)
        self.fit.setText(words)
        self.fit.setToolTip(words)

    def refuse(self, name: str, settings: RefineSettings) -> None:
        """Say why a number was not taken, and show the one that stays."""
        refuse(self.boxes[name], getattr(settings, name), _must(name))

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours for the pieces of line."""
        for rule, button in self.rules.items():
            button.setIcon(palette.icon(rule))

    def _add_rule(self, grid: QGridLayout, row: int, rule: Rule) -> None:
        button = self.rules[rule] = QRadioButton(rule)
        button.setIconSize(QSize(28, 12))
        # napari's style sheet hides from Qt how wide the dot and the icon are.
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance("calibrated") + 66)
        button.setToolTip(ABOUT[rule] + PRICE)
        button.clicked.connect(lambda _, rule=rule: self.chosen.emit(rule))
        grid.addWidget(button, row, 0)
        if rule == "manual":
            grid.addWidget(self.boxes["manual_threshold"], row, 1)
        else:
            value = self.values[rule] = QLabel()
            value.setToolTip(f"The threshold that the {rule} rule reads off this search.")
            grid.addWidget(value, row, 1)
        volume = self.volumes[rule] = QLabel()
        volume.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        volume.setMinimumWidth(volume.fontMetrics().horizontalAdvance("1234.5 ml"))
        volume.setToolTip(
            "Volume of the search's mask at this threshold; the refinement changes it further."
        )
        grid.addWidget(volume, row, 2)

    def _numbers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        for name in ("gamma", "y_limit"):
            label = QLabel(name)
            label.setBuddy(self.boxes[name])
            label.setToolTip(help_of(name))
            row.addWidget(label)
            row.addWidget(self.boxes[name], 1)
        return row

    def _offer_calibrated(self, card: ModelCard) -> None:
        known = card.calibration is not None
        self.rules["calibrated"].setEnabled(known)
        self.rules["calibrated"].setToolTip(
            ABOUT["calibrated"] + PRICE
            if known
            else f"Not with {card.name}: its card holds no calibration, for it was not measured on "
            "healthy brains."
        )


def _must(name: str) -> str:
    return f"{label_of(name)} must be {range_words(name)}"


def _fit_words(searched: Searched, settings: RefineSettings) -> str:
    fit = searched.fit(settings)
    if fit is None:
        done = len(searched.thresholds)
        return f"The search is at pass {done} of {POINTS}." if done else ""
    if fit.accepted:
        words = f"✓ Fit accepted: R² = {fit.r2:.3f}, {fit.points} points under y_limit."
    else:
        words = f"✗ Fit refused: {fit.reason}. Smoothed differences decide."
    note = searched.read(settings)["tangent"].note
    return f"{words} Note: {note}" if note else words
