"""The Corrupt dock in a real viewer: tried on the open scan, looked at, refined, saved, undone."""

import gc
import shlex
import threading
import weakref
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.gui.system import missing_libraries
from napari_itermask.synthetic.effects import EFFECTS

napari = pytest.importorskip("napari")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtGui import QGuiApplication  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QSlider,
    QToolTip,
)

from napari_itermask.cli import app  # noqa: E402
from napari_itermask.gui.corrupt.controls import NONE  # noqa: E402
from napari_itermask.gui.corrupt.preview import NAMES  # noqa: E402
from napari_itermask.gui.corrupt_dock import CorruptDock  # noqa: E402
from napari_itermask.gui.opening import Opened  # noqa: E402
from napari_itermask.gui.placed.space import to_layer, view_of  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    yield viewer
    stream_of(viewer).close()


@pytest.fixture
def dock(qtbot, viewer, small_model):
    session_of(viewer).choose_model(small_model.weights.parent)
    dock = CorruptDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(340, 600)
    dock.show()
    return dock


@pytest.fixture
def opened(dock, scan_file, until):
    """The dock with an open scan."""
    dock.session.open(scan_file)
    until(lambda: dock.session.scan is not None)
    return dock


@pytest.fixture
def spiked(opened, until):
    """The dock that shows a spike."""
    opened.controls.choose("spike")
    until(lambda: opened.made is not None and not opened.busy)
    return opened


def used(dock, until):
    dock.use.click()
    until(lambda: not dock.session.busy)
    return dock.session.opened


def settled(dock, until):
    until(lambda: not dock.busy)
    return dock.made


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_without_a_scan_it_says_what_to_do(dock):
    assert dock.messages.text.startswith("Open a scan in Refine")
    assert not dock.controls.isEnabled()
    assert not any(b.isEnabled() for b in (dock.use, dock.back, dock.save, dock.copy))


def test_the_published_effects_come_first_and_are_named_so(dock):
    combo = dock.controls.effect
    offered = [combo.itemData(i) for i in range(combo.count()) if combo.itemData(i)]
    assert offered == list(EFFECTS)
    named = [combo.itemText(i) for i in range(combo.count()) if "published" in combo.itemText(i)]
    assert len(named) == 7
    assert combo.currentText() == NONE


def test_an_open_scan_is_left_alone_until_an_effect_is_chosen(opened, viewer, qtbot):
    qtbot.wait(250)
    assert names(viewer) == ["scan"]
    assert "Choose an effect" in opened.messages.text


def test_a_chosen_effect_is_shown_over_the_scan_with_its_truth(spiked, viewer):
    scan, (image, truth) = viewer.layers["scan"], (viewer.layers[name] for name in NAMES)
    same = itm.corrupt(spiked.session.scan, "spike")
    np.testing.assert_array_equal(image.data, to_layer(same.scan.image, same.scan.affine))
    np.testing.assert_array_equal(truth.data > 0, to_layer(same.truth, same.scan.affine))
    for layer in (image, truth):
        np.testing.assert_array_equal(layer.scale, scan.scale)
        np.testing.assert_array_equal(layer.translate, scan.translate)
        assert layer.units == scan.units
    assert image.contrast_limits == scan.contrast_limits
    assert truth.contour == 1
    assert names(viewer) == ["scan", *NAMES]
    assert "ml changed visibly" in spiked.state.text()


def test_the_layer_says_where_it_comes_from(spiked, viewer, scan_file):
    own = viewer.layers[NAMES[0]].metadata["itermask"]
    assert (own["effect"], own["severity"], own["seed"]) == ("spike", 1.0, 0)
    assert own["source"] == str(scan_file)
    again = itm.corrupt(itm.load_scan(scan_file), "spike", draw=own["draw"])
    np.testing.assert_array_equal(again.scan.image, spiked.made.corrupted.scan.image)


