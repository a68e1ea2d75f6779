"""How are hits, misses and false alarms seen in the viewer? One layer, three colours and outlines.

A Labels layer has one style of outline for all: so the outlines are voxels here, finer than the
scan's where those are coarse, drawn in the plane that is shown. Hits are solid, misses dashed,
false alarms dotted, as in the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_itermask.gui.inspect.signs import PENS, with_opacity
from napari_itermask.gui.inspect.voxels import selection_kept
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.placed.space import Affine, metadata, placing, to_layer
from napari_itermask.scans.grid import box_of

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.scans.intensity import Mask

Kinds = NDArray[np.uint8]

NAME = "agreement"
GAP, WITHIN = 3, 6
"""1, 2 and 3 are outlines; 4 to 6 the gaps in them, 7 to 9 what lies within."""
FINE_MM, MOST = 0.7, 3
"""About how wide an outline is, and into how many voxels one of the scan's is cut at most."""
FAINT = {0: 1.0, GAP: 0.12, WITHIN: 0.12}
"""Opacity of an outline, of its gaps, and of what lies within."""


class AgreementLayer(QObject):
    """The layer "agreement", kept up to date while it is wanted.

    Parameters
    ----------
    aside
        The thread in which outlines are drawn.
    owner
        The dock, whose end the layer outlives.
    """

    wanted_changed = Signal(bool)
    failed = Signal(object)  # what was raised

    def __init__(self, viewer: Any, aside: Aside, owner: QWidget) -> None:
        super().__init__(owner)
        self._viewer = viewer
        self._making = Newest(aside, self)
        self._looked: Looked | None = None
        self._wanted = False
        self.layer: Any = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._make)
        for signal in (viewer.dims.events.order, viewer.dims.events.ndisplay):
            listen(owner, signal, self._turn)
        listen(owner, viewer.layers.events.removed, self._on_removed)

    @property
    def wanted(self) -> bool:
        """Whether the layer is to be there."""
        return self._wanted

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted:
            self._make()
        else:
            self._remove()
        self.wanted_changed.emit(wanted)

    @property
    def busy(self) -> bool:
        """Whether outlines are on their way."""
        return self._making.busy or self._later.isActive()

    def look(self, looked: Looked | None) -> None:
        """Show how this run meets its truth; the layer waits where there is none."""
        self._looked = looked
        self._make()

    def _turn(self, _: Any = None) -> None:
        if self._wanted:
            self._later.start()

    def _make(self) -> None:
        looked = self._looked
        if not self._wanted:
            return
        if looked is None or looked.truth is None:
            self._making.drop()
            self._remove()
            return
        dims = self._viewer.dims
        across = None if dims.ndisplay == 3 else int(dims.order[-3]) - (dims.ndim - 3)
        run, truth = looked.run, looked.truth.mask
        self._making.ask(
            lambda: drawn(kinds_of(run.mask, truth), run.affine, across),
            partial(self._show, looked),
            self.failed.emit,
        )

    def _show(self, looked: Looked, made: Drawn) -> None:
        if not self._wanted:
            return
        view, layer = looked.opened.view, self.layer
        facts = metadata(made.affine, made.shape, view=view, kind=NAME)
        place = placing(made.affine, made.shape, view)
        if layer is not None and layer.data.shape == made.data.shape:
            layer.data = made.data
            layer.metadata = facts
            return
        self._remove()
        with selection_kept(self._viewer):
            layer = self._viewer.add_labels(
                made.data,
                name=NAME,
                metadata=facts,
                opacity=1.0,
                colormap=DirectLabelColormap(color_dict=colours()),
                features=features(),
                **place,
            )
        layer.editable = False
        self.layer = layer

    def _remove(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if self.layer is not None and event.value is self.layer:  # the user deleted it
            self.layer = None
            self.wanted = False


def kinds_of(mask: Mask, truth: Mask) -> Kinds:
    """1 where both are, 2 where the truth alone is, 3 where the mask alone is; ``(X, Y, Z)``."""
    both: Kinds = np.zeros(mask.shape, np.uint8)
    both[truth] = 2
    both[mask] = 3
    both[mask & truth] = 1
    return both


@dataclass(frozen=True, eq=False)
class Drawn:
    """The layer's voxels ``(S, A, R)``; affine and shape ``(X, Y, Z)`` say where they lie."""

    data: Kinds
    affine: Affine
    shape: tuple[int, ...]


def drawn(kinds: Kinds, affine: Affine, across: int | None) -> Drawn:
    """Outlines in the planes across one axis: gaps and what lies within get labels of their own.

    Parameters
    ----------
    kinds
        ``(X, Y, Z)``, 0 to 3.
    affine
        ``(4, 4)``: its voxels to RAS mm.
    across
        An axis of the layer (S, A, R). None: in 3-D bodies are drawn, not outlines.
    """
    if across is None or not kinds.any():
        return Drawn(to_layer(kinds, affine), affine, kinds.shape)
    # The file's axes along the layer's.
    axes = [int(np.flatnonzero(io_orientation(affine)[:, 0] == 2 - a)[0]) for a in range(3)]
    into, finer = np.eye(4), kinds
    for axis in (axes[a] for a in range(3) if a != across):
        times = int(np.clip(round(float(voxel_sizes(affine)[axis]) / FINE_MM), 1, MOST))
        finer = np.repeat(finer, times, axis)
        into[axis, axis], into[axis, 3] = 1 / times, (1 - times) / (2 * times)
    return Drawn(_outlined(to_layer(finer, affine), across), affine @ into, finer.shape)


def _outlined(kinds: Kinds, across: int) -> Kinds:
    box = box_of(kinds > 0)
    part = np.pad(kinds[box], 1)
    edge = np.zeros(part.shape, bool)
    for axis in {0, 1, 2} - {across}:
        for step in (1, -1):
            edge |= np.roll(part, step, axis) != part
    inner = tuple(slice(1, -1) for _ in range(3))
    part, edge = part[inner], edge[inner]
    rows, columns = (np.arange(n) for n in np.delete(part.shape, across))
    # Of these no line along an axis or a diagonal is all gap.
    at = np.expand_dims((rows[:, None] + 2 * columns) % 5, across)
    gap = ((part == 2) & (at >= 3)) | ((part == 3) & (at != 0) & (at != 3))
    out: Kinds = kinds.copy()
    out[box] = part + np.where(part > 0, np.where(edge, np.where(gap, GAP, 0), WITHIN), 0)
    return out


def colours() -> dict[int | None, Any]:
    """Of every label."""
    found: dict[int | None, Any] = {0: "transparent", None: "transparent"}
    for label, pen in enumerate(PENS, 1):
        for more, opacity in FAINT.items():
            found[label + more] = with_opacity(pen.colour, opacity)
    return found


def features() -> dict[str, list[Any]]:
    """What every label means, for napari's own table."""
    parts = {0: "outline", GAP: "gap in the outline", WITHIN: "within"}
    rows = [
        (label + more, pen.name, part)
        for more, part in parts.items()
        for label, pen in enumerate(PENS, 1)
    ]
    index, names, shown = zip(*rows, strict=True)
    return {"index": list(index), "kind": list(names), "part": list(shown)}
