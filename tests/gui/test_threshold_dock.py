"""The Threshold dock in a real viewer: the curve grows, lines tune, a sweep is made and used."""

import csv
import gc
import weakref
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.system import missing_libraries

napari = pytest.importorskip("napari")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import QPoint, Qt  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QToolTip,
)

from napari_itermask.gui.parts.plots import Plot  # noqa: E402
from napari_itermask.gui.shelf import RunEntry  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402
from napari_itermask.gui.threshold.curve_plots import EMPTY  # noqa: E402
from napari_itermask.gui.threshold_dock import ThresholdDock  # noqa: E402

TANGENT = itm.RefineSettings(max_passes=3, y_limit=100.0)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    yield viewer
    stream_of(viewer).close()


@pytest.fixture(scope="module")
def file(phantom, tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    nib.save(nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine), path)
    return path


@pytest.fixture(scope="module")
def finished(file, small_model):
    """A run with its search, made once; it lends it to those that the tests begin."""
    return itm.refine(itm.load_scan(file), small_model, TANGENT, keep="maps")


@pytest.fixture
def dock(qtbot, viewer, small_model, file, until):
    """The dock, as large as under a canvas, with an open scan."""
    session = session_of(viewer)
    session.choose_model(small_model.weights.parent)
    session.settings = TANGENT
    session.open(file)
    until(lambda: session.scan is not None)
    dock = ThresholdDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(900, 220)
    dock.show()
    return dock


@pytest.fixture
def done(dock, viewer, finished, until):
    """The dock with a finished run."""
    run = replace(finished, scan=dock.session.scan)
    dock.session.select(RunEntry(1, "run 1", run))
    until(lambda: stream_of(viewer).canvas.layer("mask") is not None)
    return dock


def drag(line, *numbers):
    """As the mouse does it, but for letting go."""
    for number in numbers:
        line.setValue(number)
        line.sigDragged.emit(line)


def drawn(curve):
    """How many points of a curve are drawn."""
    x = curve.getData()[0]
    return 0 if x is None else len(x)


def let_go(line):
    line.sigPositionChangeFinished.emit(line)


def run_after(dock, act, until):
    """Do something and wait for the run that it begins; returns that run."""
    before = dock.session.run
    act()
    until(lambda: dock.session.run is not before and not dock.session.running)
    return dock.session.run


def test_it_says_what_to_do_and_then_shows_the_curve_as_the_search_goes_on(dock, until):
    plots = dock.curve.plots
    assert plots.curve.words == EMPTY
    dock.session.step()
    until(lambda: dock.session.state == "paused")
    dock.session.step()
    until(lambda: dock.session.passes_done == 2 and dock.session.state == "paused")
    assert plots.curve.words == ""
    assert plots.slope.words
    curve = plots.curve.curves[0][1]
    np.testing.assert_array_equal(curve.getData()[1], dock.session.thresholds)
    assert drawn(curve) == 2
    assert "pass 2 of 100" in dock.curve.controls.fit.text()
    dock.session.start()
    until(lambda: not dock.session.running)
    assert plots.slope.words == ""
    assert drawn(curve) == 100


def test_each_rule_shows_its_threshold_and_the_searchs_mask_there(done):
    session, controls = done.session, done.curve.controls
    choice = session.search.curve.choose(TANGENT.gamma, TANGENT.y_limit)
    assert float(controls.values["tangent"].text()) == pytest.approx(choice.threshold, rel=1e-3)
    voxels = np.count_nonzero(session.search.mask(choice.index))
    assert controls.volumes["tangent"].text() == f"{voxels * 6**3 / 1000:.1f} ml"
    nearest = int(np.argmin(np.abs(np.array(session.thresholds) - TANGENT.manual_threshold)))
    voxels = np.count_nonzero(session.search.mask(nearest))
    assert controls.volumes["manual"].text() == f"{voxels * 6**3 / 1000:.1f} ml"


def test_without_a_calibration_the_rule_is_off_and_says_why(done):
    button = done.curve.controls.rules["calibrated"]
    assert not button.isEnabled()
    assert "card holds no calibration" in button.toolTip()
    assert not done.curve.plots.lines["calibrated"].isVisible()


