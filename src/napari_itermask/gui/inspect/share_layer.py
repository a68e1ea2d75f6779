"""How is the share of runs that agree on a voxel seen in the viewer? As colours over the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.inspect.voxels import selection_kept
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.space import metadata, placing, to_layer

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.placed.space import View
    from napari_itermask.inspection.stability import Stability

NAME = "share of runs"


class ShareLayer(QObject):
    """The layer "share of runs", made once and changed in place."""

    deleted = Signal()  # by the user

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._shown: Any = None
        self.layer: Any = None
        listen(owner, viewer.layers.events.removed, self._on_removed)

    def show(self, found: Stability, data: NDArray[np.float32], view: View) -> None:
        """Show a study's share; ``data`` is :func:`seen` of it."""
        if data is self._shown and self.layer is not None:
            return
        self._shown = data
        if self.layer is not None and self.layer.data.shape == data.shape:
            self.layer.data = data
            return
        self.remove()
        from napari.utils.colormaps import Colormap, ensure_colormap

        colours = ensure_colormap("viridis").map(np.linspace(0, 1, 256)).copy()
        colours[0, 3] = 0.0  # where no run calls it anomalous, the scan is seen
        shape = found.share.shape
        with selection_kept(self._viewer):
            self.layer = self._viewer.add_image(
                data,
                name=NAME,
                contrast_limits=(0.0, 1.0),
                colormap=Colormap(colours, name="viridis over glass"),
                blending="translucent",
                opacity=0.7,
                metadata=metadata(found.affine, shape, view=view, kind="share"),
                **placing(found.affine, shape, view),
            )

    def remove(self) -> None:
        """Take it out of the viewer."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if self.layer is not None and event.value is self.layer:
            self.layer = None
            self.deleted.emit()


def seen(found: Stability) -> NDArray[np.float32]:
    """The share as the layer has it, ``(S, A, R)``."""
    return to_layer(found.share, found.affine)
