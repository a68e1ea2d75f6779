"""Draw the pictures of the Figures dock in docs/: the real product, on its sample patient.

python docs/make_figure_dock_pictures.py        # needs a screen; xvfb-run will do
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from make_window_pictures import IMAGES, settle, until

WIDTH = 400


def main() -> None:
    """Run on the sample patient, then take a picture of each page, in a theme each."""
    os.environ["NAPARI_ITERMASK_HOME"] = tempfile.mkdtemp()  # as on a new machine
    import napari

    from napari_itermask.gui.figure_dock import TITLE, FigureDock
    from napari_itermask.gui.stream import stream_of
    from napari_itermask.gui.window import show_truth
    from napari_itermask.scans.files import load_mask
    from napari_itermask.synthetic.patient import sample_files

    viewer = napari.Viewer(title="napari-itermask (for research only)")
    viewer.window.resize(1280, 800)
    stream = stream_of(viewer)
    session, sample = stream.session, sample_files()
    session.open(sample.flair)
    until(lambda: session.scan is not None and not session.busy)
    session.truth = load_mask(sample.lesion, session.scan)
    show_truth(viewer, session.truth, session.scan)
    session.start()
    until(lambda: not session.running and not session.keeping and stream.settled)
    dock = FigureDock(viewer)
    viewer.window.add_dock_widget(dock, name=f"{TITLE} (IterMask3D)", area="right")
    dock.setFixedSize(WIDTH, 700)
    dock.figure.controls.slices.text = "A largest C largest"
    for name, kind, theme in (
        ("figure", "panel", "dark"),
        ("figure-light", "curve", "light"),
        ("lightbox", "lightbox", "dark"),
    ):
        dock.figure.controls.slices.text = "" if kind == "lightbox" else "A largest C largest"
        dock.figure.controls.choose(kind)
        viewer.theme = theme
        settle()
        until(lambda: not dock.busy)
        settle()
        dock.grab().save(str(IMAGES / f"dock-{name}.png"))
    dock.tabs.setCurrentWidget(dock.movie)
    for name, at, theme in (("movie", 0, "dark"), ("movie-turn", 1, "light")):
        dock.movie.controls.what.setCurrentIndex(at)
        viewer.theme = theme
        settle()
        until(lambda: not dock.busy)
        settle()
        dock.grab().save(str(IMAGES / f"dock-{name}.png"))
    viewer.close()


if __name__ == "__main__":
    main()