def test_a_drag_of_the_threshold_shows_the_searchs_mask_at_once_and_then_refines(
    done, viewer, until
):
    session, line = done.session, done.curve.plots.lines["tangent"]
    layer = stream_of(viewer).canvas.layer("mask")
    aim = session.thresholds[79]
    drag(line, aim)
    assert session.preview_index == 79
    assert session.state == "idle"
    assert np.count_nonzero(layer.data) == np.count_nonzero(session.search.mask(79))
    run = run_after(done, lambda: let_go(line), until)
    assert run.settings.threshold_rule == "manual"
    assert run.threshold == pytest.approx(aim, rel=1e-3)
    assert len(session.records) - 100 <= 3
    assert session.preview_index is None
    assert done.curve.controls.rules["manual"].isChecked()


def test_a_drag_of_gamma_previews_what_the_slope_chooses_and_then_refines(done, until):
    session, line = done.session, done.curve.plots.lines["gamma"]
    slope = session.search.curve.fit(TANGENT.y_limit).derivative
    aim = float(slope[60:62].mean())
    drag(line, np.log10(aim))
    index = session.search.curve.choose(aim, TANGENT.y_limit).index
    assert session.preview_index == index
    assert "the search's at" in done.curve.plots.curve.corner_words
    run = run_after(done, lambda: let_go(line), until)
    assert run.settings.gamma == pytest.approx(aim, rel=1e-3)
    assert run.threshold == pytest.approx(session.thresholds[index])
    assert "the search's at" not in done.curve.plots.curve.corner_words


def test_a_drag_of_y_limit_fits_again_at_once_and_then_refines(done, until):
    session, line, words = done.session, done.curve.plots.lines["y_limit"], done.curve.controls.fit
    aim = session.thresholds[95]
    before = words.text()
    drag(line, aim)
    fit = session.search.curve.fit(aim)
    assert f"{fit.r2:.3f}" in words.text()
    assert words.text() != before
    assert session.preview_index == session.search.curve.choose(TANGENT.gamma, aim).index
    run = run_after(done, lambda: let_go(line), until)
    assert run.settings.y_limit == pytest.approx(aim, rel=1e-3)
    assert run.settings.threshold_rule == "tangent"


def test_a_refused_fit_is_said_in_words_and_its_differences_are_drawn(done):
    plots = done.curve.plots
    drag(plots.lines["y_limit"], done.session.thresholds[0])
    assert "✗ Fit refused: fewer than two thresholds" in done.curve.controls.fit.text()
    assert "Smoothed differences decide" in done.curve.controls.fit.text()
    tangent, differences = (drawn(curve) for _, curve in plots.slope.curves[:2])
    assert tangent == 0
    assert differences > 90  # on a log axis none is at or below 0


def test_under_another_rule_a_new_y_limit_costs_nothing(done, until):
    session = done.session
    run_after(done, done.curve.controls.rules["manual"].click, until)
    line = done.curve.plots.lines["y_limit"]
    drag(line, session.thresholds[49])
    let_go(line)
    assert session.settings.y_limit == pytest.approx(session.thresholds[49], rel=1e-3)
    assert session.state == "idle"
    assert session.preview_index is None


def test_a_line_that_is_put_back_refines_nothing(done):
    line = done.curve.plots.lines["gamma"]
    drag(line, np.log10(0.2), np.log10(TANGENT.gamma))
    let_go(line)
    assert done.session.state == "idle"
    assert done.session.preview_index is None
    assert done.session.settings == TANGENT


