"""The Guide dock in a real viewer: one cutoff in all controls, seen as a guide, with its price."""

import gc
import threading
import weakref

import nibabel as nib
import numpy as np
import pytest

from napari_itermask.gui.system import missing_libraries
from napari_itermask.method import high_frequency
from napari_itermask.method.guide import PUBLISHED_CUTOFF
from napari_itermask.prepare import prepare

napari = pytest.importorskip("napari")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402
    QAbstractButton,
    QAbstractSpinBox,
    QSlider,
    QToolTip,
)

from napari_itermask.gui.guide_dock import EMPTY, GuideDock  # noqa: E402
from napari_itermask.gui.parts.plots import Plot  # noqa: E402
from napari_itermask.gui.placed.space import to_layer  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    yield viewer
    stream_of(viewer).close()


@pytest.fixture
def dock(qtbot, viewer, small_model):
    session_of(viewer).choose_model(small_model.weights.parent)
    dock = GuideDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(340, 480)
    dock.show()
    return dock


@pytest.fixture
def opened(dock, scan_file, until):
    """The dock with an open scan and its spectrum."""
    dock.session.open(scan_file)
    until(lambda: dock.session.scan is not None and not dock.plot.words)
    return dock


def guide_layer(viewer):
    return stream_of(viewer).canvas.layer("guide")


def of(dock, cutoff):
    """The guide that the engine gives, as a layer holds it."""
    session = dock.session
    grid = prepare(session.scan, session.model.card, session.model.card.settings)
    guide = high_frequency(grid.image, cutoff, grid.placement.spacing)
    return to_layer(guide, grid.placement.affine)


def drag(line, *cutoffs):
    for cutoff in cutoffs:
        line.setValue(np.log10(cutoff))
        line.sigDragged.emit(line)
    line.sigPositionChangeFinished.emit(line)


def test_without_a_scan_it_says_what_to_do_and_shows_the_models_cutoff(dock):
    assert dock.plot.words == EMPTY
    assert dock.frequency.value() == PUBLISHED_CUTOFF
    assert dock.wavelength.value() == 12.8
    assert "the cutoff that small learnt with" in dock.words.text()
    assert not dock.use.isEnabled()


def test_frequency_wavelength_slider_and_cut_are_one(opened):
    opened.wavelength.setValue(20.0)
    assert opened.cutoff == opened.frequency.value() == 0.05
    assert opened.plot.cut.number() == pytest.approx(0.05)
    opened.frequency.setValue(0.04)
    assert opened.wavelength.value() == 25.0
    place = opened.slider.value()
    opened.slider.setValue(place + 100)
    assert opened.frequency.value() > 0.04
    drag(opened.plot.cut, 0.03)
    assert opened.frequency.value() == 0.03
    assert opened.slider.value() < place


def test_the_guide_is_shown_where_the_scan_lies_while_the_cut_is_dragged(opened, viewer, until):
    drag(opened.plot.cut, 0.02, 0.025, 0.03, 0.04, 0.05)
    wanted = of(opened, 0.05)
    until(lambda: guide_layer(viewer) is not None)
    until(lambda: np.array_equal(guide_layer(viewer).data, wanted))  # the newest wins
    layer = guide_layer(viewer)
    assert layer.visible
    assert [str(u) for u in layer.units] == ["millimeter"] * 3
    assert tuple(np.abs(layer.scale)) == (6, 6, 6)
    opened.live.click()
    assert not layer.visible
    drag(opened.plot.cut, 0.03)
    assert not layer.visible


def test_another_cutoff_is_warned_of_with_its_price_and_taken_only_on_request(opened):
    session = opened.session
    opened.frequency.setValue(0.04)
    assert opened.words.text().startswith("⚠ small learnt with 0.07812 cycles/mm (12.8 mm)")
    assert "a hundred passes" in opened.words.text()
    assert session.settings.cutoff is None
    opened.use.click()
    assert session.settings.cutoff == 0.04
    assert "It is in use" in opened.words.text()
    opened.back.click()
    assert session.settings.cutoff is None
    assert opened.frequency.value() == PUBLISHED_CUTOFF
    assert not opened.back.isEnabled()


def test_settings_made_elsewhere_are_followed_digit_for_digit(opened):
    opened.session.settings = opened.session.settings.replace(cutoff=1 / 17)
    assert opened.frequency.value() == 1 / 17
    assert opened.wavelength.value() == 17
    assert not opened.use.isEnabled()


@pytest.mark.parametrize(("box", "typed"), [("frequency", 11.0), ("frequency", -1.0)])
def test_a_cutoff_out_of_range_is_refused_in_a_sentence(opened, box, typed):
    getattr(opened, box).setValue(typed)
    assert "cutoff must be more than 0 and at most 10" in QToolTip.text()
    assert opened.frequency.value() == opened.cutoff == PUBLISHED_CUTOFF


@pytest.mark.parametrize("typed", [0.0, 0.01, -3.0])
def test_a_wavelength_out_of_range_is_refused_in_a_sentence(opened, typed):
    opened.wavelength.setValue(typed)
    assert "wavelength must be at least 0.1 mm" in QToolTip.text()
    assert opened.wavelength.value() == 12.8


def test_a_run_takes_the_cutoff(opened, until):
    opened.frequency.setValue(0.04)
    opened.use.click()
    opened.session.start()
    until(lambda: not opened.session.running)
    assert opened.session.run.settings.cutoff == 0.04


def test_a_spectrum_that_nobody_sees_is_made_once_it_is_looked_at(dock, scan_file, until):
    dock.hide()
    dock.session.open(scan_file)
    until(lambda: dock.session.scan is not None)
    assert dock.plot.words == EMPTY
    dock.show()
    until(lambda: dock.plot.words == "")


def test_a_scan_that_fits_no_grid_says_so_in_place_of_the_spectrum(dock, phantom, tmp_path, until):
    thin = np.zeros(phantom.image.shape, np.int16)
    thin[20, 24, 4:38] = phantom.image[20, 24, 4:38]
    path, brain = tmp_path / "thin.nii.gz", tmp_path / "brain.nii.gz"
    nib.save(nib.Nifti1Image(thin, phantom.affine), path)
    nib.save(nib.Nifti1Image((thin > 0).astype(np.uint8), phantom.affine), brain)
    dock.session.open(path, brain)
    until(lambda: "too thin" in dock.plot.words)


def test_every_control_says_what_it_does_and_keys_reach_it(opened):
    controls = [
        child
        for kind in (QAbstractButton, QAbstractSpinBox, QSlider, Plot)
        for child in opened.findChildren(kind)
        if not child.parent().inherits("QGraphicsView")
    ]
    assert len(controls) == 7
    for control in controls:
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_a_dock_that_is_closed_is_let_go(viewer, small_model, scan_file, until):
    session = session_of(viewer)
    session.choose_model(small_model.weights.parent)
    session.open(scan_file)
    until(lambda: session.scan is not None)
    dock = GuideDock(viewer)
    dock.show()
    dock.frequency.setValue(0.04)  # a guide is on its way
    gone = weakref.ref(dock)
    dock.close()
    del dock
    gc.collect()
    assert gone() is None
    viewer.theme = "light"
    until(lambda: not [t for t in threading.enumerate() if t.name == "itermask-guide"])
