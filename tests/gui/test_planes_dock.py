"""The Planes dock in a real viewer: three slices at one crosshair, tied to napari's own."""

import gc
import time
import weakref

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

from napari_itermask import Scan
from napari_itermask.gui.system import missing_libraries

napari = pytest.importorskip("napari")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import QPoint, QPointF, Qt  # noqa: E402
from qtpy.QtGui import QWheelEvent  # noqa: E402
from qtpy.QtWidgets import QAbstractButton, QApplication, QLineEdit, QToolTip  # noqa: E402

from napari_itermask.gui.placed.space import mm_of, voxel_of  # noqa: E402
from napari_itermask.gui.planes.picture import edges  # noqa: E402
from napari_itermask.gui.planes.plane import PlaneView  # noqa: E402
from napari_itermask.gui.planes.triptych import best_places  # noqa: E402
from napari_itermask.gui.planes_dock import EMPTY, PlanesDock  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402
from napari_itermask.gui.where.orientation import set_convention  # noqa: E402

LESION = (26.0, 33.0, 18.0)
"""RAS mm of a voxel's centre in the phantom's lesion."""


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    yield viewer
    stream_of(viewer).close()


@pytest.fixture
def dock(qtbot, viewer, small_model):
    stream_of(viewer).rate = 200
    session_of(viewer).choose_model(small_model.weights.parent)
    dock = PlanesDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(420, 520)
    dock.show()
    return dock


@pytest.fixture
def opened(dock, scan_file, until):
    return with_scan(dock, scan_file, until)


@pytest.fixture
def finished(opened, until):
    """The dock with a finished run, at the lesion."""
    opened.session.start()
    until(lambda: opened.session.run is not None and not opened.session.running)
    opened.go_to(LESION)
    return settled(opened, until)


def with_scan(dock, path, until):
    dock.session.open(path)
    until(lambda: dock.session.scan is not None and dock.mm is not None)
    return settled(dock, until)


def settled(dock, until):
    """Once all that was asked for is drawn and the sliders stand where they should."""
    until(lambda: not (dock._later.isActive() or dock._link._later.isActive()))
    until(lambda: dock._stream.settled)
    until(lambda: not (dock._later.isActive() or dock._link._later.isActive()))
    return dock


def plane(dock, name):
    return dock.triptych.planes[name]


def pixels(dock, name, what="grey"):
    picture = plane(dock, name).drawn[what]
    return None if picture is None else picture.pixels


def wheel(view, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    place = QPointF(view.rect().center())
    QApplication.sendEvent(
        view.viewport(),
        QWheelEvent(
            place,
            place,
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


def test_without_a_scan_it_says_what_to_do(dock, until):
    until(lambda: dock.words.values.text() == EMPTY)
    assert dock.mm is None
    with pytest.raises(ValueError, match="no scan"):
        dock.go_to((0, 0, 0))


def test_the_planes_are_the_scans_slices_through_the_sliders(opened, viewer, phantom, until):
    layer = viewer.layers["scan"]
    viewer.dims.set_point((0, 1, 2), layer.data_to_world((22, 32, 26)))
    settled(opened, until)
    i, j, k = voxel_of(layer, viewer.dims.point)
    assert (i, j, k) == (26, 32, 22)
    np.testing.assert_array_equal(pixels(opened, "axial"), phantom.image[:, :, k])
    np.testing.assert_array_equal(pixels(opened, "coronal"), phantom.image[:, j])
    np.testing.assert_array_equal(pixels(opened, "sagittal"), phantom.image[i])
    assert opened.mm == pytest.approx(LESION)
    assert opened.words.place.text() == "26.0, 33.0, 18.0"
    said = opened.words.values.text().replace("\u00a0", " ")
    assert "RAS 26.0, 33.0, 18.0 mm · voxel 26, 32, 22" in said
    assert f"scan {phantom.image[i, j, k]:.0f}" in said


def test_the_crosshair_goes_with_the_cursor_and_not_with_sliders_that_napari_writes_into_it(
    opened, viewer, until
):
    layer = viewer.layers["scan"]
    viewer.cursor.position = layer.data_to_world((18, 30, 24))
    assert opened.mm == pytest.approx(mm_of(layer, viewer.cursor.position))
    opened.go_to((-22, -35, 2))
    settled(opened, until)
    before = opened.mm
    viewer.dims.set_point(0, viewer.dims.point[0] + 8)
    assert opened.mm[:2] == pytest.approx(before[:2])
    assert opened.mm[2] == pytest.approx(viewer.dims.point[0])
    before = opened.mm
    viewer.cursor.position = (500.0, 500.0, 500.0)  # off the scan: it stays
    assert opened.mm == before
    opened.controls.follow.click()
    viewer.cursor.position = layer.data_to_world((10, 20, 20))
    assert opened.mm == before


def test_a_click_or_a_drag_in_a_plane_moves_the_other_planes_and_the_sliders(
    opened, viewer, phantom, qtbot, until
):
    view = plane(opened, "coronal")
    there = view.pixel_of(LESION[0] + 78, LESION[2] + 70)  # a frame counts from the first voxel
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(there.x() - 9, 40))
    qtbot.mouseMove(view.viewport(), there)
    QApplication.sendEvent(view.viewport(), _dragged_to(there))
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=there)
    settled(opened, until)
    assert opened.mm[::2] == pytest.approx(LESION[::2])
    assert mm_of(viewer.layers["scan"], viewer.dims.point) == pytest.approx(opened.mm)
    np.testing.assert_array_equal(pixels(opened, "sagittal"), phantom.image[26])
    np.testing.assert_array_equal(pixels(opened, "axial"), phantom.image[:, :, 22])


def _dragged_to(place):
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    where = QPointF(place)
    none = Qt.KeyboardModifier.NoModifier
    return QMouseEvent(QEvent.Type.MouseMove, where, where, Qt.MouseButton.NoButton, left, none)


def test_wheel_and_keys_move_by_the_scans_voxels_as_they_are_seen(opened, viewer, qtbot, until):
    opened.go_to(LESION)
    view = plane(opened, "axial")
    wheel(view, 2)
    assert opened.mm == pytest.approx((26, 33, 26))
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Up)
    assert opened.mm == pytest.approx((30, 37, 22))
    qtbot.keyClick(plane(opened, "sagittal"), Qt.Key.Key_Left)  # the front is at the left
    assert opened.mm == pytest.approx((30, 41, 22))
    set_convention(viewer, "radiological")
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert opened.mm == pytest.approx((26, 41, 22))
    settled(opened, until)
    assert mm_of(viewer.layers["scan"], viewer.dims.point) == pytest.approx(opened.mm)


