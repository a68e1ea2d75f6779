"""What the shell opens: the workbench on a scan, a saved run, or a sample that runs at once."""

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.stream import stream_of
from napari_itermask.gui.window import begin_demo, new_window
from napari_itermask.gui.workbench import BELOW, RIGHT, open_workbench


@pytest.fixture
def viewer(make_napari_viewer, small_model):
    viewer = make_napari_viewer()
    open_workbench(viewer)
    session = itm.session(viewer)
    session.choose_model(small_model.weights.parent)
    yield viewer
    stream_of(viewer).close()


def test_the_demo_runs_at_once_and_tells_its_run_and_truth(viewer, until):
    told = []
    begin_demo(viewer, "cpu", lambda *given: told.append(given))
    until(lambda: told, 120)
    run, scan, truth = told[0]
    assert truth.shape == scan.image.shape == run.mask.shape
    assert [layer.name for layer in viewer.layers][:2] == ["flair", "truth"]
    assert "mask" in viewer.layers


def test_a_saved_run_opens_with_its_scan_its_settings_and_its_passes(
    viewer, small_model, scan_file, tmp_path, until
):
    settings = small_model.card.settings.replace(manual_threshold=0.3)
    run = itm.refine(itm.load_scan(scan_file), small_model, settings)
    run.save(tmp_path / "saved", passes=True)
    session = itm.session(viewer)
    session.open_run(tmp_path / "saved")
    until(lambda: session.run is not None)
    np.testing.assert_array_equal(session.run.mask, run.mask)
    assert session.scan.path == scan_file
    assert session.settings == settings
    assert session.passes_done == len(run.record.passes)
    assert session.runs[0].folder == tmp_path / "saved"  # where what is noted of it goes
    session.tune(manual_threshold=0.4)  # and it lends its search
    until(lambda: len(session.runs) == 2 and not session.running)


def test_a_window_from_the_shell_has_a_scale_bar_in_mm_and_all_docks(
    small_model, make_napari_viewer
):
    viewer = new_window()
    try:
        assert sorted(viewer.window.dock_widgets) == [
            f"{name} (IterMask3D)" for name in sorted((*RIGHT, *BELOW))
        ]
        assert viewer.canvas.overlays.scale_bar.visible
    finally:
        stream_of(viewer).close()
        viewer.close()
