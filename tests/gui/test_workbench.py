"""The whole workbench in one command, from a napari that is new to its user."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

import napari_itermask as itm
from napari_itermask.gui.stream import stream_of
from napari_itermask.gui.workbench import BELOW, RIGHT, open_workbench


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer()
    yield viewer
    stream_of(viewer).close()


def dock_of(viewer, name):
    widget = viewer.window.dock_widgets[f"{name} (IterMask3D)"]
    while not isinstance(widget, QDockWidget):
        widget = widget.parent()
    return widget


def test_refine_stands_at_the_right_threshold_under_the_canvas_the_others_behind(viewer):
    open_workbench(viewer)
    window = dock_of(viewer, "Refine").window()
    assert window.dockWidgetArea(dock_of(viewer, "Threshold")) == Qt.BottomDockWidgetArea
    behind = window.tabifiedDockWidgets(dock_of(viewer, "Refine"))
    assert {dock.windowTitle() for dock in behind} == set(RIGHT[1:])
    below = window.tabifiedDockWidgets(dock_of(viewer, "Threshold"))
    assert {dock.windowTitle() for dock in below} == set(BELOW[1:])


def test_the_canvas_keeps_most_of_a_small_screen(drawn_viewer, until):
    drawn_viewer.window.resize(1280, 800)
    open_workbench(drawn_viewer)
    window = dock_of(drawn_viewer, "Refine").window()
    until(lambda: dock_of(drawn_viewer, "Refine").width() <= 400)
    until(lambda: dock_of(drawn_viewer, "Threshold").height() <= 280)
    assert window.width() <= 1290
    assert window.height() <= 810
    stream_of(drawn_viewer).close()


def test_a_dock_closed_and_opened_again_is_as_it_was(viewer, small_model, scan_file, until):
    open_workbench(viewer)
    session = itm.session(viewer)
    session.choose_model(small_model.weights.parent)
    session.open(scan_file)
    session.settings = session.settings.replace(manual_threshold=0.77)
    session.start()
    until(lambda: session.run is not None)
    docks = {name: dock_of(viewer, name) for name in (*RIGHT, *BELOW)}
    for dock in docks.values():
        dock.close()
    open_workbench(viewer)
    assert itm.session(viewer) is session
    assert session.settings.manual_threshold == 0.77
    for name, dock in docks.items():
        assert dock_of(viewer, name) is dock
        assert not dock.isHidden()


def test_three_actions_from_a_new_napari_to_a_mask(viewer, small_model, until):
    """Open the sample, open the workbench, Run: the scan in front is taken without being asked."""
    viewer.open_sample("napari-itermask", "patient")
    open_workbench(viewer)
    session = itm.session(viewer)
    session.choose_model(small_model.weights.parent)  # quick; the embedded one does the same
    dock = viewer.window.dock_widgets["Refine (IterMask3D)"]
    until(lambda: session.scan is not None)
    run = next(b for b in dock.findChildren(_buttons()) if b.text().startswith("Run"))
    run.click()
    until(lambda: session.run is not None)
    assert session.run.scan.name == "flair"
    assert "mask" in viewer.layers


def _buttons():
    from qtpy.QtWidgets import QAbstractButton

    return QAbstractButton


def test_the_windows_mask_is_the_shells_bit_for_bit(
    viewer, scan_file, small_model, tmp_path, until
):
    import nibabel as nib

    folder = small_model.weights.parent
    session = itm.session(viewer)
    session.choose_model(folder)
    session.open(scan_file)
    session.start()
    until(lambda: session.run is not None)
    command = ["refine", str(scan_file), "--model", str(folder), "--out", str(tmp_path / "out")]
    subprocess.run(
        [sys.executable, "-c", "from napari_itermask.cli import main; main()", *command],
        check=True,
        capture_output=True,
    )
    shells = np.asarray(nib.load(tmp_path / "out" / "mask.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(session.run.mask, shells)


CLOSED_IN_THE_MIDDLE = """
import sys, threading, time
import napari, napari_itermask as itm
from napari_itermask.gui.workbench import open_workbench
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=False)
open_workbench(viewer)
session = itm.session(viewer)
session.open({scan!r})
session.start()
end = time.monotonic() + 60
while session.passes_done < 1 and time.monotonic() < end:
    QApplication.processEvents()
assert session.passes_done >= 1
viewer.close()
for _ in range(20):
    QApplication.processEvents()
print([t.name for t in threading.enumerate() if t.name in ("itermask-engine", "itermask-keeper")])
"""


def test_a_viewer_closed_in_the_middle_of_a_run_ends_its_thread_and_the_process(scan_file):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CLOSED_IN_THE_MIDDLE.format(scan=str(scan_file)))],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_two_viewers_run_at_once_each_with_its_own_session(
    make_napari_viewer, small_model, scan_file, until
):
    viewers = [make_napari_viewer(), make_napari_viewer()]
    sessions = []
    for viewer in viewers:
        open_workbench(viewer)
        session = itm.session(viewer)
        session.choose_model(small_model.weights.parent)
        session.open(scan_file)
        session.start()
        sessions.append(session)
    until(lambda: all(session.run is not None for session in sessions))
    until(lambda: all(stream_of(viewer).settled for viewer in viewers))
    np.testing.assert_array_equal(sessions[0].run.mask, sessions[1].run.mask)
    assert all("mask" in viewer.layers for viewer in viewers)
    for viewer in viewers:
        stream_of(viewer).close()
