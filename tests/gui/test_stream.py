"""What a run gives reaches a real viewer's layers, in place; nothing of the user's changes."""

import threading

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

from napari_itermask.gui.placed.space import mm_of, to_layer
from napari_itermask.gui.session import Session
from napari_itermask.gui.stream import Stream, session_of, stream_of


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def stream(viewer, small_model):
    stream = Stream(viewer, Session())
    stream.rate = 200
    stream.session.choose_model(small_model.weights.parent)
    yield stream
    stream.close()


@pytest.fixture
def opened(stream, scan_file, until):
    stream.session.open(scan_file)
    until(lambda: stream.session.scan is not None)
    return stream


def finished(stream, until):
    stream.session.start()
    until(lambda: not stream.session.running and stream.settled)
    return stream.session.run


def paused_after(stream, until, passes):
    for n in range(passes):
        stream.session.step()
        until(lambda n=n: stream.session.state == "paused" and stream.session.passes_done == n + 1)
    until(lambda: stream.settled)


def test_the_scan_becomes_a_layer_and_a_run_adds_its_own_above(opened, viewer, until):
    paused_after(opened, until, 1)
    names = [layer.name for layer in viewer.layers]
    assert names == ["scan", "masked input", "guide", "reconstruction", "error", "mask"]
    assert [str(u) for u in viewer.layers.units] == ["millimeter"] * 3
    for layer in viewer.layers:
        assert layer.axis_labels == ("S", "A", "R")


def test_each_pass_is_shown_in_the_very_same_layers(opened, viewer, until):
    paused_after(opened, until, 1)
    layers = list(viewer.layers)
    first = viewer.layers["mask"].data.copy()
    paused_after(opened, until, 0)
    opened.session.step()
    until(lambda: opened.session.passes_done == 2 and opened.session.state == "paused")
    until(lambda: opened.settled)
    assert list(viewer.layers) == layers
    shown = viewer.layers["mask"].data > 0
    step = opened.session.shown_step()
    np.testing.assert_array_equal(shown, to_layer(step.mask, opened.session.grid.placement.affine))
    assert (shown != first).any()


def test_a_hidden_layer_is_not_touched_until_it_is_looked_at(opened, viewer, until):
    paused_after(opened, until, 1)
    layer = viewer.layers["reconstruction"]
    before = layer.data.copy()
    opened.session.step()
    until(lambda: opened.session.passes_done == 2 and opened.session.state == "paused")
    until(lambda: opened.settled)
    np.testing.assert_array_equal(layer.data, before)
    layer.visible = True
    assert (layer.data != before).any()


def test_back_shows_the_pass_before_in_the_layers(opened, viewer, until):
    paused_after(opened, until, 1)
    first = viewer.layers["mask"].data.copy()
    opened.session.step()
    until(lambda: opened.session.passes_done == 2 and opened.session.state == "paused")
    opened.session.back()
    until(lambda: opened.settled)
    np.testing.assert_array_equal(viewer.layers["mask"].data, first)


def test_a_finished_run_lies_in_the_scans_own_voxels(opened, viewer, until):
    run = finished(opened, until)
    np.testing.assert_array_equal(viewer.layers["mask"].data > 0, to_layer(run.mask, run.affine))
    assert viewer.layers["mask"].data.shape == viewer.layers["scan"].data.shape
    opened.session.show(3)
    until(lambda: opened.settled)
    grid = opened.session.grid.placement
    assert viewer.layers["mask"].data.shape == to_layer(np.zeros(grid.shape), grid.affine).shape
    opened.session.show(None)
    until(lambda: opened.settled)
    assert viewer.layers["mask"].data.shape == viewer.layers["scan"].data.shape


