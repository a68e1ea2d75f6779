"""How is one viewer looked at? Its plane, its convention, and letters at its canvas's edges."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, get_args

import numpy as np
from psygnal import Signal

from napari_itermask.gui.placed.space import KEY
from napari_itermask.gui.where.sides import (
    CODES,
    Codes,
    Convention,
    Letters,
    Plane,
    axes_of,
    codes_of,
    edge_letters,
    gaze,
    plane_of,
    space_letters,
    upright,
)

Place = Mapping[str, Any]
"""What a layer of ours carries under "itermask": affine, shape, and view where it follows one."""


def set_plane(viewer: Any, plane: Plane) -> None:
    """Show a plane, head or front up, at the point where the sliders stand; or the whole in 3-D.

    Raises
    ------
    ValueError
        If there is no such plane, or no volume in the window.
    """
    orientation_of(viewer).plane = plane


def set_convention(viewer: Any, convention: Convention) -> None:
    """Show axial and coronal planes as neurologists or as radiologists do; data is not touched.

    Before a scan is open it is only remembered.

    Raises
    ------
    ValueError
        If there is no such convention.
    """
    orientation_of(viewer).convention = convention


def orientation_of(viewer: Any) -> Orientation:
    """How ``viewer`` is looked at: one object for one viewer, as long as that lives."""
    viewer = itself(viewer)
    if viewer not in _ORIENTATIONS:
        _ORIENTATIONS[viewer] = Orientation(viewer)
    return _ORIENTATIONS[viewer]


def itself(viewer: Any) -> Any:
    """The viewer, also where napari hands a plugin a proxy of it, which soon dies."""
    return getattr(viewer, "__wrapped__", viewer)


class Orientation:
    """How one viewer is looked at; get it from :func:`orientation_of`.

    As long as somebody follows it, it draws the letters, and keeps the picture upright also when
    napari's own buttons roll the axes. While no layer is open of which it is known how it lies in
    the body, there are no letters, and the camera is as it was before.
    """

    changed = Signal()  # plane, convention, lettered or known

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._convention: Convention = "neurological"
        self._lettered = True
        self._followers: set[int] = set()
        self._before: tuple[Any, Any, Any] | None = None
        self._told: tuple[Any, ...] = ()
        self._drawn = Letters()
        self._places: weakref.WeakKeyDictionary[Any, Place] = weakref.WeakKeyDictionary()

    @property
    def known(self) -> bool:
        """Whether a volume is open of which it is known how it lies in the body."""
        viewer = self._viewer()
        return viewer is not None and self._codes(viewer) is not None

    @property
    def convention(self) -> Convention:
        """Where left and right are in axial and coronal planes."""
        return self._convention

    @convention.setter
    def convention(self, convention: Convention) -> None:
        _check("convention", convention, get_args(Convention))
        self._convention = convention
        self._turn()
        self._refresh()

    @property
    def lettered(self) -> bool:
        """Whether letters are wanted; they are drawn where something is known."""
        return self._lettered

    @lettered.setter
    def lettered(self, lettered: bool) -> None:
        self._lettered = lettered
        self._refresh()

    @property
    def plane(self) -> Plane | None:
        """What is shown; None while nothing is known."""
        viewer = self._viewer()
        codes = self._codes(viewer) if viewer is not None else None
        if viewer is None or codes is None:
            return None
        return plane_of(viewer.dims.order, viewer.dims.ndisplay, codes)

    @plane.setter
    def plane(self, plane: Plane) -> None:
        _check("plane", plane, get_args(Plane))
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndim < 3:
            raise ValueError("there is no volume in the window to show a plane of: open a scan.")
        codes = self._codes(viewer) or CODES
        axes = axes_of(plane, codes)
        dims, first = viewer.dims, viewer.dims.ndim - 3
        another, point = plane != self.plane, dims.point
        dims.ndisplay = 3 if plane == "3d" else 2
        dims.order = (*range(first), *(first + axis for axis in axes))
        dims.point = point  # leaving 3-D, napari moves the sliders to the camera's depth
        camera = _camera(viewer)
        camera.orientation = upright(dims.order, dims.ndisplay, self._convention, codes)
        if plane == "3d":
            camera.set_view_direction(*gaze(axes, codes))
        if another:
            viewer.reset_view(reset_camera_angle=False)
        self._refresh()

    @property
    def letters(self) -> Letters:
        """What lies at the edges of the canvas, by the visible layers."""
        viewer = self._viewer()
        codes = self._codes(viewer, seen=True) if viewer is not None else None
        if viewer is None or codes is None:
            return Letters()
        dims, camera = viewer.dims, _camera(viewer)
        if dims.ndisplay == 3:
            if not hasattr(viewer, "scene") and str(camera.orientation[0]) == "away":
                return Letters()  # napari 0.8 has the view's direction wrong then
            right = np.cross(camera.view_direction, camera.up_direction)
            if str(camera.handedness) == "left":
                right = -right
            return space_letters(dims.order, right.tolist(), camera.up_direction, codes)
        vertical, horizontal = map(str, camera.orientation2d)
        return edge_letters(dims.order, dims.ndisplay, horizontal, vertical, codes)

    def know(self, layer: Any, place: Place) -> None:
        """Take ``place`` for a layer that does not carry it: one of another plugin's reader."""
        self._places[itself(layer)] = place
        self._turn()
        self._refresh()

    def place_of(self, layer: Any) -> Place | None:
        """Where a layer lies in the body; None where that is not known."""
        own = (layer.metadata or {}).get(KEY, self._places.get(layer))
        return own if isinstance(own, Mapping) else None

    def follow(self, who: int) -> None:
        """Draw the letters from now on; ``who`` is the id of who wants them."""
        viewer = self._viewer()
        if viewer is None or who in self._followers:
            return
        if not self._followers:
            for emitter, callback in self._ears(viewer):
                emitter.connect(callback, position="last")  # after napari's own
        self._followers.add(who)
        self._turn()
        self._refresh()

    def leave(self, who: int) -> None:
        """Draw no letters for ``who`` any more; with the last one all callbacks go."""
        viewer = self._viewer()
        if viewer is None or who not in self._followers:
            return
        self._followers.remove(who)
        if not self._followers:
            for emitter, callback in self._ears(viewer):
                emitter.disconnect(callback)
            self._drawn = Letters()
            _erase(viewer)

    def _codes(self, viewer: Any, *, seen: bool = False) -> Codes | None:
        """Where the world's axes point to, by the lowest layer whose place is known."""
        layers: Iterable[Any] = viewer.layers if viewer.dims.ndim >= 3 else ()
        for layer in layers:
            place = self.place_of(layer)
            if place is not None and (layer.visible or not seen):
                return codes_of(place["view"]) if "view" in place else CODES
        return None

    def _ears(self, viewer: Any) -> tuple[tuple[Any, Any], ...]:
        camera = _camera(viewer)
        return (
            (viewer.dims.events.order, self._on_axes),
            (viewer.dims.events.ndisplay, self._on_axes),
            (camera.events.orientation, self._refresh),
            (camera.events.angles, self._refresh),
            (viewer.layers.events, self._on_layers),
        )

    def _on_axes(self) -> None:
        self._turn()
        self._refresh()

    def _on_layers(self, event: Any) -> None:
        if event.type in ("inserted", "removed") and self.known != (self._before is not None):
            self._turn()
        if event.type in ("inserted", "removed", "visible"):
            self._refresh()

    def _turn(self) -> None:
        """Turn the camera upright where something is known, else back to what it was."""
        viewer = self._viewer()
        if viewer is None:
            return
        camera, codes = _camera(viewer), self._codes(viewer)
        if codes is not None:
            self._before = self._before or camera.orientation
            order, ndisplay = viewer.dims.order, viewer.dims.ndisplay
            camera.orientation = upright(order, ndisplay, self._convention, codes)
        elif self._before is not None:
            camera.orientation, self._before = self._before, None

    def _refresh(self) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        if self._followers:
            letters = self.letters if self._lettered else Letters()
            if letters != self._drawn:
                self._drawn = letters
                _draw(viewer, letters)
        now = (self.plane, self._convention, self._lettered, self.known)
        if now != self._told:
            self._told = now
            self.changed.emit()