def test_zoom_and_pan_count_for_all_planes_and_the_whole_brain_comes_back(opened, qtbot, until):
    opened.go_to(LESION)
    settled(opened, until)
    views = opened.triptych.planes.values()
    before = [view.pixel_of(0, 0) for view in views]
    wheel(plane(opened, "axial"), 3, Qt.KeyboardModifier.ControlModifier)
    assert opened.triptych.zoom > 1.5
    assert opened.mm == pytest.approx(LESION)
    assert all(a != b for a, b in zip(before, (v.pixel_of(0, 0) for v in views), strict=True))
    qtbot.keyClick(plane(opened, "coronal"), Qt.Key.Key_Home)
    assert [view.pixel_of(0, 0) for view in views] == before


def test_letters_and_sides_follow_the_convention(opened, viewer):
    axial, sagittal = plane(opened, "axial"), plane(opened, "sagittal")
    assert (axial.letters.left, axial.letters.top) == ("L", "A")
    assert axial.pixel_of(150, 0).x() > axial.pixel_of(10, 0).x()
    set_convention(viewer, "radiological")
    assert (axial.letters.left, axial.letters.right) == ("R", "L")
    assert axial.pixel_of(150, 0).x() < axial.pixel_of(10, 0).x()
    assert axial.pixel_of(0, 150).y() < axial.pixel_of(0, 10).y()
    assert (sagittal.letters.left, sagittal.letters.bottom) == ("A", "I")


def test_an_oblique_scan_of_long_voxels_has_true_mm_and_keeps_its_shape(
    dock, viewer, phantom, tmp_path, until
):
    angle = np.deg2rad(17)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = phantom.image.shape[0] - 1
    affine = turn @ phantom.affine @ flip @ np.diag([1.0, 1, 2, 1])
    voxels = phantom.image[::-1, :, ::2]
    nib.save(nib.Nifti1Image(voxels.astype(np.int16), affine), tmp_path / "o.nii")
    with_scan(dock, tmp_path / "o.nii", until)
    mm = apply_affine(affine, (12, 30, 11))
    dock.go_to(mm)
    settled(dock, until)
    assert voxel_of(viewer.layers["o"], viewer.dims.point) == (12, 30, 11)
    assert mm_of(viewer.layers["o"], viewer.dims.point) == pytest.approx(mm, abs=1e-3)
    said = dock.words.values.text().replace("\u00a0", " ")
    assert "voxel 12, 30, 11" in said
    assert "17° oblique" in said
    np.testing.assert_array_equal(pixels(dock, "coronal"), voxels[::-1, 30])
    view = plane(dock, "coronal")
    origin, right, up = view.pixel_of(0, 0), view.pixel_of(100, 0), view.pixel_of(0, 100)
    assert abs((right.x() - origin.x()) - (origin.y() - up.y())) <= 1
    *_, width, height = view.drawn["grey"].rect
    assert (width, height) == pytest.approx((40 * 4, 21 * 8))