def test_the_users_layers_and_selection_stay_as_they_are(opened, viewer, until):
    mine = viewer.add_labels(np.zeros((42, 48, 40), np.uint8), name="mine")
    viewer.layers.selection = {mine}
    before = viewer.layers["scan"].data.copy()
    opened.controls.choose("blur")
    settled(opened, until)
    assert viewer.layers.selection == {mine}
    assert viewer.layers.selection.active is mine
    np.testing.assert_array_equal(viewer.layers["scan"].data, before)
    opened.hide()
    assert names(viewer) == ["scan", "mine"]


def test_the_newest_wish_wins_and_the_layer_stays_the_same_one(spiked, viewer, until):
    layer = viewer.layers[NAMES[0]]
    for severity in (2.0, 3.0, 4.0):
        spiked.controls.severity.setValue(severity)
    assert not spiked.use.isEnabled()  # what is shown is not what is asked for
    assert "spike 4, seed 0: being made" in spiked.state.text()
    made = settled(spiked, until)
    assert made.wanted.severity == 4.0
    assert viewer.layers[NAMES[0]] is layer
    np.testing.assert_array_equal(layer.data, made.image)


def test_a_request_that_a_newer_one_overtakes_is_not_shown(opened, until):
    """Both in the thread: the first goes on when the second comes."""
    made = []
    opened._maker.made.connect(made.append)
    opened.controls.choose("motion")
    opened._ask()
    opened.controls.choose("blur")
    opened._ask()
    settled(opened, until)
    assert [one.wanted.effect for one in made] == ["blur"]


def test_it_is_made_in_a_thread_of_its_own(opened, until, monkeypatch):
    from napari_itermask.synthetic import corrupted

    at, corrupt = [], corrupted.corrupt

    def watched(*args):
        at.append(threading.current_thread().name)
        return corrupt(*args)

    monkeypatch.setattr(corrupted, "corrupt", watched)
    opened.controls.choose("blur")
    settled(opened, until)
    assert at == ["itermask-corrupt"]


def test_slider_and_box_are_one_severity(spiked):
    controls = spiked.controls
    controls.slider.setValue(250)
    assert controls.severity.value() == 2.5
    controls.severity.setValue(7.123)
    assert controls.slider.value() == 712
    assert controls.wanted.severity == 7.123


@pytest.mark.parametrize(
    ("box", "typed", "sentence"),
    [
        ("severity", 10.5, "severity must be from 0 to 10: 10.5 was not taken, it stays 1"),
        ("severity", -1.0, "severity must be from 0 to 10: -1 was not taken"),
        ("seed", -3.0, "seed must be a whole number from 0 on: -3 was not taken, it stays 0"),
    ],
)
def test_a_number_out_of_range_is_refused_in_a_sentence(spiked, box, typed, sentence):
    getattr(spiked.controls, box).setValue(typed)
    assert sentence in QToolTip.text()
    assert spiked.controls.wanted == spiked.made.wanted


def test_a_new_draw_takes_another_seed_and_shows_another_place(opened, viewer, until):
    opened.controls.choose("focal_lesion")
    first = settled(opened, until)
    opened.controls.draw.click()
    second = settled(opened, until)
    assert second.wanted.seed != first.wanted.seed
    assert not np.array_equal(first.truth, second.truth)
    axis = viewer.dims.not_displayed[0]
    here = round(float(viewer.layers[NAMES[1]].world_to_data(viewer.dims.point)[axis]))
    assert second.truth.take(here, axis).any()  # the viewer has turned to it


def test_a_new_draw_of_what_leaves_nothing_to_chance_says_so(spiked, until):
    spiked.controls.draw.click()
    settled(spiked, until)
    assert "leaves nothing to chance" in spiked.messages.text


def test_an_effect_that_changes_nothing_visible_says_so(spiked, until):
    spiked.controls.severity.setValue(0.001)
    settled(spiked, until)
    assert "changed nothing visible in this brain: raise the severity" in spiked.messages.text


def test_what_cannot_be_made_is_told_in_a_sentence(opened, until, monkeypatch):
    from napari_itermask.synthetic import spike

    def full(**_):
        raise MemoryError("no room for it")

    monkeypatch.setattr(spike, "apply", full)
    opened.controls.choose("spike")
    until(lambda: opened.messages.trouble)
    assert "there is not enough memory (no room for it)" in opened.messages.trouble
    assert not opened.use.isEnabled()
    assert not opened.bar.isVisible()


