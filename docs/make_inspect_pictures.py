"""Draw the pictures of the Inspect dock in docs/: the real product, on its sample patient.

python docs/make_inspect_pictures.py        # needs a screen; xvfb-run will do
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
SHARE = 0.5
"""Of the threshold that the model's card chooses: so low that there are false alarms to look at."""


def main() -> None:
    """Run on the sample patient, hold it against its truth, and take a picture of each page."""
    os.environ["NAPARI_ITERMASK_HOME"] = tempfile.mkdtemp()  # as on a new machine
    import napari
    from qtpy.QtCore import Qt

    from napari_itermask.gui.inspect_dock import InspectDock

    viewer = napari.Viewer(title="napari-itermask (for research only)")
    viewer.window.resize(1280, 800)
    dock = InspectDock(viewer)
    frame = viewer.window.add_dock_widget(dock, name="Inspect", area="right")
    settle()
    frame.window().resizeDocks([frame], [400], Qt.Orientation.Horizontal)
    run(viewer, dock)
    show(dock, dock.components)
    dock.components.layer_box.setChecked(False)
    wrong = next(row for row in dock.components.found.rows if row.kind != "hit")
    dock.components.table.choose(wrong.number)
    note(dock, wrong.number)
    picture(viewer, dock, "inspect-components")
    show(dock, dock.scores)
    picture(viewer, dock, "inspect-truth")
    viewer.screenshot(str(IMAGES / "inspect-window.png"), canvas_only=False, flash=False)
    show(dock, dock.story)
    tell_two(dock)
    picture(viewer, dock, "inspect-story")
    show(dock, dock.stability)
    dock.stability.seeds.setValue(2)
    dock.stability.steps.setValue(3)
    dock.stability.start.click()
    until(lambda: not dock.busy)
    picture(viewer, dock, "inspect-stability")
    viewer.close()


def run(viewer: Any, dock: Any) -> None:
    """A run on the sample patient with a low threshold, its truth, and the overlay of both."""
    from napari_itermask.gui.stream import stream_of

    stream = stream_of(viewer)
    session = stream.session
    viewer.open_sample("napari-itermask", "patient")
    session.open(viewer.layers["flair"])
    until(lambda: session.scan is not None and not session.busy)
    session.start()
    until(lambda: session.run is not None and not session.running)
    first = session.run
    low = {"threshold_rule": "manual", "manual_threshold": SHARE * first.threshold}
    session.tune(**low)
    until(lambda: session.run is not first and not session.running)
    until(lambda: stream.settled and not dock.busy)
    truth = next(layer for layer in viewer.layers if layer.name.startswith("lesion"))
    dock.truth.choose(truth)
    for layer in (truth, viewer.layers["mask"], viewer.layers["error"]):
        layer.visible = False
    dock.overlay.wanted = True
    until(lambda: not dock.busy)
    viewer.layers.selection.active = viewer.layers["flair"]


def tell_two(dock: Any) -> None:
    """A voxel that stayed, pinned, and one that left."""
    import numpy as np

    looked, page = dock.subject.looked, dock.story
    made = looked.run
    stayed = np.argwhere(made.mask & looked.truth.mask)
    left = np.argwhere(made.scan.brain & ~made.mask & (made.error > made.threshold / 4))
    page.tell(tuple(int(v) for v in stayed[len(stayed) // 2]))
    until(lambda: page.story is not None and not dock.busy)
    page.pin.click()
    page.tell(tuple(int(v) for v in left[len(left) // 2]))
    until(lambda: page.story is not page.pinned and not dock.busy)


def note(dock: Any, number: int) -> None:
    """What a person might note of a component."""
    from napari_itermask.inspection.review import Review

    said = Review(flag=True, difficulty="easy", comment="no lesion")
    dock.components.review.reviewed.emit(number, said)
    until(lambda: not dock.busy)


def show(dock: Any, page: Any) -> None:
    """Bring a page to the front."""
    dock.tabs.setCurrentWidget(page)
    settle()
    until(lambda: not dock.busy)


def picture(viewer: Any, dock: Any, name: str) -> None:
    """The dock as a PNG, dark and light."""
    for theme, ending in (("light", "-light"), ("dark", "")):
        viewer.theme = theme
        settle()
        dock.grab().save(str(IMAGES / f"{name}{ending}.png"))


def settle(seconds: float = 1.0) -> None:
    """Let Qt lay out and draw."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def until(condition: Any, seconds: float = 1200.0) -> None:
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