@pytest.mark.parametrize("turn", [0, 17])
def test_a_point_of_a_live_layer_is_the_same_point_of_the_scan(
    stream, viewer, phantom, tmp_path, until, turn
):
    angle = np.deg2rad(turn)
    oblique = np.eye(4)
    oblique[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = oblique @ phantom.affine
    nib.save(nib.Nifti1Image(phantom.image[:, ::-1], affine @ _flip(phantom)), tmp_path / "o.nii")
    stream.session.open(tmp_path / "o.nii")
    until(lambda: stream.session.scan is not None)
    paused_after(stream, until, 1)
    world = np.array([20.0, -10.0, 15.0])
    here = mm_of(viewer.layers["mask"], world)
    np.testing.assert_allclose(here, mm_of(viewer.layers["o"], world), atol=1e-3)
    voxel = viewer.layers["mask"].world_to_data(world)[::-1]
    grid = stream.session.grid.placement
    np.testing.assert_allclose(apply_affine(grid.affine, voxel), here, atol=1e-3)


def _flip(phantom):
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = phantom.image.shape[1] - 1
    return flip


def test_layers_carry_the_runs_identity_and_the_true_affine(opened, viewer, until):
    run = finished(opened, until)
    facts = viewer.layers["mask"].metadata["itermask"]
    assert (facts["run"], facts["phase"]) == (1, "refine")
    np.testing.assert_array_equal(facts["affine"], run.affine)


def test_a_dragged_threshold_shows_the_searchs_mask_at_once(opened, viewer, until):
    finished(opened, until)
    session = opened.session
    session.preview(session.search.thresholds[30])
    grid = session.grid.placement
    np.testing.assert_array_equal(
        viewer.layers["mask"].data > 0, to_layer(session.search.mask(30), grid.affine)
    )


def test_painting_begins_a_run_from_the_painted_mask_and_keeps_the_painting(opened, viewer, until):
    finished(opened, until)
    layer = viewer.layers["mask"]
    layer.paint(np.array(layer.data.shape) // 2, 1, refresh=False)
    painted = layer.data.copy()
    run = finished(opened, until)
    assert run.start is not None
    assert len(opened.session.runs) == 2
    kept = [other for other in viewer.layers if other.name.startswith("mask painted")]
    np.testing.assert_array_equal(kept[0].data, painted)


def test_the_mask_cannot_be_painted_while_passes_change_it(opened, viewer, until):
    paused_after(opened, until, 1)
    assert not viewer.layers["mask"].editable  # in the search there is nothing to go on from
    finished(opened, until)
    assert viewer.layers["mask"].editable


def test_a_layer_deleted_in_the_middle_stays_away_until_the_next_run(opened, viewer, until):
    paused_after(opened, until, 1)
    viewer.layers.remove("error")
    viewer.layers["mask"].name = "my mask"
    finished(opened, until)
    assert "error" not in viewer.layers
    np.testing.assert_array_equal(
        viewer.layers["my mask"].data > 0,
        to_layer(opened.session.run.mask, opened.session.run.affine),
    )
    opened.session.start(fresh=True)
    until(lambda: not opened.session.running and opened.settled)
    assert "error" in viewer.layers


def test_nothing_of_the_users_own_layers_changes(stream, viewer, phantom, until):
    data = to_layer(phantom.image, phantom.affine)
    own = viewer.add_image(data.copy(), name="mine", scale=(4, -4, 4), units=("mm",) * 3)
    before = dict(own.as_layer_data_tuple()[1])
    stream.session.open(own)
    until(lambda: stream.session.scan is not None)
    finished(stream, until)
    after = own.as_layer_data_tuple()[1]
    for key, value in before.items():
        np.testing.assert_equal(after[key], value, err_msg=key)
    np.testing.assert_array_equal(own.data, data)


def test_another_scan_takes_the_live_layers_away(opened, viewer, phantom, tmp_path, until):
    finished(opened, until)
    nib.save(nib.Nifti1Image(phantom.image[::-1], phantom.affine), tmp_path / "other.nii")
    opened.session.open(tmp_path / "other.nii")
    until(lambda: opened.session.scan.path.name == "other.nii")
    assert [layer.name for layer in viewer.layers] == ["scan", "other"]


def test_three_dimensions_show_the_run_too(opened, viewer, until):
    paused_after(opened, until, 1)
    viewer.dims.ndisplay = 3
    finished(opened, until)
    viewer.dims.ndisplay = 2
    assert viewer.layers["mask"].contour == 1  # and no warning came of it


def test_a_viewer_and_its_proxy_have_one_session(make_napari_viewer, qtbot):
    from napari.utils._proxies import PublicOnlyProxy

    viewer = make_napari_viewer()
    session = session_of(viewer)
    assert session_of(PublicOnlyProxy(viewer)) is session
    other = make_napari_viewer()
    assert session_of(other) is not session
    stream_of(viewer).close()
    stream_of(other).close()


def test_closing_in_the_middle_of_a_run_ends_its_thread(viewer, small_model, scan_file, until):
    stream = Stream(viewer, Session())
    stream.session.choose_model(small_model.weights.parent)
    stream.session.open(scan_file)
    stream.session.start()
    until(lambda: stream.session.passes_done > 0)
    stream.close()
    assert not [
        t for t in threading.enumerate() if t.name in ("itermask-engine", "itermask-keeper")
    ]


@pytest.mark.parametrize("style", ["above threshold", "modulated", "whole"])
def test_the_error_is_hidden_below_the_threshold_or_modulated_or_shown_whole(
    opened, viewer, until, style
):
    opened.error_style = style
    opened.canvas.restyle(style)
    run = finished(opened, until)
    layer = viewer.layers["error"]
    low, high = layer.contrast_limits
    assert low == (pytest.approx(run.threshold) if style == "above threshold" else 0)
    assert high >= 2 * run.threshold
    alpha = layer.colormap.map([0.0, 0.5, 1.0])[:, 3]
    expected = {"above threshold": (0, 1, 1), "modulated": (0, 0.5, 1), "whole": (1, 1, 1)}
    np.testing.assert_allclose(alpha, expected[style], atol=0.01)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_show_the_mask_turns_the_slider_to_where_it_is_largest_in_any_plane(
    opened, viewer, until, order
):
    run = finished(opened, until)
    assert run.mask.any()
    viewer.dims.order = order
    viewer.dims.set_current_step(order[0], 0)
    opened.show_mask()
    mask = viewer.layers["mask"].data > 0
    shown = np.take(mask, round(float(_index(viewer, order[0]))), order[0])
    assert shown.sum() == mask.sum(axis=tuple({0, 1, 2} - {order[0]})).max()


def _index(viewer, axis):
    return viewer.layers["mask"].world_to_data(viewer.dims.point)[axis]


def threads():
    """Those of a session; a dock has others, which end with it."""
    ours = ("itermask-engine", "itermask-keeper")
    return [thread for thread in threading.enumerate() if thread.name in ours]
