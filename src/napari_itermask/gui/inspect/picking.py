"""Which voxel does a person point at in the viewer? By a click, or by moving with a key held."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.inspect.gone import when_gone
from napari_itermask.gui.inspect.voxels import Voxel, voxel_at

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.stream import Stream

KEY = "H"
"""Turns picking on and off (for history). No layer of napari has a use for it."""
HELD = "Shift"
"""While it is held, every voxel under the mouse is picked."""


class Picker(QObject):
    """Listens to the viewer's mouse while it is on; a drag still moves the picture.

    Parameters
    ----------
    owner
        With its end the viewer's mouse and key are free again.
    """

    picked = Signal(object)  # the voxel (i, j, k) of the scan's file
    missed = Signal(str)  # why a click picked nothing, in a sentence
    turned = Signal(bool)

    def __init__(self, stream: Stream, owner: QWidget) -> None:
        super().__init__(owner)
        self._stream, self._viewer = stream, stream.viewer
        self._on = False
        known = weakref.ref(self)
        self._press, self._move = _press(known), _move(known)
        self._leave = _leaving(self._viewer, self._press, self._move)
        when_gone(self, self._leave)
        _bind_key(self._viewer, known)

    @property
    def on(self) -> bool:
        """Whether clicks in the viewer pick voxels."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        if on == self._on:
            return
        self._on = on
        if on:
            active = self._viewer.layers.selection.active
            if getattr(active, "mode", "pan_zoom") != "pan_zoom":
                active.mode = "pan_zoom"  # or the same click would paint
            self._viewer.mouse_drag_callbacks.append(self._press)
            self._viewer.mouse_move_callbacks.append(self._move)
        else:
            self._leave()
        self.turned.emit(on)

    def point(self, event: Any, *, aloud: bool = True) -> None:
        """Pick what lies under the mouse; ``aloud``: say so where there is nothing."""
        opened = self._stream.session.opened
        if opened is None:
            return
        displayed = list(event.dims_displayed)
        if len(displayed) == 2:
            voxel = voxel_at(opened, event.position)
            nothing = "The scan has no voxel there."
        else:
            voxel = self._first_masked(event, displayed)
            nothing = "In 3-D a click picks the first voxel of the mask under it: none is there."
        if voxel is not None:
            self.picked.emit(voxel)
        elif aloud:
            self.missed.emit(nothing)

    def _first_masked(self, event: Any, displayed: list[int]) -> Voxel | None:
        """Along the line of sight, in the mask layer or else in the overlay of components."""
        opened = self._stream.session.opened
        layer = self._stream.canvas.layer("mask")
        if layer is None or opened is None or not layer.visible:
            return None
        ends = layer.get_ray_intersections(event.position, event.view_direction, displayed)
        if ends[0] is None or ends[1] is None:
            return None
        start, end = (np.asarray(p, np.float64)[-3:] for p in ends)
        steps = 2 * int(np.ceil(np.abs(end - start).max())) + 1
        points = np.rint(np.linspace(start, end, steps)).astype(int)
        data = layer.data
        points = points[((points >= 0) & (points < data.shape)).all(axis=1)]
        found = np.flatnonzero(np.asarray(data[tuple(points.T)]) > 0)
        if not len(found):
            return None
        return voxel_at(opened, layer.data_to_world(points[found[0]]))


def _press(known: weakref.ref[Picker]) -> Callable[[Any, Any], Iterator[None]]:
    def press(_viewer: Any, event: Any) -> Iterator[None]:
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        picker = known()
        if picker is not None and isalive(picker) and not moved and event.button in (1, None):
            picker.point(event)

    return press


def _move(known: weakref.ref[Picker]) -> Callable[[Any, Any], None]:
    def move(_viewer: Any, event: Any) -> None:
        picker = known()
        if picker is not None and isalive(picker) and HELD in event.modifiers:
            picker.point(event, aloud=False)

    return move


def _leaving(viewer: Any, press: Any, move: Any) -> Callable[[], None]:
    def leave() -> None:
        for calls, call in (
            (viewer.mouse_drag_callbacks, press),
            (viewer.mouse_move_callbacks, move),
        ):
            with suppress(ValueError):
                calls.remove(call)

    return leave


def _bind_key(viewer: Any, known: weakref.ref[Picker]) -> None:
    def turn(_viewer: Any) -> None:
        picker = known()
        if picker is not None and isalive(picker):
            picker.on = not picker.on

    viewer.bind_key(KEY, turn, overwrite=True)

    def leave() -> None:
        for bound, call in list(viewer.keymap.items()):
            if call is turn:  # not that of a dock which was opened since
                del viewer.keymap[bound]

    picker = known()
    assert picker is not None
    when_gone(picker, leave)
