"""How do settings become controls and back? One function makes a field's, a form holds them all."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox
from magicgui.widgets.bases import BaseValueWidget
from psygnal import Signal
from pydantic import ValidationError
from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_itermask.gui.refine.fields import (
    FALLBACKS,
    LEGEND,
    MARKS,
    WORDS,
    ends_of,
    extra_of,
    help_of,
    kind_of,
    label_of,
    may_be_zero,
    range_words,
    unit_in_box,
)
from napari_itermask.gui.refine.number_box import Number, calm_wheel, short
from napari_itermask.method.settings import Group, Price, RefineSettings

_LEAST = {"manual_threshold": 0.01, "smoothing": 0.1, "rim": 0.5, "min_volume": 0.01}
_FITS = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_ONLY_UNDER = {"gamma": "tangent", "y_limit": "tangent", "manual_threshold": "manual"}
_TITLES: dict[Group, str] = {
    "threshold": "Threshold",
    "guide": "Guide",
    "refinement": "Refinement",
    "after": "After",
}


def control_of(name: str, settings: RefineSettings) -> BaseValueWidget[Any]:
    """The control of one field, showing its value in ``settings``.

    A combo box for named choices, a tick box for a bool, a number box that keeps every digit for
    the rest; one with a tick box before it where the field may be empty.
    """
    field = RefineSettings.model_fields[name]
    value = getattr(settings, name)
    kind, nullable = kind_of(field)
    common: dict[str, Any] = {"name": name, "tooltip": help_of(name)}
    control: BaseValueWidget[Any]
    if get_origin(kind) is Literal:
        choices = [(WORDS.get(name, {}).get(c, c), c) for c in get_args(kind)]
        control = ComboBox(choices=choices, value=value, **common)
    elif kind is bool:
        control = CheckBox(value=value, **common)
        control.text = ""  # its label stands before it
    else:
        low, high = ends_of(field)
        control = Number(
            value,
            nullable=nullable,
            fallback=FALLBACKS.get(name, 0.0),
            whole=kind is int,
            low=low,
            high=high,
            least=_LEAST.get(name, 0.01 if may_be_zero(field) else 0.0),
            unit=unit_in_box(field),
            **common,
        )
    return control


class SettingsForm:
    """All settings as controls, in four groups that fold.

    Attributes
    ----------
    native
        The Qt widget.
    groups
        The folding groups by name.
    controls
        The magicgui widget of each field.
    """

    changed = Signal(object)  # RefineSettings: the user changed it
    refused = Signal(str)  # a sentence: what was not taken, and why

    def __init__(self, settings: RefineSettings | None = None) -> None:
        self._settings = settings or RefineSettings()
        self.controls = {n: control_of(n, self._settings) for n in RefineSettings.model_fields}
        self.native = QWidget()
        self.groups: dict[Group, QCollapsible] = {
            group: _folding(title) for group, title in _TITLES.items()
        }
        column = QVBoxLayout(self.native)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        legend = QLabel(LEGEND)
        legend.setToolTip("Signs behind the controls: how many passes a change makes again.")
        column.addWidget(legend)
        for group, folding in self.groups.items():
            folding.setContent(self._rows(group))
            folding.collapse(animate=False)
            column.addWidget(folding)
        self.groups["threshold"].expand(animate=False)
        for name, control in self.controls.items():
            control.changed.connect(lambda value, name=name: self._on_changed(name, value))
        self._enable()

    @property
    def settings(self) -> RefineSettings:
        """What the controls show, whole and frozen."""
        return self._settings

    def show(self, settings: RefineSettings) -> None:
        """Show other settings; emits nothing."""
        before, self._settings = self._settings, settings
        for name in self.controls:
            if getattr(before, name) != getattr(settings, name):
                self._put_back(name)
        self._enable()

    def set_fallback(self, name: str, value: float) -> None:
        """What an empty field stands for, such as the cutoff that the model was trained with."""
        control = self.controls[name]
        assert isinstance(control, Number)
        control.set_fallback(value)

    def _on_changed(self, name: str, value: Any) -> None:
        try:
            settings = self._settings.replace(**{name: value})
        except ValidationError:
            self._refuse(name, short(value) if isinstance(value, float) else str(value))
            return
        if settings == self._settings:
            return
        self._settings = settings
        self._enable()
        self.changed.emit(settings)

    def _refuse(self, name: str, typed: str) -> None:
        kept = getattr(self._settings, name)
        self._put_back(name)
        kept_words = short(kept) if isinstance(kept, float) else "empty" if kept is None else kept
        whole = "a whole number, " if kind_of(RefineSettings.model_fields[name])[0] is int else ""
        sentence = (
            f"{label_of(name)} must be {whole}{range_words(name)}: {typed!r} was not taken, it "
            f"stays {kept_words}."
        )
        native = self.controls[name].native
        if native.isVisible():
            QToolTip.showText(native.mapToGlobal(native.rect().bottomLeft()), sentence, native)
        self.refused.emit(sentence)

    def _put_back(self, name: str) -> None:
        control = self.controls[name]
        with control.changed.blocked():
            control.value = getattr(self._settings, name)

    def _enable(self) -> None:
        for name, rule in _ONLY_UNDER.items():
            self.controls[name].enabled = self._settings.threshold_rule == rule

    def _rows(self, group: Group) -> QWidget:
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(6, 2, 0, 4)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        names = [n for n, f in RefineSettings.model_fields.items() if extra_of(f)["group"] == group]
        for row, name in enumerate(names):
            control = self.controls[name]
            native = control.native
            if isinstance(control, Number):
                control.box.unreadable.connect(lambda typed, name=name: self._refuse(name, typed))
            else:
                calm_wheel(native)
            if isinstance(native, QComboBox):
                native.setSizeAdjustPolicy(_FITS)
                native.setMinimumContentsLength(8)
            native.setAccessibleName(label_of(name))
            policy = QSizePolicy.Policy
            native.setSizePolicy(policy.Expanding, policy.Fixed)
            label = QLabel(label_of(name))
            label.setToolTip(help_of(name))
            label.setBuddy(native)
            grid.addWidget(label, row, 0)
            grid.addWidget(native, row, 1)
            grid.addWidget(_price_mark(name), row, 2)
        return rows


def _price_mark(name: str) -> QLabel:
    price: Price = extra_of(RefineSettings.model_fields[name])["price"]
    mark = QLabel(MARKS[price])
    mark.setToolTip(f"Price of a change: {price}.")
    mark.setAccessibleName(f"price: {price}")
    mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return mark


def _folding(title: str) -> QCollapsible:
    # superqt paints its arrows once, in the colour of the moment: a theme that comes later does not
    # reach them. In the text they are drawn as text.
    folding = QCollapsible(expandedIcon=QIcon(), collapsedIcon=QIcon())
    folding.setDuration(0)
    layout = folding.layout()
    assert layout is not None
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    button = folding.toggleButton()
    button.setToolTip(f"Fold or unfold the group {title}.")
    button.setAccessibleName(title)
    # It takes the outline away, and with it the sign of the keyboard's focus.
    button.setStyleSheet(
        "QPushButton, QPushButton:checked { text-align: left; font: bold; background: none; }"
    )

    def tell(unfolded: bool) -> None:
        folding.setText(f"{'▾' if unfolded else '▸'}  {title}")

    folding.toggled.connect(tell)
    tell(folding.isExpanded())
    return folding
