"""Draw the pictures of the Planes dock in docs/: the real product, on its sample patient.

python docs/make_planes_pictures.py        # needs a screen; xvfb-run will do
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from make_window_pictures import IMAGES, settle, until

LESION_MM = (-27.0, -52.0, 22.0)
"""RAS mm inside a lesion of the sample patient."""


def main() -> None:
    """Run on the sample patient, then take the dock's picture in each theme."""
    os.environ["NAPARI_ITERMASK_HOME"] = tempfile.mkdtemp()  # as on a new machine
    import napari

    from napari_itermask.gui.planes_dock import PlanesDock
    from napari_itermask.gui.stream import stream_of
    from napari_itermask.gui.window import show_truth
    from napari_itermask.scans.files import load_mask
    from napari_itermask.synthetic.patient import sample_files

    viewer = napari.Viewer(title="napari-itermask (for research only)")
    viewer.window.resize(1280, 800)
    stream = stream_of(viewer)
    session, sample = stream.session, sample_files()
    dock = PlanesDock(viewer)
    viewer.window.add_dock_widget(dock, name="Planes (IterMask3D)", area="right")
    session.open(sample.flair)
    until(lambda: session.scan is not None and not session.busy)
    session.truth = load_mask(sample.lesion, session.scan)
    show_truth(viewer, session.truth, session.scan)
    session.start()
    until(lambda: not session.running and not session.keeping and stream.settled)
    dock.go_to(LESION_MM)
    dock.setFixedSize(560, 600)
    for name, choice, theme in (
        ("planes", "error", "dark"),
        ("planes-light", "reconstruction", "light"),
    ):
        viewer.theme = theme
        dock.controls.choices[choice].click()
        settle()
        dock.grab().save(str(IMAGES / f"{name}.png"))
    viewer.close()


if __name__ == "__main__":
    main()
