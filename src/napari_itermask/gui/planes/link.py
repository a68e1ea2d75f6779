"""How do the crosshair and napari's cursor and sliders follow each other?"""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.planes.frame import Frame, Point

STEER_MS = 40
"""Between two moves of napari's sliders while the crosshair is dragged."""


class Link(QObject):
    """The crosshair of one scan, tied to one viewer while the widget that owns it is seen.

    Parameters
    ----------
    viewer
        Whose cursor and sliders they are.
    owner
        The widget; while it is hidden nothing is followed.

    Attributes
    ----------
    frame
        The scan's; None: there is no scan, and nothing to follow.
    point
        Where the crosshair is, in the frame.
    follows_cursor
        Whether it goes with the cursor over napari's canvas.
    """

    moved = Signal()

    def __init__(self, viewer: Any, owner: QWidget) -> None:
        super().__init__(owner)
        self.frame: Frame | None = None
        self.point: Point = np.zeros(3)
        self.follows_cursor = True
        self._viewer, self._owner = viewer, owner
        self._sliders = self._sliders_now()  # where they stood when last looked at
        self._seen: tuple[float, ...] = ()  # where the cursor was
        self._steering = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(STEER_MS)
        self._later.timeout.connect(self.steer)
        listen(owner, viewer.dims.events.point, self.follow_sliders)
        listen(owner, viewer.cursor.events.position, self._follow_cursor)

    def enter(self, frame: Frame | None, middle: Point) -> None:
        """Take another scan: the crosshair is where the sliders are, or else in its middle."""
        self.frame = frame
        self._sliders = self._sliders_now()
        if frame is not None:
            point = frame.from_world(self._sliders) if self._sliders else middle
            self.point = point if frame.holds(point) else frame.nearest(middle)

    def go_to(self, point: Point) -> None:
        """Put the crosshair at a point, and have the sliders follow within a moment."""
        self._move(point)
        if not self._later.isActive():
            self._later.start()

    def world(self, point: Point) -> list[float]:
        """A point in the viewer's world, with all its axes."""
        assert self.frame is not None
        return [*self._viewer.dims.point[:-3], *self.frame.to_world(point).tolist()]

    def steer(self) -> None:
        """Move napari's sliders to the crosshair now."""
        self._later.stop()
        dims, frame = self._viewer.dims, self.frame
        if frame is None or dims.ndim < 3:
            return
        axes = tuple(range(dims.ndim - 3, dims.ndim))
        self._steering = True
        try:
            dims.set_point(axes, tuple(frame.to_world(self.point).tolist()))
        finally:
            self._steering = False
        self._sliders = self._sliders_now()

    def follow_sliders(self, _: Any = None) -> None:
        """Go along the axes whose sliders moved; the others may stand elsewhere."""
        if self._steering or self.frame is None or not self._owner.isVisible():
            return
        before, now = self._sliders, self._sliders_now()
        self._sliders = now
        if len(before) != len(now) or before == now:
            return
        world = self.frame.to_world(self.point)
        changed = [axis for axis in range(3) if before[axis] != now[axis]]
        world[changed] = [now[axis] for axis in changed]
        self._move(self.frame.from_world(world))

    def _follow_cursor(self, _: Any = None) -> None:
        dims, position = self._viewer.dims, tuple(self._viewer.cursor.position)
        before, self._seen = self._seen, position
        if not self.follows_cursor or self._steering or not self._owner.isVisible():
            return
        if self.frame is None or dims.ndisplay != 2 or not 3 <= dims.ndim == len(position):
            return
        # napari writes the sliders into the cursor too, also where the mouse is elsewhere.
        if len(before) == len(position) and all(before[d] == position[d] for d in dims.displayed):
            return
        point = self.frame.from_world(position)
        if self.frame.holds(point):
            self._move(point)

    def _move(self, point: Point) -> None:
        assert self.frame is not None
        self.point = point if self.frame.holds(point) else self.frame.nearest(point)
        self.moved.emit()

    def _sliders_now(self) -> tuple[float, ...]:
        dims = self._viewer.dims
        return tuple(dims.point[-3:]) if dims.ndim >= 3 else ()
