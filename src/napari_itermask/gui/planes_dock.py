"""The Planes dock: what lies here, seen in three planes at once? One crosshair links them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_itermask.figures.panel import grey_limits
from napari_itermask.gui.parts.look import dress
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.planes.controls import Controls, Words, outline_pens
from napari_itermask.gui.planes.frame import Frame, Point
from napari_itermask.gui.planes.link import Link
from napari_itermask.gui.planes.looks import EARS, Look, Looks
from napari_itermask.gui.planes.painting import EARS as PAINTED, painted
from napari_itermask.gui.planes.picture import Picture
from napari_itermask.gui.planes.reading import labels_of, place_words, tenth, value_words
from napari_itermask.gui.planes.showing import Showing, Volume, showing, turned
from napari_itermask.gui.stream import stream_of
from napari_itermask.gui.where.orientation import itself, orientation_of

if TYPE_CHECKING:
    from napari_itermask.gui.opening import Opened
    from napari_itermask.gui.planes.plane import PlaneView

EMPTY = "Open a scan in Refine: its three planes appear here."
DRAW_MS = 15
"""Between what changed and its drawing; what changes meanwhile is drawn with it."""


class PlanesDock(QWidget):
    """Three linked planes of the scan and of the pass that is shown, and the values at a point.

    It follows napari's cursor and sliders, and moves the sliders. It does nothing while hidden.

    Parameters
    ----------
    napari_viewer
        The viewer in whose session the scan is open.

    Attributes
    ----------
    controls
        What is drawn.
    words
        The crosshair in RAS mm; what lies under the mouse, else at the crosshair.
    triptych
        The planes.
    shown
        The volumes that are drawn; None without a scan, and while hidden.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = itself(napari_viewer)
        self._viewer, self._stream = viewer, stream_of(viewer)
        self.session = self._stream.session
        self.shown: Showing | None = None
        self._orientation = orientation_of(viewer)
        self._link = Link(viewer, self)
        self._opened: Opened | None = None
        self._hover: Point | None = None
        self._stale = True  # whether the volumes may be others
        self._looks = Looks()
        self._plain: tuple[Any, tuple[float, float]] | None = None
        self._watched: dict[str, weakref.ref[Any]] = {}
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(DRAW_MS)
        self._later.timeout.connect(self._draw)
        self._build()
        dress(self, viewer)
        self._wire()

    @property
    def mm(self) -> tuple[float, float, float] | None:
        """Where the crosshair is, in RAS mm of the scan's true affine; None without a scan."""
        frame = self._link.frame
        if frame is None:
            return None
        x, y, z = frame.to_mm(self._link.point)
        return float(x), float(y), float(z)

    def go_to(self, mm: Sequence[float]) -> None:
        """Put the crosshair at RAS mm, and move napari's sliders there.

        Raises
        ------
        ValueError
            If no scan is open, or it does not reach there.
        """
        self._look_at_scan()
        frame, opened = self._link.frame, self._opened
        if frame is None or opened is None:
            raise ValueError("there is no scan to go to a place of: open one.")
        point = frame.from_mm(mm)
        if not (np.isfinite(point).all() and frame.holds(point)):
            raise ValueError(
                f"{', '.join(tenth(c) for c in mm)} mm lies outside {opened.name}: give mm to the "
                "right, to the front and up, within the scan."
            )
        self._link.go_to(point)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for three planes and their words in a row under the canvas."""
        return QSize(600, 260)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Catch up with what went on unseen."""
        super().showEvent(event)
        self._orient()
        self._link.follow_sliders()
        self._on_session()

    def hideEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let go of the volumes, and do nothing."""
        self._later.stop()
        self.shown = None
        super().hideEvent(event)

    # What goes on elsewhere -------------------------------------------------------------------

    def _wire(self) -> None:
        session, layers = self.session, self._viewer.layers.events
        for signal in (
            session.scan_changed,
            session.shown_changed,
            session.previewed,
            session.run_changed,
            session.state_changed,
            layers.inserted,
            layers.removed,
        ):
            listen(self, signal, self._on_session)
        listen(self, self._orientation.changed, self._orient)
        self._link.moved.connect(self._on_moved)
        self.controls.changed.connect(self._on_controls)
        self.words.typed.connect(self._on_typed)
        self.triptych.pointed.connect(self._on_pointed)
        self.triptych.hovered.connect(self._on_hovered)
        self.triptych.flipped.connect(self.controls.flip)

    def _on_session(self, _: Any = None) -> None:
        if not isalive(self):  # layers hold this weakly, and may call once Qt has deleted the dock
            return
        self._stale = True
        if not self.isVisible() and self._opened is not self.session.opened:
            self._leave_scan()  # it would be kept alive
        self._ask()

    def _orient(self, *_: Any) -> None:
        where = self._orientation
        self.triptych.orient(where.convention, lettered=where.lettered)

    def _ask(self, _: Any = None) -> None:
        """Draw in a moment."""
        if isalive(self) and self.isVisible() and not self._later.isActive():
            self._later.start()

    def _on_moved(self) -> None:
        self.triptych.point = self._link.point  # at once: the next key counts from there
        self._ask()

    # What is asked for here -------------------------------------------------------------------

    def _on_controls(self) -> None:
        self._link.follows_cursor = self.controls.follow.isChecked()
        self._ask()

    def _on_pointed(self, point: Point) -> None:
        if self._link.frame is not None:
            self._hover = None
            self._link.go_to(self._link.frame.nearest(point))

    def _on_hovered(self, point: Point | None) -> None:
        frame = self._link.frame
        inside = point is not None and frame is not None and frame.holds(point)
        self._hover = point if inside else None
        self._ask()

    def _on_typed(self, mm: Sequence[float]) -> None:
        try:
            self.go_to(mm)
        except ValueError as error:
            self.words.refuse(str(error))

    # What is drawn ----------------------------------------------------------------------------

    def _look_at_scan(self) -> None:
        """Take the frame of the open scan, if it is another."""
        opened = self.session.opened
        if opened is self._opened:
            return
        self._leave_scan()
        if opened is None:
            return
        scan = opened.scan
        frame = Frame(scan.affine, scan.image.shape, opened.view)
        low, high = frame.box(turned(scan.brain, scan.affine))
        self._link.enter(frame, (low + high) / 2)
        self.triptych.show_frame(frame, low, high)
        self.triptych.point = self._link.point
        self._opened = opened

    def _leave_scan(self) -> None:
        self._opened = self._hover = self.shown = self._plain = None
        self._link.enter(None, np.zeros(3))
        self.triptych.show_frame(None, np.zeros(3), np.zeros(3))

    def _draw(self) -> None:
        self._look_at_scan()
        frame, point = self._link.frame, self._link.point
        self.words.show_place(self.mm)
        if frame is None:
            self.words.show_values("", EMPTY)
            return
        if self._stale or self.shown is None:
            self.shown = self._showing(frame)
            self._stale = False
        if self.shown is not None:
            self._draw_planes(self.shown, frame, point)
            self.triptych.draw_cross()
            self._say_values(self.shown, frame)

    def _showing(self, frame: Frame) -> Showing | None:
        shown = showing(self.session, frame, self.shown)
        layer = self._stream.canvas.layer("mask")
        if layer is not None:
            self._watch("mask", layer, PAINTED, self._on_session)
        mask = painted(self._stream.canvas, frame)
        if shown is None or mask is None:
            return shown
        return replace(shown, volumes={**shown.volumes, "mask": mask}, words="mask as painted")

    def _draw_planes(self, shown: Showing, frame: Frame, point: Point) -> None:
        scan, choice = shown.volumes["scan"], self.controls.choice
        grey = shown.volumes.get("reconstruction", scan) if choice == "reconstruction" else scan
        colour = shown.volumes.get("error") if choice == "error" else None
        looks = self._look_of_scan(), self._look_of_error(shown) if colour is not None else None
        mm = frame.to_mm(point)
        for view in self.triptych.planes.values():
            view.draw(
                _picture(view, point, grey, looks[0]), _picture(view, point, colour, looks[1])
            )
            for kind, box in self.controls.outlines.items():
                volume = shown.volumes.get(kind) if box.isChecked() else None
                view.outline(kind, _picture(view, point, volume))
            view.name(f"{tenth(mm[view.across])} mm")

    def _look_of_scan(self) -> Look:
        layer, opened = self._stream.scan_layer, self._opened
        if layer is not None:
            return self._look_of("scan", layer)
        assert opened is not None
        if self._plain is None or self._plain[0] is not opened:
            self._plain = opened, grey_limits(opened.scan)
        return self._looks.plain("scan", "gray", self._plain[1])

    def _look_of_error(self, shown: Showing) -> Look:
        layer, threshold = self._stream.canvas.layer("error"), shown.threshold or 0.0
        if layer is not None:
            return self._look_of("error", layer)
        return self._looks.plain("error", "inferno", (threshold, max(2 * threshold, 1e-6)))

    def _look_of(self, kind: str, layer: Any) -> Look:
        self._watch(kind, layer, EARS, self._ask)
        return self._looks.of(kind, layer)

    def _watch(self, kind: str, layer: Any, events: Sequence[str], slot: Any) -> None:
        watched = self._watched.get(kind)
        if watched is None or watched() is not layer:
            self._watched[kind] = weakref.ref(layer)
            for name in events:
                getattr(layer.events, name).connect(slot)

    def _say_values(self, shown: Showing, frame: Frame) -> None:
        point, opened = self._link.point if self._hover is None else self._hover, self._opened
        assert opened is not None
        labels = labels_of(self._viewer.layers, self._stream.canvas.layer("mask"))
        values = value_words(shown, point, self._link.world(point), opened.name, labels)
        what = "Crosshair" if self._hover is None else "Mouse"
        where = f"{what} · {place_words(frame, point)}"
        tilt = f"The planes follow the scan, {frame.tilt:.0f}° oblique; the mm are the true ones."
        sentences = shown.words, tilt if frame.tilt >= 0.5 else ""
        self.words.show_values("\n".join(filter(None, (where, values))), *sentences)

    def _build(self) -> None:
        # pyqtgraph takes a tenth of a second: only where a dock is opened.
        from napari_itermask.gui.planes.triptych import Triptych

        self.controls, self.words = Controls(), Words()
        self.triptych = Triptych(self.words, outline_pens())
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addWidget(self.controls)
        column.addWidget(self.triptych, 1)


def _picture(
    view: PlaneView, point: Point, volume: Volume | None, look: Look | None = None
) -> Picture | None:
    """The slice of a volume that holds a point; None where there is none."""
    index = None if volume is None else volume.slice_at(view.across, point)
    if volume is None or index is None:
        return None
    corner, size = volume.first - volume.spacing / 2, volume.spacing * volume.size
    rect = corner[view.along], corner[view.up], size[view.along], size[view.up]
    key = (volume.content, index)
    pixels = np.array(volume.cut(view.across, index))  # a copy: no volume is kept alive by it
    if look is None:
        return Picture(key, pixels, rect)
    return Picture(key, pixels, rect, look.limits, look.colours, look.opacity, look.adds)
