"""Where am I? What lies under the cursor, at which mm, in which voxel, and seen from where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

import numpy as np
from napari.layers import Image, Labels
from nibabel.affines import apply_affine
from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.parts.ties import at_the_end
from napari_itermask.gui.placed.space import KEY, view_of
from napari_itermask.gui.where.orientation import Place, itself, orientation_of
from napari_itermask.gui.where.sides import Plane

INTERVAL_MS = 50
"""Between two readings while the cursor moves."""


def describe(
    world_point: Sequence[float],
    layers: Iterable[Any],
    place_of: Callable[[Any], Place | None] = lambda layer: layer.metadata.get(KEY),
) -> str:
    """What lies at a point: true mm, the file's voxel, and the value of each visible layer.

    Parameters
    ----------
    world_point
        Coordinates in the viewer's world, such as ``viewer.cursor.position``.
    layers
        The viewer's layers.
    place_of
        Gives where a layer lies in the body; without it, what our own layers carry.

    Returns
    -------
    str
        "RAS -12.0, 34.5, 8.0 mm · voxel 101, 140, 82 · flair 412 · in mask"; "" where nothing is
        known. The mm follow the scan's own affine, oblique scans included.
    """
    return " · ".join(filter(None, _place_and_values(world_point, layers, place_of)))


class Readout(QLabel):
    """What lies under the viewer's cursor, kept up to date while it can be seen.

    Three lines high whatever it says, so that the dock around it keeps its size.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = itself(viewer)
        self._place_of = orientation_of(viewer).place_of
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Under the cursor")
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(INTERVAL_MS)
        self._later.timeout.connect(self.read)
        self.read()

    def read(self) -> None:
        """Say what lies under the cursor now."""
        viewer = self._viewer
        if viewer.dims.ndisplay == 3:
            self.setText("Values are read in a plane: axial, coronal or sagittal.")
            return
        parts = _place_and_values(viewer.cursor.position, viewer.layers, self._place_of)
        said = "\n".join(filter(None, parts))
        # Lines break between values, not within one.
        unbroken = said.replace(" ", "\u00a0").replace("\u00a0·\u00a0", " · ")
        self.setText(unbroken or "Open a scan and point at it.")
        tip = f"{said}\n\n{_POINT}" if said else _POINT
        if tip != self.toolTip():
            self.setToolTip(tip)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Listen to the viewer while there is somebody to read it."""
        self.setText("\n".join("123"))
        self.setFixedHeight(self.sizeHint().height())
        for emitter in self._emitters():
            emitter.connect(self._ask)
        self.read()
        super().showEvent(event)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Listen no more."""
        for emitter in self._emitters():
            emitter.disconnect(self._ask)
        super().hideEvent(event)

    def _emitters(self) -> tuple[Any, ...]:
        viewer = self._viewer
        return viewer.cursor.events.position, viewer.dims.events.ndisplay, viewer.layers.events

    def _ask(self) -> None:
        if not self._later.isActive():
            self._later.start()