def test_use_as_scan_opens_it_with_the_clean_brain_and_its_truth(spiked, viewer, until):
    clean, made = spiked.session.scan, spiked.made
    layers = [viewer.layers[name] for name in NAMES]
    opened = used(spiked, until)
    assert opened.scan is made.corrupted.scan
    np.testing.assert_array_equal(opened.scan.brain, clean.brain)
    np.testing.assert_array_equal(spiked.session.truth, made.corrupted.truth)
    assert names(viewer) == ["scan", "scan, spike 1, seed 0", "truth of scan, spike 1, seed 0"]
    assert list(viewer.layers)[1:] == layers
    assert "press Run" in spiked.messages.text
    assert not spiked.use.isEnabled()
    spiked.hide()
    assert layers[0] in viewer.layers


def test_it_is_refined_and_swept_against_its_truth(opened, until):
    opened.controls.choose("zipper")
    settled(opened, until)
    used(opened, until)
    session = opened.session
    session.settings = session.settings.replace(threshold_rule="tangent", gamma=0.1)
    session.start()
    until(lambda: session.run is not None and not session.running)
    assert session.run.scan is opened.made.corrupted.scan
    points = []
    session.swept.connect(lambda point: points.append(point) if point else None)
    session.sweep([0.1])
    until(lambda: not session.sweeping)
    assert points[0].dice is not None


def test_after_use_the_next_preview_is_made_of_the_clean_scan(spiked, viewer, until):
    clean = spiked.session.scan
    used(spiked, until)
    spiked.controls.choose("top_chunk")
    made = settled(spiked, until)
    np.testing.assert_array_equal(
        made.corrupted.scan.image, itm.corrupt(clean, "top_chunk").scan.image
    )
    assert names(viewer)[-2:] == list(NAMES)
    used(spiked, until)
    assert not viewer.layers["scan, spike 1, seed 0"].visible  # one at a time
    assert viewer.layers["scan, top_chunk 1, seed 0"].visible
    spiked.back.click()
    until(lambda: spiked.session.scan is clean)


def test_back_restores_the_clean_scan_its_layer_and_its_truth(spiked, viewer, until):
    session = spiked.session
    clean, truth = session.scan, session.scan.brain.copy()
    session.truth = truth
    used(spiked, until)
    spiked.back.click()
    until(lambda: session.scan is clean)
    assert session.truth is truth
    assert session.opened.layer is viewer.layers["scan"]
    assert len(viewer.layers) == 3  # none was added
    assert [layer.visible for layer in viewer.layers] == [True, False, False]
    assert spiked.controls.wanted is None
    assert not spiked.back.isEnabled()


def test_back_brings_a_deleted_layer_of_the_clean_scan_again(spiked, viewer, until):
    clean = spiked.session.scan
    used(spiked, until)
    viewer.layers.remove("scan")
    spiked.back.click()
    until(lambda: spiked.session.scan is clean)
    np.testing.assert_array_equal(viewer.layers["scan"].data, to_layer(clean.image, clean.affine))


def test_a_used_layer_picked_again_is_the_same_scan_with_its_brain_and_truth(
    qtbot, spiked, viewer, until
):
    session, made = spiked.session, spiked.made
    layer = used(spiked, until).layer
    spiked.back.click()
    until(lambda: session.scan is not made.corrupted.scan)
    session.open(layer)
    until(lambda: session.scan is made.corrupted.scan)
    assert session.truth is made.corrupted.truth
    assert layer.visible
    other = CorruptDock(viewer)  # as when the first was closed for good
    qtbot.addWidget(other)
    other.back.click()
    until(lambda: session.scan is not made.corrupted.scan)
    assert session.scan.path is not None


def test_a_preview_is_not_offered_as_a_scan_but_a_used_one_is(qtbot, spiked, viewer, until):
    from napari_itermask.gui.refine.scan_panel import ScanPanel

    panel = ScanPanel(viewer, spiked.session)
    qtbot.addWidget(panel)
    spiked.controls.choose("blur")
    settled(spiked, until)
    assert [layer.name for layer in panel.scan.layers()] == ["scan"]
    layer = used(spiked, until).layer
    assert panel.scan.value is layer
    assert layer in panel.scan.layers()