def test_the_mouse_grabs_the_line_near_it(done, qtbot, until):
    plot, line = done.curve.plots.slope, done.curve.plots.lines["gamma"]
    qtbot.wait(50)

    def at(number):
        place = plot.getPlotItem().vb.mapViewToScene(line.pos().__class__(50.0, np.log10(number)))
        return plot.mapFromScene(place)

    gamma = TANGENT.gamma
    start = at(gamma) + QPoint(0, 3)
    target = at(gamma * 2) + QPoint(0, 3)
    screen = plot.viewport()
    qtbot.mouseMove(screen, start)
    qtbot.wait(20)
    qtbot.mousePress(screen, Qt.MouseButton.LeftButton, pos=start)
    for share in np.linspace(0.2, 1, 8):
        between = start + (target - start) * float(share)
        _move(screen, between)
        qtbot.wait(10)
    assert done.session.preview_index is not None

    def release():
        qtbot.mouseRelease(screen, Qt.MouseButton.LeftButton, pos=target)

    run = run_after(done, release, until)
    assert run.settings.gamma == pytest.approx(2 * gamma, rel=0.1)


def _move(screen, place):
    """With the button down, which pytest-qt's own move leaves out."""
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent

    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    glob = QPointF(screen.mapToGlobal(place))
    event = QMouseEvent(QEvent.Type.MouseMove, QPointF(place), glob, left, left, none)
    QApplication.sendEvent(screen, event)


def test_a_number_that_stands_still_is_previewed_and_then_refined_with(done, until):
    box, session = done.curve.controls.boxes["gamma"], done.session

    def turn():
        box.stepBy(1)
        assert session.preview_index is not None
        assert session.state == "idle"
        box.stepBy(1)

    run = run_after(done, turn, until)
    assert run.settings.gamma == 0.052  # both steps, and one run
    assert len(session.runs) == 1


def test_a_number_out_of_range_is_refused_in_a_sentence(done):
    box = done.curve.controls.boxes["gamma"]
    box.setValue(-2.0)
    assert box.value() == TANGENT.gamma
    assert QToolTip.text() == (
        "gamma must be more than 0 and at most 1000: -2 was not taken, it stays 0.05."
    )
    assert done.session.settings == TANGENT


def test_while_a_run_waits_a_dragged_threshold_is_taken_by_its_next_pass(done, until):
    session, line = done.session, done.curve.plots.lines["manual"]
    session.step()
    until(lambda: session.state == "paused")
    aim = session.thresholds[69]
    drag(line, aim)
    let_go(line)
    assert session.preview_index == 69  # nothing new can be shown before the next pass
    session.step()
    until(lambda: session.state == "paused" and session.newest.threshold != TANGENT.gamma)
    until(lambda: session.preview_index is None)
    session.start()
    until(lambda: not session.running)
    assert session.run.threshold == pytest.approx(aim, rel=1e-3)


def test_the_low_range_shows_the_threshold_and_full_shows_everything(done):
    plot, thresholds = done.curve.plots.curve, done.session.thresholds
    chosen = done.session.search.curve.choose(TANGENT.gamma, TANGENT.y_limit).threshold
    assert chosen < plot.top < 0.5 * max(thresholds)
    assert "y_limit 100 is above the view" in plot.corner_words
    done.curve.controls.full.click()
    assert plot.top > max(TANGENT.y_limit, *thresholds)
    assert plot.corner_words == ""


def test_a_sweep_shows_volume_and_dice_and_a_click_refines_with_its_gamma(
    done, until, tmp_path, monkeypatch
):
    session, page = done.session, done.sweep
    done.tabs.setCurrentWidget(page)
    session.truth = session.scan.image > 650
    page.count.setValue(3)
    page.sweep.click()
    assert page.sweep.text() == "Stop"
    until(lambda: not page.sweeping)
    assert [p.gamma for p in page.points] == sorted(p.gamma for p in page.points)
    assert len(page.points) == 3
    assert page.dice.isVisible()
    same = itm.sweep(session.run, [page.points[1].gamma], session.truth)[0]
    assert page.points[1] == same
    path = tmp_path / "sweep.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    page.export.click()
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert float(rows[2]["mask_ml"]) == page.points[2].mask_ml
    gamma = page.points[2].gamma
    run = run_after(done, lambda: page.volume.clicked.emit(gamma * 1.01, 0.0), until)
    assert run.settings.gamma == gamma
    assert run.mask_ml == pytest.approx(page.points[2].mask_ml)
    assert len(page.points) == 3  # of the same search, so they stay


