"""How does the eye compare two pictures? One over the other, swapped on one key or by itself."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.parts.ties import at_the_end
from napari_itermask.gui.runs.compare import Flicker, Side, difference
from napari_itermask.gui.runs.compare_layers import (
    WHAT,
    flicker_layers,
    lies_over,
    remove,
    view_on,
)

if TYPE_CHECKING:
    from napari_itermask.gui.stream import Stream

KEY = "W"
"""Swaps. No layer of napari has a use for it."""

RATES = (0.5, 1.0, 2.0, 4.0)
"""Of Rock, in Hz."""

Sides = tuple[Side, Side]


class SwapBox(QWidget):
    """Swap between two results, or between the input and its reconstruction.

    Parameters
    ----------
    read
        Reads the two results that are chosen, and calls back; None as long as no two are.
    failed
        Is told what went wrong.
    """

    swapped = Signal()  # another side is shown, or the flicker is over: read .shown

    def __init__(
        self,
        stream: Stream,
        failed: Callable[[BaseException], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._stream, self._failed = stream, failed
        self.read: Callable[[Callable[[Sides], None]], None] | None = None
        self._flicker: Flicker | None = None
        self._names = ("", "")
        self._layers: tuple[Any, ...] = ()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.swap)
        self._make_controls()
        self._bind_key()

    @property
    def shown(self) -> str:
        """What is seen of the two; "" while nothing is swapped."""
        return self._names[self._flicker.side] if self._flicker is not None else ""

    def swap(self) -> None:
        """Show the other one: of the two that are chosen, else of the input and its repaint."""
        if self._flicker is not None:
            self._flicker.swap()
            self.swapped.emit()
        elif self.read is not None:
            self.read(self._begin_pair)
        else:
            self._begin_single()

    def rock(self, on: bool) -> None:
        """Swap at a steady rate, or stop that."""
        self._timer.stop()
        if on:
            self._timer.start()
            self.swap()
        with QSignalBlocker(self.rock_button):
            self.rock_button.setChecked(on)
        self.rock_button.setText(f"{'Stop' if on else 'Rock'} {self._rate:g} Hz")

    def set_rate(self, rate: float) -> None:
        """How often Rock swaps, in Hz."""
        self._rate = rate
        self._timer.setInterval(round(1000 / rate))
        self.rock_button.setText(f"{'Stop' if self._timer.isActive() else 'Rock'} {rate:g} Hz")

    def end(self) -> None:
        """Show what was shown before."""
        self.rock(False)
        flicker, self._flicker = self._flicker, None
        if flicker is not None:
            flicker.end()
        remove(self._stream.viewer, self._layers)
        self._layers = ()
        self.end_button.setEnabled(False)
        self.swapped.emit()

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.what = QComboBox()
        self.what.addItems(WHAT)
        shape_combo(self.what, "What of the two selected rows is swapped.")
        self.what.setAccessibleName("What is swapped")
        self.what.currentTextChanged.connect(lambda _: self.end())
        self.swap_button = QPushButton(f"Swap  {KEY}")
        self.swap_button.setToolTip(
            f"See the other one (key {KEY}): of two selected rows, else of the input and its "
            "reconstruction."
        )
        self.swap_button.clicked.connect(self.swap)
        self.rock_button = QToolButton()
        self.rock_button.setCheckable(True)
        self.rock_button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.rock_button.setMenu(self._make_rates())
        self.rock_button.setStyleSheet("QToolButton { padding-right: 18px; }")  # of the arrow
        self.rock_button.setToolTip("Swap to and fro by itself; the arrow chooses how often.")
        self.rock_button.toggled.connect(self.rock)
        self.end_button = QPushButton("End")
        self.end_button.setEnabled(False)
        self.end_button.setToolTip("Stop swapping, and show what was shown before.")
        self.end_button.clicked.connect(self.end)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.what, self.swap_button, self.rock_button, self.end_button):
            row.addWidget(widget)
        self.set_rate(2)

    def _make_rates(self) -> QMenu:
        menu = QMenu(self)
        for rate in RATES:
            menu.addAction(f"{rate:g} Hz", partial(self.set_rate, rate))
        return menu

    def _bind_key(self) -> None:
        """In the viewer's window napari hears the key; a dock that floats is its own window."""
        known, viewer = weakref.ref(self), self._stream.viewer

        def press(_viewer: Any) -> None:
            alive = known()
            if alive is not None:
                alive.swap()

        viewer.bind_key(KEY, press, overwrite=True)
        shortcut = QShortcut(QKeySequence(KEY), self)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(self.swap)

        def leave() -> None:
            for bound, call in list(viewer.keymap.items()):
                if call is press:  # not that of a dock which was opened since
                    del viewer.keymap[bound]

        at_the_end(self, leave)

    def _begin_pair(self, sides: Sides) -> None:
        what = next(kind for kind in WHAT if kind == self.what.currentText())
        try:
            difference(*sides)  # refuses what lies on different voxels
            if what == "reconstructions" and any(s.reconstruction is None for s in sides):
                raise ValueError(
                    "another method's map comes without a reconstruction: choose masks or error "
                    "maps."
                )
        except ValueError as error:
            self.rock(False)
            self._failed(error)
            return
        viewer, canvas = self._stream.viewer, self._stream.canvas
        self._layers = flicker_layers(viewer, sides, what, view_on(self._stream.session, sides[0]))
        hidden = [*self._over(), canvas.layer("mask") if what == "masks" else None]
        first, second = self._layers
        flicker = Flicker([first], [second], [layer for layer in hidden if layer is not None])
        self._begin(flicker, (sides[0].name, sides[1].name))

    def _begin_single(self) -> None:
        scan, repaint = self._stream.scan_layer, self._stream.canvas.layer("reconstruction")
        if scan is None or repaint is None:
            self.rock(False)
            self._failed(
                ValueError("there is no reconstruction yet to swap with: run, or select two rows.")
            )
            return
        flicker = Flicker([scan], [repaint], self._over())
        flicker.swap()
        self._begin(flicker, ("the input", "its reconstruction"))

    def _over(self) -> list[Any]:
        """What would lie over just the places that are looked at."""
        error = self._stream.canvas.layer("error")
        over = [layer for layer in self._stream.viewer.layers if lies_over(layer)]
        return over if error is None else [*over, error]

    def _begin(self, flicker: Flicker, names: tuple[str, str]) -> None:
        self._flicker, self._names = flicker, names
        self.end_button.setEnabled(True)
        self.swapped.emit()
