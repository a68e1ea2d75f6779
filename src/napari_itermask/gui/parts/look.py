"""How do our docks stay readable on every theme of napari? By its own colours, and a few rules."""

from __future__ import annotations

import weakref
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QSizePolicy, QWidget

from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.refine.number_box import calm_wheel

TROUBLE = "trouble"
"""The property of a frame that is drawn with a border in the theme's colour of errors."""

_RULES = """
QPushButton:focus, QToolButton:focus, QComboBox:focus, QCheckBox:focus, QAbstractSpinBox:focus,
QLineEdit:focus, QPlainTextEdit:focus, QScrollArea:focus, QRadioButton:focus,
QGraphicsView:focus {{ border: 1px solid {text}; }}
QSlider:focus {{ border: 1px solid {text}; border-radius: 2px; }}
QToolButton {{ background-color: {primary}; border-radius: 2px; padding: 4px; }}
QToolButton:hover {{ background-color: {highlight}; }}
QToolButton:pressed {{ background-color: {current}; }}
QToolButton::menu-button {{ border: 0px; width: 16px; }}
QToolButton:disabled {{ background-color: {background}; border: 1px solid {primary}; }}
QPlainTextEdit {{ background-color: {background}; }}
QFrame[{trouble}="no"] {{ border: 1px solid {primary}; border-radius: 2px; }}
QFrame[{trouble}="yes"] {{ border: 2px solid {error}; border-radius: 2px; }}
QFrame[{trouble}] > * {{ border: 0px; }}
"""


def dress(widget: QWidget, viewer: Any) -> None:
    """Give a dock the viewer's theme, now and whenever it changes; focus becomes visible."""
    tailor = _Tailor(widget, viewer)
    tailor.fit()
    widget.setProperty("tailor", tailor)  # lives as long as the dock
    listen(widget, viewer.events.theme, tailor.fit)


def align(grid: QGridLayout) -> None:
    """Give a grid of labels and controls the columns that the others in the dock have."""
    widest = QLabel("Settings")  # of all labels there
    grid.setColumnMinimumWidth(0, round(1.3 * widest.fontMetrics().horizontalAdvance("Settings")))
    grid.setColumnStretch(1, 1)


def shape_combo(combo: QComboBox, tip: str) -> None:
    """Let a combo box take the width that is there, whatever its entries say."""
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(7)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    calm_wheel(combo)


class _Tailor:
    def __init__(self, widget: QWidget, viewer: Any) -> None:
        # Weakly, for the widget holds this through Qt, where Python's collector cannot look.
        self._widget, self._viewer = weakref.ref(widget), viewer

    def fit(self) -> None:
        widget = self._widget()
        if widget is None:
            return
        theme = get_theme(self._viewer.theme)
        names = ("background", "primary", "highlight", "current", "text", "error")
        colours = {name: getattr(theme, name).as_hex() for name in names}
        widget.setStyleSheet(_RULES.format(trouble=TROUBLE, **colours))