def test_a_run_of_the_clean_scan_is_not_hidden_under_the_preview(spiked, viewer, until):
    spiked.session.start()
    until(lambda: not spiked.session.running and spiked.session.run is not None)
    assert not viewer.layers[NAMES[0]].visible
    spiked.controls.severity.setValue(2.0)
    settled(spiked, until)
    assert viewer.layers[NAMES[0]].visible


def test_another_scan_takes_the_preview_away(spiked, viewer, tmp_path, phantom, until):
    path = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(phantom.image[:, :, ::-1].copy(), phantom.affine), path)
    spiked.session.open(path)
    until(lambda: spiked.session.scan.path == path)
    assert not set(NAMES) & set(names(viewer))
    assert spiked.controls.wanted is None


def test_closing_the_dock_removes_the_preview_and_what_is_on_its_way(spiked, viewer, qtbot):
    spiked.controls.severity.setValue(3.0)
    spiked.close()
    qtbot.wait(400)
    assert names(viewer) == ["scan"]
    assert spiked.controls.effect.currentText() == NONE


def test_a_preview_that_the_user_deleted_comes_back_with_the_next_wish(spiked, viewer, until):
    viewer.layers.remove(NAMES[1])
    spiked.controls.severity.setValue(2.0)
    settled(spiked, until)
    assert names(viewer) == ["scan", *NAMES]
    viewer.layers.remove(NAMES[0])
    assert used(spiked, until).layer in viewer.layers


def test_an_oblique_layer_of_another_plugin_is_covered_where_it_lies(dock, viewer, phantom, until):
    data = to_layer(phantom.image, phantom.affine)
    turned = np.eye(4)
    turned[1:3, 1:3] = 4 * np.array([[0.8, -0.6], [0.6, 0.8]])
    turned[0, 0] = 4
    layer = viewer.add_image(data, affine=turned, name="theirs", units=("mm",) * 3)
    dock.session.open(layer)
    until(lambda: dock.session.scan is not None)
    dock.controls.choose("spike")
    dock.controls.severity.setValue(0.0)
    settled(dock, until)
    shown = viewer.layers[NAMES[0]]
    for point in np.random.default_rng(0).integers(0, data.shape, (50, 3)):
        there = np.rint(shown.world_to_data(layer.data_to_world(point))).astype(int)
        assert shown.data[tuple(there)] == data[tuple(point)]
    assert used(dock, until).layer.name == "theirs, spike 0, seed 0"


def test_save_writes_the_folder_and_asks_before_it_replaces_one(spiked, tmp_path, until):
    spiked.keeping.ask_folder = lambda *_: tmp_path
    spiked.save.click()
    until(lambda: "Saved to" in spiked.messages.text)
    folder = tmp_path / "scan_spike_1_seed0"
    loaded = itm.load_corrupted(folder)
    np.testing.assert_array_equal(loaded.truth, spiked.made.corrupted.truth)
    assert loaded.draw == spiked.made.corrupted.draw
    (folder / "truth.nii.gz").write_bytes(b"")
    spiked.save.click()
    until(lambda: "replace it, or save elsewhere" in spiked.messages.trouble)
    (replace,) = spiked.messages.buttons()
    replace.click()
    until(lambda: "Saved to" in spiked.messages.text)
    assert itm.load_corrupted(folder).truth.any()


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(spiked, tmp_path, until):
    (tmp_path / "file").write_text("")
    spiked.keeping.ask_folder = lambda *_: tmp_path / "file"
    spiked.save.click()
    until(lambda: spiked.messages.trouble)
    assert "cannot be written" in spiked.messages.trouble


