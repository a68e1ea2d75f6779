"""Where are the voxels whose stories are shown? A ring at the picked, a square at the pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject

from napari_itermask.figures.style import PURPLE
from napari_itermask.gui.inspect.signs import with_opacity
from napari_itermask.gui.inspect.voxels import Voxel, selection_kept, world_of
from napari_itermask.gui.parts.ties import listen

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.opening import Opened

NAME = "voxels of the story"
LOOKS = (("picked", "disc", "#F0E442"), ("pinned", "square", PURPLE))
SIZE_MM = 6.0


class Marks(QObject):
    """A Points layer with up to two points, there as long as there is one to show."""

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self.layer: Any = None
        listen(owner, viewer.layers.events.removed, self._on_removed)

    def show(self, opened: Opened | None, voxels: Sequence[Voxel | None]) -> None:
        """Mark the picked and the pinned voxel; None: it is none, or a region."""
        shown = [
            (world_of(opened, voxel), *look)
            for voxel, look in zip(voxels, LOOKS, strict=True)
            if voxel is not None and opened is not None
        ]
        if not shown or self._viewer.dims.ndim < 3:
            self.remove()
            return
        places, names, symbols, colours = (list(column) for column in zip(*shown, strict=True))
        layer = self.layer
        if layer is not None and list(layer.features["voxel"]) == names:
            if not np.array_equal(layer.data, places):
                layer.data = np.array(places)
            return
        self.remove()
        with selection_kept(self._viewer):
            self.layer = self._viewer.add_points(
                np.array(places),
                name=NAME,
                features={"voxel": names},
                symbol=symbols,
                face_color=[with_opacity(colour, 0.15) for colour in colours],
                border_color=colours,
                border_width=0.15,
                size=SIZE_MM,
                units=opened.view.units if opened is not None else None,
            )
        self.layer.editable = False

    def remove(self) -> None:
        """Take them out of the viewer."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.layer = None