_ORIENTATIONS: weakref.WeakKeyDictionary[Any, Orientation] = weakref.WeakKeyDictionary()

_EDGES = {
    "left": "middle_left",
    "right": "middle_right",
    "top": "top_center",
    "bottom": "bottom_center",
}
"""Where napari puts a text so that it stands at an edge."""


def _check(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"there is no {what} {value!r}: take one of {', '.join(allowed)}.")


def _camera(viewer: Any) -> Any:
    scene = getattr(viewer, "scene", None)  # napari 0.9 moved the camera there
    return viewer.camera if scene is None else scene.camera


def _draw(viewer: Any, letters: Letters) -> None:
    texts = asdict(letters)
    canvas: Any = getattr(viewer, "canvas", None)
    if canvas is None:  # napari 0.8 has a single text, for all edges and all plugins
        said = "   ".join(f"{edge} {text}" for edge, text in texts.items() if text)
        viewer.text_overlay.text, viewer.text_overlay.visible = said, bool(said)
        return
    from napari.components.overlays import TextOverlay

    for edge, text in texts.items():
        name = f"{KEY}_{edge}"
        if name not in canvas.overlays:
            canvas.overlays[name] = TextOverlay(position=_EDGES[edge], font_size=14, gridded=True)
        overlay = canvas.overlays[name]
        overlay.text = text
        overlay.visible = bool(text)


def _erase(viewer: Any) -> None:
    canvas: Any = getattr(viewer, "canvas", None)
    if canvas is None:
        _draw(viewer, Letters())
        return
    for edge in _EDGES:
        canvas.overlays.pop(f"{KEY}_{edge}", None)
