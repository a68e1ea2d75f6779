"""How are components seen in the viewer? Outlined in the colour of their kind, each a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_itermask.figures.style import MASK_COLOUR
from napari_itermask.gui.inspect.signs import PENS, with_opacity
from napari_itermask.gui.inspect.voxels import selection_kept
from napari_itermask.gui.outline import outline
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.space import metadata, placing, to_layer

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.inspection.components import Components

NAME = "components"
COLOURS = {**{pen.name: pen.colour for pen in PENS}, "found": MASK_COLOUR}


class ComponentsLayer(QObject):
    """The layer "components"; its features are the table, so that napari's own shows it too."""

    picked = Signal(int)  # the label that was selected elsewhere: in napari's table, or with L
    deleted = Signal()  # by the user

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self.layer: Any = None
        listen(owner, viewer.layers.events.removed, self._on_removed)

    def show(
        self,
        looked: Looked,
        found: Components,
        data: NDArray[Any],
        more: Mapping[str, Sequence[Any]],
    ) -> None:
        """Show these components; ``data`` are :func:`seen` of them."""
        view = looked.opened.view
        facts = metadata(found.affine, found.labels.shape, view=view, kind=NAME)
        colours = DirectLabelColormap(color_dict=_colours(found))
        layer = self.layer
        if layer is not None and layer.data.shape == data.shape:
            layer.data = data
            layer.metadata = facts
            layer.colormap = colours
            self.describe(found, more)
            return
        self.remove()
        with selection_kept(self._viewer):
            layer = self._viewer.add_labels(
                data,
                name=NAME,
                metadata=facts,
                opacity=0.9,
                colormap=colours,
                features=found.features(more),
                **placing(found.affine, found.labels.shape, view),
            )
        outline(layer)
        layer.editable = False
        layer.events.selected_label.connect(self._on_label)
        self.layer = layer

    def describe(self, found: Components, more: Mapping[str, Sequence[Any]]) -> None:
        """Give the layer the table; ``more``: further columns, of the review."""
        if self.layer is not None:
            self.layer.features = found.features(more)

    def select(self, number: int) -> None:
        """Select a label, as a click in napari's table does."""
        if self.layer is not None and self.layer.selected_label != number:
            self.layer.selected_label = number

    def alone(self, *, alone: bool) -> None:
        """Show the selected component alone, or all."""
        if self.layer is not None and self.layer.show_selected_label != alone:
            self.layer.show_selected_label = alone

    def remove(self) -> None:
        """Take it out of the viewer."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _on_label(self, _: Any = None) -> None:
        if self.layer is not None and isalive(self):
            self.picked.emit(int(self.layer.selected_label))

    def _on_removed(self, event: Any) -> None:
        if self.layer is not None and event.value is self.layer:
            self.layer = None
            self.deleted.emit()


def _colours(found: Components) -> dict[int | None, Any]:
    """Of every label, that of its kind."""
    of_kind = {kind: with_opacity(colour, 1.0) for kind, colour in COLOURS.items()}
    return {
        None: "transparent",
        0: "transparent",
        **{row.number: of_kind[row.kind] for row in found.rows},
    }


def seen(found: Components) -> NDArray[Any]:
    """The labels as the layer has them, ``(S, A, R)``, in a type that napari draws faster."""
    small = np.uint16 if len(found) <= np.iinfo(np.uint16).max else np.int32
    return to_layer(found.labels.astype(small), found.affine)
