"""The finished run lies in a real window where it lies in the scan."""

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.system import has_display, missing_libraries
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files

napari = pytest.importorskip("napari")


@pytest.fixture
def viewer(request):
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")
    return request.getfixturevalue("make_napari_viewer")(show=True)


def test_layers_lie_in_mm_front_up_and_nothing_is_hidden_behind_warnings(viewer, small_model):
    from napari_itermask.gui.show import add_run

    scan = itm.load_scan(sample_files().flair)
    run = itm.refine(scan, small_model, search=False)
    truth = load_mask(sample_files().lesion, scan)
    add_run(viewer, run, truth)
    names = [layer.name for layer in viewer.layers]
    assert names == ["flair", "reconstruction", "error", "truth", "mask"]
    for layer in viewer.layers:
        assert [str(u) for u in layer.units] == ["millimeter"] * 3
        assert layer.axis_labels == ("S", "A", "R")
        np.testing.assert_array_equal(layer.metadata["itermask"]["affine"], run.affine)
    # A voxel of the truth is found at its mm in the window: (S, -A, R), so that the front is up.
    i, j, k = np.argwhere(truth)[0]
    x, y, z = (run.affine @ [i, j, k, 1])[:3]
    layer = viewer.layers["truth"]
    assert layer.data[tuple(np.rint(layer.world_to_data((z, -y, x))).astype(int))] == 1
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert picture[..., :3].std() > 10
