"""Draw the pictures of the window in docs/: the real product, on its sample patient.

python docs/make_window_pictures.py        # needs a screen; xvfb-run will do
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Open the workbench, run, and take a picture at each station."""
    os.environ["NAPARI_ITERMASK_HOME"] = tempfile.mkdtemp()  # as on a new machine
    import napari

    from napari_itermask.gui.stream import stream_of
    from napari_itermask.gui.workbench import open_workbench

    viewer = napari.Viewer(title="napari-itermask (for research only)")
    viewer.window.resize(1280, 800)
    viewer.canvas.overlays.scale_bar.visible = True
    open_workbench(viewer)
    stream = stream_of(viewer)
    session = stream.session
    viewer.open_sample("napari-itermask", "patient")
    session.open(viewer.layers["flair"])
    until(lambda: session.scan is not None and not session.busy)
    viewer.dims.set_point(0, 28.0)  # a slice with lesions
    for name, theme in (("search", "dark"), ("search-light", "light")):
        viewer.theme = theme
        if not session.running:
            session.start()
        until(lambda: session.passes_done >= 30)
        session.pause()
        until(lambda: session.state == "paused" and stream.settled)
        picture(viewer, f"window-{name}")
    viewer.theme = "dark"
    session.start()
    until(lambda: not session.running and not session.keeping and stream.settled)
    picture(viewer, "window-done")
    session.sweep([0.02 * 1.6**n for n in range(12)])
    until(lambda: not session.sweeping)
    corrupt = widget_of(viewer, "Corrupt")
    corrupt.controls.choose("focal_lesion")
    until(lambda: corrupt.made is not None and not corrupt.busy)
    for dock in ("Refine", "Guide", "Runs", "Corrupt", "Threshold"):
        for theme in ("dark", "light"):
            viewer.theme = theme
            front(viewer, dock)
            settle()
            name = f"dock-{dock.lower()}" + ("-light" if theme == "light" else "")
            widget_of(viewer, dock).grab().save(str(IMAGES / f"{name}.png"))
    viewer.theme = "dark"
    corrupt.controls.choose_none()
    corrupt.preview.remove()
    viewer.dims.ndisplay = 3
    picture(viewer, "window-3d")
    viewer.close()


def picture(viewer: Any, name: str) -> None:
    """The whole window as a PNG, once it has been drawn."""
    settle()
    viewer.screenshot(str(IMAGES / f"{name}.png"), canvas_only=False, flash=False)


def front(viewer: Any, dock: str) -> None:
    """Bring a dock that lies behind another to the front."""
    from qtpy.QtWidgets import QDockWidget

    widget = widget_of(viewer, dock)
    while not isinstance(widget, QDockWidget):
        widget = widget.parent()
    widget.raise_()


def widget_of(viewer: Any, dock: str) -> Any:
    """What a dock holds."""
    return viewer.window.dock_widgets[f"{dock} (IterMask3D)"]


def settle(seconds: float = 1.0) -> None:
    """Let Qt lay out and draw."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def until(condition: Any, seconds: float = 600.0) -> None:
    """Let Qt work until ``condition()`` holds."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main()
