"""How do three planes lie beside each other? In one scale, around one point, beside words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qtpy.QtCore import QRect, Signal
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.planes.controls import Words
from napari_itermask.gui.planes.frame import CODES, PLANES, Frame, Point, axes_in, mirrored
from napari_itermask.gui.planes.plane import PlaneView
from napari_itermask.gui.where.sides import Convention, Letters, edge_letters, upright

BRAIN = (150.0, 180.0, 140.0)
"""mm to the right, to the front and up that are shared out while no scan is open."""
MARGIN = 10.0
"""mm around the brain."""
SPACE = 3
"""Pixels between two pictures."""
BESIDE = 230
"""Pixels that words beside a row of planes take."""
LEAST_WORDS = 150
"""Pixels in width that words beside the pictures need."""
ZOOMS = (0.4, 30.0)


class Triptych(QWidget):
    """Three planes and a widget with words, laid out so that the pictures become largest.

    All have the same scale and the same middle, so that zoom and drag in one count for all.

    Parameters
    ----------
    words
        Takes the fourth quarter, or a strip below.
    outlines
        What can be outlined, with the pen of it.

    Attributes
    ----------
    planes
        The three views, by name.
    zoom
        1: the whole brain.
    point
        Where the crosshair is; what the mouse and the keys ask for counts from there.
    """

    pointed = Signal(object)  # Point: the crosshair is wanted there
    hovered = Signal(object)  # Point under the mouse, or None
    flipped = Signal()

    def __init__(self, words: Words, outlines: Mapping[str, Any]) -> None:
        super().__init__()
        self.planes = {plane: PlaneView(plane, outlines) for plane in PLANES}
        self.zoom = 1.0
        self._words = words
        self._frame: Frame | None = None
        self._middle = self._whole = np.zeros(3)
        self._extent = np.array(BRAIN)
        self.point = np.zeros(3)
        self._convention: Convention = "neurological"
        words.setParent(self)
        for view in self.planes.values():
            view.setParent(self)
            self._listen_to(view)
        self.setMinimumSize(200, 120)

    def show_frame(self, frame: Frame | None, low: Point, high: Point) -> None:
        """Show another scan, whose brain lies between two points; None: there is none."""
        self._frame = frame
        known = frame is not None
        for view in self.planes.values():
            view.clear()
        self._extent = high - low + 2 * MARGIN if known else np.array(BRAIN)
        self._whole = (low + high) / 2
        self._show_whole()
        self._lay_out()

    def draw_cross(self) -> None:
        """Draw the crosshair at :attr:`point`; where it would leave the pictures, they go along."""
        point = self.point
        for view in self.planes.values():
            view.cross(point[view.along], point[view.up])
        half = self._halves()
        outside = np.abs(point - self._middle) > half
        if self.zoom > 1 and outside.any():
            self._middle = np.where(outside, point, self._middle)
            self._aim()

    def orient(self, convention: Convention, *, lettered: bool) -> None:
        """Take a convention; letters at the edges or not."""
        self._convention = convention
        for plane, view in self.planes.items():
            order = axes_in(plane)
            _, vertical, horizontal = upright(order, 2, convention, CODES)
            letters = edge_letters(order, 2, horizontal, vertical, CODES)
            view.letter(letters if lettered else Letters(), mirrored=horizontal == "left")

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Lay the pictures out anew."""
        super().resizeEvent(event)
        self._lay_out()

    # What the planes ask for ------------------------------------------------------------------

    def _listen_to(self, view: PlaneView) -> None:
        along, up, across = view.along, view.up, view.across

        def at(place: tuple[float, float]) -> Point:
            point = self.point.copy()
            point[along], point[up] = place
            return point

        def by(axis: int, voxels: int, further: int = 0) -> None:
            if self._frame is not None:
                point = self.point.copy()
                point[axis] += voxels * self._frame.spacing[axis]
                if further:
                    point[up] += further * self._frame.spacing[up]
                self.pointed.emit(point)

        def moved(right: int, upward: int) -> None:
            by(along, -right if mirrored(view.plane, self._convention) else right, upward)

        def zoomed(factor: float, stays: tuple[float, float] | None) -> None:
            self._zoom(factor, self.point if stays is None else at(stays), (along, up))

        def dragged(right: float, upward: float) -> None:
            self._middle[[along, up]] -= right, upward
            self._aim()

        view.pointed.connect(lambda *place: self.pointed.emit(at(place)))
        view.hovered.connect(lambda place: self.hovered.emit(None if place is None else at(place)))
        view.moved.connect(moved)
        view.turned.connect(lambda slices: by(across, slices))
        view.zoomed.connect(zoomed)
        view.dragged.connect(dragged)
        view.whole.connect(self._show_whole)
        view.flipped.connect(self.flipped)

    def _zoom(self, factor: float, stays: Point, axes: tuple[int, int]) -> None:
        before = self.zoom
        self.zoom = float(np.clip(before * factor, *ZOOMS))
        place = list(axes)
        self._middle[place] += (stays - self._middle)[place] * (1 - before / self.zoom)
        self._aim()

    def _show_whole(self) -> None:
        self.zoom, self._middle = 1.0, self._whole.copy()
        self._aim()

    # Where they lie ---------------------------------------------------------------------------

    def _aim(self) -> None:
        scale = self._mm_per_pixel()
        fine = self._frame is not None and bool(self._frame.spacing.max() < scale)
        for view in self.planes.values():
            view.smooth(fine)
            view.look_at(self._middle[view.along], self._middle[view.up], scale)

    def _mm_per_pixel(self) -> float:
        views = self.planes.values()
        across = [self._extent[v.along] / max(v.width(), 1) for v in views]
        upward = [self._extent[v.up] / max(v.height(), 1) for v in views]
        return float(max(*across, *upward)) / self.zoom

    def _halves(self) -> Point:
        """Half of what every picture shows along each axis, in mm."""
        scale, out = self._mm_per_pixel(), np.full(3, np.inf)
        for view in self.planes.values():
            out[view.along] = min(out[view.along], view.width() * scale / 2)
            out[view.up] = min(out[view.up], view.height() * scale / 2)
        return out

    def _lay_out(self) -> None:
        strip = self._words.height_in(self.width())
        places = best_places(self.width(), self.height(), self._extent, strip)
        for name, view in self.planes.items():
            view.setGeometry(places[name])
        self._words.setGeometry(places["words"])
        self._aim()


