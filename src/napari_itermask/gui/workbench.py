"""The whole workbench in one command: every dock of IterMask3D, opened in its place."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import Any

import napari
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget

RIGHT = ("Refine", "Guide", "Runs", "Inspect", "Corrupt", "Figures")
BELOW = ("Threshold", "Planes")


def open_workbench(viewer: napari.Viewer) -> None:
    """Open every dock of IterMask3D in its place; those that are open already come to the front."""
    # A command is given a proxy of the viewer; what comes from it is no widget that Qt would take.
    real: Any = getattr(viewer, "__wrapped__", viewer)
    docks = {name: _dock(real, name) for name in (*RIGHT, *BELOW)}
    window = docks["Refine"].window()
    # The settings need the height, the curve does well with the width that is left.
    window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
    for first, *others in (RIGHT, BELOW):
        for name in others:
            window.tabifyDockWidget(docks[first], docks[name])
    for name, dock in docks.items():
        dock.setWindowTitle(name)  # what its tab says: whole titles do not fit
        dock.show()
    for first, *_ in (RIGHT, BELOW):
        docks[first].raise_()
    # Sizes hold only once Qt has laid the docks out.
    QTimer.singleShot(
        0, partial(_share, weakref.ref(docks[RIGHT[0]]), weakref.ref(docks[BELOW[0]]))
    )
    _get_ready(real, window)


def _dock(viewer: Any, name: str) -> Any:
    """The dock of that name: the one that napari's menu opens too, or a new one in its place."""
    title = f"{name} (IterMask3D)"
    widget = viewer.window.dock_widgets.get(title)
    if widget is None:
        area = "bottom" if name in BELOW else "right"
        return viewer.window.add_dock_widget(_widget(viewer, name), name=title, area=area)
    while not isinstance(widget, QDockWidget):
        widget = widget.parent()
    return widget


def _widget(viewer: Any, name: str) -> Any:
    from napari_itermask.gui.corrupt_dock import CorruptDock
    from napari_itermask.gui.figure_dock import FigureDock
    from napari_itermask.gui.guide_dock import GuideDock
    from napari_itermask.gui.inspect_dock import InspectDock
    from napari_itermask.gui.planes_dock import PlanesDock
    from napari_itermask.gui.refine_dock import RefineDock
    from napari_itermask.gui.runs_dock import RunsDock
    from napari_itermask.gui.threshold_dock import ThresholdDock

    docks: dict[str, Any] = {
        "Refine": RefineDock,
        "Guide": GuideDock,
        "Runs": RunsDock,
        "Inspect": InspectDock,
        "Corrupt": CorruptDock,
        "Figures": FigureDock,
        "Threshold": ThresholdDock,
        "Planes": PlanesDock,
    }
    return docks[name](viewer)


def _share(refine: weakref.ref[Any], below: weakref.ref[Any]) -> None:
    """Leave most of the window to the canvas."""
    right, under = refine(), below()
    with suppress(RuntimeError):  # the window was closed in the same breath
        if right is not None and under is not None:
            window = right.window()
            width = min(400, max(330, window.width() // 4))
            window.resizeDocks([right], [width], Qt.Orientation.Horizontal)
            window.resizeDocks([under], [window.height() // 4], Qt.Orientation.Vertical)


def _get_ready(viewer: Any, window: Any) -> None:
    from napari_itermask.gui.stream import stream_of

    stream = stream_of(viewer)
    stream.watch(window)
    stream.session.warm_up()