def test_a_sweep_is_left_at_once_and_its_points_stay(done, until):
    page = done.sweep
    page.count.setValue(50)
    page.sweep.click()
    until(lambda: len(page.points) >= 1)
    page.sweep.click()
    until(lambda: not page.sweeping)
    assert 1 <= len(page.points) < 50
    assert page.sweep.text() == "Sweep gamma"
    assert done.session.state == "idle"


def test_keys_choose_a_point_of_the_sweep(done, qtbot, until):
    page = done.sweep
    done.tabs.setCurrentWidget(page)
    page.count.setValue(2)
    page.sweep.click()
    until(lambda: not page.sweeping)
    qtbot.keyClick(page.volume, Qt.Key.Key_Right)
    assert f"gamma {page.points[1].gamma:.4g}" in page.state.text()
    run = run_after(done, lambda: qtbot.keyClick(page.volume, Qt.Key.Key_Return), until)
    assert run.settings.gamma == page.points[1].gamma


def test_the_passes_are_drawn_and_lead_to_any_of_them(done, qtbot):
    session, page = done.session, done.passes
    done.tabs.setCurrentWidget(page)
    drawn_passes = sum(drawn(curve) for _, curve in page.volume.curves)
    assert drawn_passes == session.passes_done
    assert page.marks[0].number() == session.passes_done
    page.volume.clicked.emit(40.2, 0.0)
    assert session.position == 39
    assert page.marks[1].number() == 40
    qtbot.keyClick(page.threshold, Qt.Key.Key_Left)
    assert session.position == 38
    drag(page.marks[0], 71.3)
    let_go(page.marks[0])
    assert session.position == 70


def test_it_follows_the_theme_and_no_line_is_told_by_colour_alone(done, viewer):
    plots = done.curve.plots
    grounds = {}
    for theme in ("dark", "light"):
        viewer.theme = theme
        grounds[theme] = plots.curve.backgroundBrush().color().lightness()
        styles = {(line.pen.style(), name) for name, line in plots.lines.items()}
        assert len({style for style, name in styles if name != "gamma"}) == 4
    assert grounds["dark"] < 100 < 200 < grounds["light"]


def test_every_control_says_what_it_does_and_keys_reach_it(done):
    controls = [
        child
        for page in (done.curve, done.sweep, done.passes)
        for kind in (QAbstractButton, QAbstractSpinBox, Plot)
        for child in page.findChildren(kind)
        if not child.parent().inherits("QGraphicsView")
    ]
    assert len(controls) > 15
    for control in controls:
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_a_dock_that_is_closed_is_let_go_and_the_run_goes_on(viewer, small_model, file, until):
    session = session_of(viewer)
    session.choose_model(small_model.weights.parent)
    session.settings = TANGENT
    session.open(file)
    until(lambda: session.scan is not None)
    dock = ThresholdDock(viewer)
    dock.show()
    session.start()
    until(lambda: session.passes_done > 3)
    gone = weakref.ref(dock)
    dock.close()
    del dock
    gc.collect()
    assert gone() is None
    viewer.theme = "light"
    until(lambda: not session.running)
    assert session.run is not None


def test_a_search_that_does_not_hold_any_more_says_so(done, until):
    session = done.session
    session.settings = session.settings.replace(smoothing=6.0)
    words = done.curve.plots.curve.corner_words
    assert words.startswith("out of date, the next run makes a new search")
    assert "it thresholded another error map" in words
    line = done.curve.plots.lines["gamma"]
    drag(line, np.log10(0.2))
    let_go(line)
    assert session.settings.gamma == pytest.approx(0.2)
    assert session.state == "idle"
    assert session.preview_index is None


def test_what_is_typed_and_is_no_number_is_answered(done, qtbot):
    box = done.curve.controls.boxes["y_limit"]
    box.selectAll()
    qtbot.keyClicks(box, "1e")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert "y limit must be more than 0" in QToolTip.text()
    assert "'1e' was not taken" in QToolTip.text()
    assert box.value() == TANGENT.y_limit
