"""The window that the shell opens: the workbench on a scan, on a saved run, or on the sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari

from napari_itermask.figures.panel import TRUTH_COLOUR
from napari_itermask.gui.outline import outline
from napari_itermask.gui.placed.space import metadata, placing, to_layer
from napari_itermask.gui.session import Session
from napari_itermask.gui.stream import session_of
from napari_itermask.gui.workbench import open_workbench

if TYPE_CHECKING:
    from napari_itermask.gui.cases_dock import CasesDock
    from napari_itermask.result import Run
    from napari_itermask.scans.intensity import Mask
    from napari_itermask.scans.scan import Scan

TITLE = "napari-itermask (for research only)"
TABLES = (".csv", ".tsv")
"""Ends of the names of tables of cases."""


def view(
    path: Path | None,
    brain_mask: Path | None = None,
    strip: str | None = None,
    model: str | None = None,
) -> None:
    """Open the workbench on a scan, a saved run or a table of cases; wait until it is closed."""
    viewer = new_window()
    session = session_of(viewer)
    if model is not None:
        session.choose_model(model)
    if path is not None and path.suffix in TABLES:
        open_cases(viewer, path)
    elif path is not None and (path.is_dir() or path.suffix == ".json"):
        session.open_run(path)
    elif path is not None:
        session.open(path, brain_mask, strip)
    napari.run()


def open_cases(viewer: Any, path: Path) -> CasesDock:
    """Open a table of cases in its dock, and the first case."""
    from napari_itermask.gui.cases_dock import CasesDock

    dock = CasesDock(viewer)
    viewer.window.add_dock_widget(dock, name="Cases (IterMask3D)", area="left")
    dock.open(path)
    return dock


def demonstrate(device: str, finished: Callable[[Run, Scan, Mask], None]) -> None:
    """Open the workbench on the sample patient and run at once; wait until the window is closed.

    ``finished`` is called with the run, its scan and the truth.
    """
    viewer = new_window()
    begin_demo(viewer, device, finished)
    napari.run()


def new_window() -> napari.Viewer:
    """A viewer with the whole workbench, and a scale bar in mm."""
    viewer = napari.Viewer(title=TITLE)
    overlays = getattr(viewer, "canvas", viewer)  # napari 0.9 moved the overlays there
    getattr(overlays, "overlays", overlays).scale_bar.visible = True
    open_workbench(viewer)
    return viewer


def begin_demo(viewer: Any, device: str, finished: Callable[[Run, Scan, Mask], None]) -> Session:
    """Open the sample patient, show its truth and run; returns at once."""
    from napari_itermask.scans.files import load_mask
    from napari_itermask.synthetic.patient import sample_files

    sample = sample_files()
    session = session_of(viewer)
    session.device = device

    def opened(scan: Scan) -> None:
        session.scan_changed.disconnect(opened)  # another scan has another truth, or none
        session.truth = load_mask(sample.lesion, scan)
        show_truth(viewer, session.truth, scan)

    def done(run: Run | None) -> None:
        if run is not None and session.scan is not None and session.truth is not None:
            session.run_changed.disconnect(done)
            finished(run, session.scan, session.truth)

    session.scan_changed.connect(opened)
    session.run_changed.connect(done)
    session.open(sample.flair)
    session.start()
    return session


def show_truth(viewer: Any, truth: Mask, scan: Scan) -> Any:
    """Add a truth ``(X, Y, Z)`` as an outline, under the layers of a run."""
    layer = viewer.add_labels(
        to_layer(truth, scan.affine).astype("uint8"),
        name="truth",
        metadata=metadata(scan.affine, truth.shape),
        **placing(scan.affine, truth.shape),
    )
    layer.colormap = {0: "transparent", 1: TRUTH_COLOUR, None: TRUTH_COLOUR}
    outline(layer)
    return layer