class WhereAmI(QWidget):
    """Plane, convention, letters, and what lies under the cursor; several of a viewer keep in step.

    Parameters
    ----------
    viewer
        The napari viewer that it turns and reads.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._orientation = orientation_of(viewer)
        self._planes = {plane: self._button(*_PLANES[plane]) for plane in get_args(Plane)}
        self._radiological = self._button("Radiological", _SIDES)
        self._letters = self._button("Letters", "Letters at the edges of the picture.")
        self.readout = Readout(viewer)
        group = QButtonGroup(self)
        group.setExclusive(False)  # of a plane that was rolled by hand there may be none
        for button in self._planes.values():
            group.addButton(button)
        group.buttonClicked.connect(self._choose)
        self._radiological.clicked.connect(self._choose_convention)
        self._letters.clicked.connect(self._choose_letters)
        self._lay_out()
        orientation, who = self._orientation, id(self)
        orientation.follow(who)
        # Qt deletes it with its dock and sends it no closeEvent; the letters go all the same.
        at_the_end(self, lambda: orientation.leave(who))
        self._refresh()

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Keep in step while it is seen."""
        self._orientation.follow(id(self))
        self._orientation.changed.connect(self._refresh, unique=True)
        self._refresh()
        super().showEvent(event)

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Leave the letters where they are: it may only be behind another tab."""
        self._orientation.changed.disconnect(self._refresh)
        super().hideEvent(event)

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Take the letters away."""
        self._orientation.leave(id(self))
        super().closeEvent(event)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for button in (*self._planes.values(), self._radiological, self._letters):
            row.addWidget(button)
        row.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.readout)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(True)
        button.setToolTip(tip)
        # Before napari's style is there Qt wants 80 pixels for each, and docks remember that.
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 10)
        return button

    def _choose(self, button: QPushButton) -> None:
        self._orientation.plane = next(p for p, b in self._planes.items() if b is button)
        self._refresh()  # a click on the plane that is shown has unchecked it

    def _choose_convention(self, radiological: bool) -> None:
        self._orientation.convention = "radiological" if radiological else "neurological"

    def _choose_letters(self, lettered: bool) -> None:
        self._orientation.lettered = lettered

    def _refresh(self) -> None:
        if not isalive(self):
            self._orientation.changed.disconnect(self._refresh)
            return
        shown = self._orientation.plane
        for plane, button in self._planes.items():
            button.setEnabled(self._orientation.known)
            button.setChecked(plane == shown)
        self._radiological.setChecked(self._orientation.convention == "radiological")
        self._letters.setChecked(self._orientation.lettered)


_PLANES: dict[Plane, tuple[str, str]] = {
    "axial": ("Axial", "Slices from foot to head, the front at the top."),
    "coronal": ("Coronal", "Slices from back to front, the head at the top."),
    "sagittal": ("Sagittal", "Slices from left to right, the front at the left."),
    "3d": ("3-D", "The whole volume, seen from the front."),
}
_SIDES = (
    "On: the patient's right is at the left of axial and coronal slices, as radiologists look. "
    "Off: the patient's left is at the left, as neurologists look."
)
_POINT = "RAS: mm to the right, to the front and up. The voxel is that of the scan's file, from 0."


def _place_and_values(
    point: Sequence[float], layers: Iterable[Any], place_of: Callable[[Any], Place | None]
) -> tuple[str, str]:
    seen = [(la, place_of(la)) for la in layers if la.visible and isinstance(la, (Image, Labels))]
    placed = [place for _, place in seen if place and "affine" in place and "shape" in place]
    if not placed:
        return "", ""
    # Layers may lie on a model's grid too: where there is a file, its voxels are named.
    placed.sort(key=lambda place: not place.get("path"))
    values = (_value(layer, place or {}, point) for layer, place in seen)
    return _where(placed[0], point), " · ".join(filter(None, values))


def _where(place: Place, point: Sequence[float]) -> str:
    affine, shape = place["affine"], place["shape"]
    view = place["view"] if "view" in place else view_of(affine, shape).matrix
    mm = apply_affine(np.linalg.inv(view), np.asarray(point, np.float64)[-3:])
    x, y, z = (round(float(c), 1) + 0.0 for c in mm)  # no -0.0
    voxel = np.rint(apply_affine(np.linalg.inv(affine), mm)).astype(int)
    inside = bool((voxel >= 0).all() and (voxel < shape).all())
    which = f"voxel {', '.join(map(str, voxel))}" if inside else "outside the scan"
    return f"RAS {x:.1f}, {y:.1f}, {z:.1f} mm · {which}"


def _value(layer: Any, place: Place, point: Sequence[float]) -> str:
    """ "flair 412", "error 3.21 (threshold 2.1)", "in mask"; "" where the layer has nothing."""
    data = layer.data
    shape = getattr(data, "shape", ())
    if layer.multiscale or len(shape) != layer.ndim:  # a pyramid, or colours
        return ""
    index = tuple(int(i) for i in np.rint(layer.world_to_data(point)))
    if not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        return ""
    value = np.asarray(data[index]).item()
    if isinstance(layer, Labels):
        return f"in {layer.name}" if value else ""
    against = ""
    if place.get("kind") == "error" and "threshold" in place:
        against = f" (threshold {_number(place['threshold'])})"
    return f"{layer.name} {_number(value)}{against}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