def test_error_reconstruction_and_outlines_are_those_of_the_run(finished, qtbot, until):
    run = finished.session.run
    np.testing.assert_array_equal(pixels(finished, "axial", "mask"), run.mask[:, :, 22])
    assert pixels(finished, "axial", "colour") is None
    finished.controls.choices["error"].click()
    settled(finished, until)
    np.testing.assert_array_equal(pixels(finished, "axial", "colour"), run.error[:, :, 22])
    qtbot.keyClick(plane(finished, "sagittal"), Qt.Key.Key_Space)
    settled(finished, until)
    np.testing.assert_array_equal(pixels(finished, "sagittal"), run.reconstruction[26])
    qtbot.keyClick(plane(finished, "sagittal"), Qt.Key.Key_Space)
    finished.controls.outlines["mask"].click()
    settled(finished, until)
    np.testing.assert_array_equal(pixels(finished, "sagittal"), finished.session.scan.image[26])
    assert pixels(finished, "sagittal", "mask") is None
    said = finished.words.values.text().replace("\u00a0", " ")
    assert f"error {run.error[26, 32, 22]:.3g} (threshold {run.threshold:.3g})" in said
    assert f"reconstruction {run.reconstruction[26, 32, 22]:.3g}" in said


def test_an_earlier_pass_and_a_preview_are_shown_where_they_lie(finished, viewer, until):
    session = finished.session
    finished.controls.choices["reconstruction"].click()
    session.show(3)
    settled(finished, until)
    step, grid = session.shown_step(), session.grid
    k = round(float(apply_affine(np.linalg.inv(grid.placement.affine), LESION)[2]))
    np.testing.assert_array_equal(pixels(finished, "axial", "mask"), step.mask[:, :, k])
    layer = viewer.layers["reconstruction"]
    layer.visible = True
    seen = np.asarray(layer.data[k]).T  # (R, A) of (S, A, R)
    np.testing.assert_allclose(pixels(finished, "axial"), seen, rtol=1e-6)
    assert "pass 4 of" in finished.words.values.text()
    session.preview(session.search.thresholds[60])
    settled(finished, until)
    now = pixels(finished, "axial", "mask")
    np.testing.assert_array_equal(now, session.search.mask(60)[:, :, k])


def test_a_mask_that_is_painted_is_outlined_as_it_is_painted(finished, viewer, until):
    layer, mask = viewer.layers["mask"], finished.session.run.mask
    layer.brush_size = 5
    layer.paint(np.array([22, 24, 8]), 1 - int(mask[8, 24, 22]))
    settled(finished, until)
    assert finished.words.values.text().endswith("mask as painted")
    now = pixels(finished, "axial", "mask")
    assert now[8, 24] != mask[8, 24, 22]
    np.testing.assert_array_equal(now, (layer.data[22] > 0).T)
    finished.session.show(3)
    settled(finished, until)
    assert "pass 4 of" in finished.words.values.text()


def test_a_run_is_followed_pass_by_pass_and_not_at_all_while_hidden(opened, until):
    session, seen = opened.session, []
    for n in range(3):
        session.step()
        until(lambda n=n: session.state == "paused" and session.passes_done == n + 1)
        settled(opened, until)
        seen.append(plane(opened, "axial").drawn["mask"].key)
        assert f"pass {n + 1} of {n + 1}, search" in opened.words.values.text()
    assert len(set(seen)) == 3
    opened.hide()
    session.step()
    until(lambda: session.state == "paused" and session.passes_done == 4)
    until(lambda: opened._stream.settled)
    assert opened.shown is None
    assert plane(opened, "axial").drawn["mask"].key == seen[-1]
    opened.show()
    until(lambda: "pass 4 of 4" in opened.words.values.text())


def test_truth_and_other_labels_are_named_at_the_crosshair(finished, viewer, phantom, until):
    truth = np.zeros(phantom.image.shape, bool)
    truth[20:30, 28:36, 22] = True
    finished.session.truth = truth
    regions = viewer.add_labels(np.full((42, 48, 40), 7), name="region")
    layer = viewer.layers["scan"]
    regions.scale, regions.translate = layer.scale, layer.translate
    settled(finished, until)
    said = finished.words.values.text().replace("\u00a0", " ")
    assert "in truth" in said
    assert "region 7" in said
    np.testing.assert_array_equal(pixels(finished, "axial", "truth"), truth[:, :, 22])
    regions.visible = False
    finished.go_to((0, -60, 0))
    settled(finished, until)
    said = finished.words.values.text()
    assert "region" not in said
    assert "not\u00a0in\u00a0truth" in said