def best_places(width: int, height: int, extent: Point, words: int) -> dict[str, QRect]:
    """Where the planes and the words lie in an area, so that a mm gets the most pixels.

    Parameters
    ----------
    width, height
        Of the area, in pixels.
    extent
        ``(3,)`` mm to the right, to the front and up.
    words
        The height of a strip of words, in pixels.
    """
    right, front, up = (float(e) for e in extent)
    below = max(height - words - SPACE, 1)
    # The sagittal plane beside the coronal and the axial one below it: the crosshair runs through.
    square = min(width / (right + front), height / (up + front))
    row = min(width / (2 * right + front), below / max(up, front))
    column = min(width / max(right, front), below / (2 * up + front))
    rest = max(width - BESIDE - SPACE, 1)
    beside = min(rest / (2 * right + front), height / max(up, front))
    if beside > max(square, row, column):
        columns = _shared(0, rest, (right, front, right))
        order = dict(zip(("coronal", "sagittal", "axial"), columns, strict=True))
        words_there = QRect(rest + SPACE, 0, width - rest - SPACE, height)
        return {n: QRect(*_box(c, (0, height))) for n, c in order.items()} | {"words": words_there}
    narrow = width * front / (right + front) < LEAST_WORDS or height * front / (up + front) < words
    if square >= max(row, column) and not narrow:
        columns, rows = _shared(0, width, (right, front)), _shared(0, height, (up, front))
        cells = {"coronal": (0, 0), "sagittal": (1, 0), "axial": (0, 1), "words": (1, 1)}
        return {n: QRect(*_box(columns[i], rows[j])) for n, (i, j) in cells.items()}
    strip = QRect(0, below + SPACE, width, max(height - below - SPACE, 0))
    if row >= column:
        columns = _shared(0, width, (right, front, right))
        order = dict(zip(("coronal", "sagittal", "axial"), columns, strict=True))
        return {n: QRect(*_box(c, (0, below))) for n, c in order.items()} | {"words": strip}
    rows = _shared(0, below, (up, up, front))
    order = dict(zip(("coronal", "sagittal", "axial"), rows, strict=True))
    return {n: QRect(*_box((0, width), r)) for n, r in order.items()} | {"words": strip}


def _shared(start: int, length: int, parts: tuple[float, ...]) -> list[tuple[int, int]]:
    """Start and length of each part of a length."""
    left = max(length - SPACE * (len(parts) - 1), len(parts))
    ends = np.rint(np.cumsum([0.0, *parts]) / sum(parts) * left).astype(int)
    return [
        (start + int(ends[i]) + SPACE * i, max(int(ends[i + 1] - ends[i]), 1))
        for i in range(len(parts))
    ]


def _box(across: tuple[int, int], down: tuple[int, int]) -> tuple[int, int, int, int]:
    return across[0], down[0], across[1], down[1]