def test_the_copied_command_makes_the_same_bit_for_bit(
    dock, scan_file, brain_file, tmp_path, until
):
    dock.session.open(scan_file, brain_file)
    until(lambda: dock.session.scan is not None)
    dock.controls.choose("focal_lesion")
    dock.controls.severity.setValue(1.5)
    dock.controls.seed.setValue(7)
    made = settled(dock, until)
    dock.copy.click()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["napari-itermask", "corrupt"]
    done = CliRunner().invoke(app, [*words[1:], "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    again = itm.load_corrupted(tmp_path / "out")
    np.testing.assert_array_equal(again.scan.image, made.corrupted.scan.image)
    np.testing.assert_array_equal(again.truth, made.corrupted.truth)


def test_no_command_is_copied_where_none_could_make_the_same(dock, viewer, phantom, until):
    layer = viewer.add_image(
        to_layer(phantom.image, phantom.affine), scale=(4, 4, 4), units=("mm",) * 3, name="mine"
    )
    dock.session.open(layer)
    until(lambda: dock.session.scan is not None)
    QGuiApplication.clipboard().setText("before")
    dock.controls.choose("spike")
    dock.copy.click()
    assert dock.messages.trouble.startswith("mine lies in no file")
    assert QGuiApplication.clipboard().text() == "before"


def test_every_control_says_what_it_does_and_keys_reach_it(opened):
    controls = [
        child
        for kind in (QAbstractButton, QAbstractSpinBox, QSlider, QComboBox)
        for child in opened.findChildren(kind)
    ]
    assert len(controls) == 9
    for control in controls:
        assert control.toolTip(), control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_a_dock_that_is_closed_is_let_go(viewer, small_model, scan_file, until):
    session = session_of(viewer)
    session.choose_model(small_model.weights.parent)
    session.open(scan_file)
    until(lambda: session.scan is not None)
    dock = CorruptDock(viewer)
    dock.show()
    dock.controls.choose("motion")
    dock._ask()  # it is on its way
    gone = weakref.ref(dock)
    dock.close()
    del dock
    gc.collect()
    assert gone() is None
    viewer.theme = "light"
    session.state_changed.emit("running")
    until(lambda: not [t for t in threading.enumerate() if t.name == "itermask-corrupt"])


def test_closed_by_its_cross_in_a_real_window_it_takes_the_preview_along(
    drawn_viewer, scan_file, until
):
    viewer = drawn_viewer
    dock = CorruptDock(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Corrupt")
    behind = viewer.window.add_dock_widget(QLabel("another"), name="Another", tabify=True)
    session = session_of(viewer)
    session.open(scan_file)
    until(lambda: session.scan is not None)
    dock.controls.choose("blur")
    until(lambda: NAMES[0] in viewer.layers)
    behind.raise_()
    QApplication.processEvents()
    assert NAMES[0] in viewer.layers  # it lies behind another tab and is not closed
    docked.destroyOnClose()
    until(lambda: NAMES[0] not in viewer.layers)
    assert "scan" in viewer.layers
    stream_of(viewer).close()


# A scan in memory, as a script would open it ---------------------------------------------------


def test_a_scan_in_memory_is_opened_as_it_is(dock, phantom, until):
    dock.session.open(phantom)
    until(lambda: dock.session.scan is phantom)
    assert dock.session.truth is None


@pytest.mark.parametrize("given", [{"strip": "hd-bet"}, {"spacing": (1, 1, 1)}])
def test_a_scan_in_memory_takes_no_second_brain_or_spacing(dock, phantom, until, given):
    heard = []
    dock.session.troubled.connect(heard.append)
    dock.session.open(phantom, **given)
    until(lambda: heard)
    assert "scan in memory, with a brain mask and a spacing of its own" in heard[0].sentence
    assert dock.session.scan is None


def test_a_truth_of_another_shape_is_refused(dock, phantom, until):
    heard = []
    dock.session.troubled.connect(heard.append)
    view = view_of(phantom.affine, phantom.image.shape)
    dock.session.open(Opened(phantom, view, truth=np.ones((2, 2, 2), bool)))
    until(lambda: heard)
    assert "give the truth in the scan's voxels" in heard[0].sentence


def test_a_used_layer_with_another_brain_mask_keeps_its_truth(spiked, brain_file: Path, until):
    layer, session = used(spiked, until).layer, spiked.session
    session.open(layer, brain_file)
    until(lambda: session.scan is not None and session.scan.brain_path == brain_file)
    np.testing.assert_array_equal(session.truth, spiked.made.corrupted.truth)