def test_a_layers_contrast_is_the_planes_contrast(opened, viewer, until):
    viewer.layers["scan"].contrast_limits = (100, 500)
    until(lambda: plane(opened, "axial").drawn["grey"].limits == (100, 500))


def test_the_mouse_over_a_plane_reads_values_and_leaves_the_crosshair(opened, qtbot, until):
    opened.go_to((-2, -15, 2))
    settled(opened, until)
    view = plane(opened, "axial")
    view.hovered.emit((LESION[0] + 78, LESION[1] + 95))
    until(lambda: opened.words.values.text().startswith("Mouse"))
    assert "voxel\u00a026,\u00a032,\u00a018" in opened.words.values.text()
    assert opened.mm == pytest.approx((-2, -15, 2))
    view.hovered.emit(None)
    until(lambda: opened.words.values.text().startswith("Crosshair"))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("1, 2", "'1, 2' is no place"), ("here", "is no place"), ("900 0 0", "lies outside scan")],
)
def test_a_place_is_typed_in_mm_or_refused_in_a_sentence(opened, qtbot, until, typed, answer):
    place = opened.words.place
    place.setFocus()
    place.selectAll()
    qtbot.keyClicks(place, "26 33; 18")
    qtbot.keyClick(place, Qt.Key.Key_Return)
    assert opened.mm == pytest.approx(LESION)
    settled(opened, until)
    place.selectAll()
    qtbot.keyClicks(place, typed)
    qtbot.keyClick(place, Qt.Key.Key_Return)
    assert answer in QToolTip.text()
    assert place.text() == "26.0, 33.0, 18.0"
    assert opened.mm == pytest.approx(LESION)


def test_three_slices_of_a_scan_at_1_mm_are_drawn_within_a_tenth_of_a_second(dock, until):
    rng = np.random.default_rng(0)
    image = rng.random((181, 217, 181), np.float32)
    brain = image > 0.5
    dock.session.open(Scan(image=image, brain=brain, affine=np.eye(4)))
    until(lambda: dock.session.scan is not None)
    dock.session.truth = brain  # an outline around half of all voxels: the worst case
    spent = []
    for n in range(8):  # the first of them takes the new scan
        begun = time.thread_time()
        dock._draw()
        dock.triptych.grab()
        spent.append(time.thread_time() - begun)
        dock.go_to((60 + n, 90 + n, 80 + n))
    assert max(spent) < 0.1


def test_an_outline_runs_along_the_edges_of_voxels():
    mask = np.zeros((4, 3), bool)
    mask[1, 1] = True
    x, y = edges(mask, (0.0, 10.0, 8.0, 9.0))
    ends = set(zip(x.tolist(), y.tolist(), strict=True))
    assert ends == {(2.0, 13.0), (2.0, 16.0), (4.0, 13.0), (4.0, 16.0)}
    assert len(x) == 8
    assert len(edges(np.ones((2, 2), bool), (0, 0, 2, 2))[0]) == 16


@pytest.mark.parametrize("size", [(380, 480), (900, 260), (260, 900), (200, 200)])
def test_pictures_and_words_share_any_area_without_overlap(size):
    places = best_places(*size, np.array([150.0, 180.0, 140.0]), 90)
    covered = np.zeros(size, int)
    for rect in places.values():
        covered[rect.left() : rect.right() + 1, rect.top() : rect.bottom() + 1] += 1
    assert len(places) == 4
    assert covered.max() == 1
    assert covered.mean() > 0.9


def test_every_control_says_what_it_does_and_keys_reach_it(opened):
    kinds = (QAbstractButton, QLineEdit, PlaneView)
    controls = [child for kind in kinds for child in opened.findChildren(kind)]
    assert len(controls) == 10
    for control in controls:
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_a_dock_that_is_closed_is_let_go(viewer, small_model, scan_file, until):
    session = session_of(viewer)
    session.choose_model(small_model.weights.parent)
    session.open(scan_file)
    until(lambda: session.scan is not None)
    dock = PlanesDock(viewer)
    dock.show()
    until(lambda: stream_of(viewer).settled)
    dock.go_to(LESION)  # it has its scan, and much is still to be drawn
    gone = weakref.ref(dock)
    dock.close()
    del dock
    gc.collect()
    assert gone() is None
    viewer.dims.set_point(0, 4.0)
    viewer.layers["scan"].contrast_limits = (0, 700)
