"""Which of the viewer's layers? A combo box in step with them: new, gone, renamed, moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.parts.ties import listen


class LayerChoice(QComboBox):
    """Names of layers, and a few entries that are none.

    Parameters
    ----------
    viewer
        Whose layers.
    takes
        Whether a layer is offered.
    others
        Entries above the layers, text and value; the first is chosen where no layer is.
    tip
        Its tooltip.
    """

    chosen = Signal(object)  # a layer, or the value of another entry: the user chose it

    def __init__(
        self,
        viewer: Any,
        takes: Callable[[Any], bool],
        others: Sequence[tuple[str, Any]],
        tip: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._takes, self._others = viewer, takes, list(others)
        self._values: list[Any] = []
        shape_combo(self, tip)
        self._fill()
        self.activated.connect(lambda index: self.chosen.emit(self._values[index]))
        # A bound method each: napari calls with the event, which is of no use here.
        for name in ("inserted", "removed", "reordered"):
            listen(self, getattr(viewer.layers.events, name), self._fill_again)
        listen(self, viewer.layers.events, self._on_any)

    @property
    def value(self) -> Any:
        """The chosen layer, or the value of the entry that is none."""
        return self._values[self.currentIndex()]

    @value.setter
    def value(self, value: Any) -> None:
        """Show a choice without emitting; what is not offered becomes the first entry."""
        self.setCurrentIndex(self._place_of(value))

    def layers(self) -> list[Any]:
        """The layers on offer."""
        return self._values[len(self._others) :]

    def offer(self, others: Sequence[tuple[str, Any]]) -> None:
        """Change the entries that are no layers."""
        if list(others) != self._others:
            self._others = list(others)
            self._fill(self.value)

    def _fill(self, value: Any = None) -> None:
        layers = [layer for layer in reversed(self._viewer.layers) if self._takes(layer)]
        self._values = [value for _, value in self._others] + layers
        self.clear()
        self.addItems([text for text, _ in self._others] + [layer.name for layer in layers])
        self.setCurrentIndex(self._place_of(value))

    def _fill_again(self, _event: Any = None) -> None:
        self._fill(self.value)

    def _on_any(self, event: Any) -> None:
        if event.type == "name":
            self._fill_again()

    def _place_of(self, value: Any) -> int:
        return next((i for i, known in enumerate(self._values) if known == value), 0)
