"""The Refine dock in a real viewer, with a real session and a small model."""

import subprocess
import sys
import textwrap
from itertools import pairwise

import nibabel as nib
import numpy as np
import pytest

from napari_itermask import RefineSettings
from napari_itermask.gui.system import has_display, missing_libraries

napari = pytest.importorskip("napari")
if missing_libraries():
    pytest.skip("Qt's system libraries are missing", allow_module_level=True)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QSlider,
)

from napari_itermask.gui.placed.space import metadata, placing, to_layer  # noqa: E402
from napari_itermask.gui.refine.remember import choices_file, recall  # noqa: E402
from napari_itermask.gui.refine.run_panel import KEYS, duration, expected_passes  # noqa: E402
from napari_itermask.gui.refine_dock import RefineDock  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402
from napari_itermask.gui.trouble import Trouble  # noqa: E402
from napari_itermask.scans.strip import available_strippers  # noqa: E402

LONG = 60_000  # ms


@pytest.fixture
def make_viewer():
    """Viewers without a window, which is quick; their docks are windows of their own."""
    made = []

    def make():
        made.append(ViewerModel())
        return made[-1]

    yield make
    for viewer in made:
        stream_of(viewer).close()


@pytest.fixture
def viewer(make_viewer):
    return make_viewer()


@pytest.fixture
def make_dock(qtbot, viewer):
    def make(of=viewer):
        dock = RefineDock(of)
        qtbot.addWidget(dock)
        dock.show()
        return dock

    return make


@pytest.fixture
def dock(viewer, make_dock, small_model):
    session_of(viewer).choose_model(small_model.weights.parent)
    return make_dock()


@pytest.fixture
def opened(qtbot, viewer, dock, phantom):
    """The dock with an open scan."""
    add_scan(viewer, phantom)
    qtbot.waitUntil(lambda: dock.session.scan is not None, timeout=LONG)
    return dock


@pytest.fixture
def windowed(request, qtbot, small_model, phantom):
    """The dock in a whole napari window, 330 pixels wide, with an open scan."""
    if not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")
    viewer = request.getfixturevalue("make_napari_viewer")(show=True)
    viewer.window.resize(1280, 800)
    add_scan(viewer, phantom)
    session_of(viewer).choose_model(small_model.weights.parent)
    dock = RefineDock(viewer)
    docked = viewer.window.add_dock_widget(dock, name="Refine", area="right")
    docked.window().resizeDocks([docked], [330], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock.session.scan is not None, timeout=LONG)
    yield viewer, dock, docked
    stream_of(viewer).close()


def add_scan(viewer, scan, name="flair"):
    """A layer as our reader makes it."""
    shape = scan.image.shape
    return viewer.add_image(
        to_layer(scan.image, scan.affine),
        name=name,
        metadata=metadata(scan.affine, shape),
        **placing(scan.affine, shape),
    )


def choose(combo, text):
    """As a person does."""
    index = combo.findText(text)
    combo.setCurrentIndex(index)
    combo.activated.emit(index)


def stop(qtbot, dock):
    dock.run.buttons["stop"].click()
    qtbot.waitUntil(lambda: dock.session.state == "idle", timeout=LONG)


def one_pass(qtbot, dock):
    """Begin a run, and wait in it after one pass more."""
    before = dock.session.passes_done if dock.session.running else 0
    dock.run.buttons["step"].click()
    qtbot.waitUntil(lambda: dock.session.state == "paused", timeout=LONG)
    assert dock.session.passes_done == before + 1


def run_to_the_end(qtbot, dock):
    dock.run.buttons["run"].click()
    qtbot.waitUntil(lambda: dock.session.state == "idle", timeout=LONG)


def enabled(dock):
    return {name for name, button in dock.run.buttons.items() if button.isEnabled()}


def test_three_actions_from_a_new_napari_open_the_sample_the_dock_and_run(
    qtbot, viewer, make_dock, small_model, phantom
):
    add_scan(viewer, phantom)
    session_of(viewer).choose_model(small_model.weights.parent)
    dock = make_dock()
    qtbot.waitUntil(lambda: dock.session.scan is not None, timeout=LONG)
    assert dock.scan.scan.currentText() == "flair"
    assert dock.messages.text == f"flair is open: press Run ({KEYS['run']})."
    run_to_the_end(qtbot, dock)
    first = dock.session.run.record.passes
    assert dock.run.progress.text().startswith(f"done: {len(first)} passes in ")
    assert dock.run.numbers.text().endswith(f"mask {first[-1].mask_ml:.4g} ml")
    assert dock.run.shown.text() == f"pass {len(first)} of {len(first)} · refinement"
    assert dock.run.slider.value() == dock.run.slider.maximum() == len(first) - 1
    assert "mask" in viewer.layers
    # A turned setting runs again; the search is taken over, unless a new one is asked for.
    dock.form.controls["manual_threshold"].box.setValue(2.0)
    run_to_the_end(qtbot, dock)
    second = dock.session.run.record
    assert second.settings.manual_threshold == 2.0
    assert second.passes[:100] == first[:100]
    dock.run.fresh.trigger()
    qtbot.waitUntil(lambda: dock.session.passes_done > 0, timeout=LONG)
    assert dock.session.records[0].phase == "search"
    assert dock.session.records[0].seconds != first[0].seconds
    stop(qtbot, dock)


def test_buttons_are_enabled_as_the_run_stands(qtbot, opened):
    assert enabled(opened) == {"run", "step"}
    one_pass(qtbot, opened)
    assert enabled(opened) == {"run", "step", "stop"}
    one_pass(qtbot, opened)
    assert enabled(opened) == {"run", "back", "step", "stop"}
    assert opened.run.buttons["run"].text() == f"Go on\n{KEYS['run']}"
    opened.run.buttons["run"].click()
    assert enabled(opened) == {"pause", "back", "stop"}
    assert opened.run.buttons["run"].text() == f"Run\n{KEYS['run']}"
    stop(qtbot, opened)
    assert enabled(opened) == {"run", "back", "step"}
    assert opened.run.progress.text().startswith("ended early: ")


def test_run_pressed_twice_quickly_starts_one_run(qtbot, opened):
    opened.run.buttons["run"].click()
    opened.run.buttons["run"].click()
    opened.run.press("run")
    opened.start()
    qtbot.waitUntil(lambda: opened.session.passes_done > 0, timeout=LONG)
    stop(qtbot, opened)
    assert [entry.number for entry in opened.session.runs] == [1]


def test_keys_work_wherever_the_focus_is_and_once(qtbot, windowed):
    _, dock, docked = windowed
    window = docked.window()
    combo = dock.form.controls["threshold_rule"].native
    passes, states = 0, []
    dock.session.state_changed.connect(states.append)

    def press_step(target):
        nonlocal passes
        passes += 1
        qtbot.keyClick(target, getattr(Qt.Key, f"Key_{KEYS['step']}"))
        qtbot.waitUntil(lambda: dock.session.passes_done == passes, timeout=LONG)
        qtbot.waitUntil(lambda: dock.session.state == "paused", timeout=LONG)
        assert states == ["pausing", "paused"]
        states.clear()

    press_step(window)
    combo.setFocus()
    press_step(combo)
    docked.setFloating(True)
    docked.activateWindow()
    press_step(dock.run.slider)
    window.activateWindow()
    press_step(window)
    docked.hide()
    press_step(window)
    stop(qtbot, dock)


def test_the_slider_goes_through_the_passes(qtbot, opened):
    for _ in range(3):
        one_pass(qtbot, opened)
    assert opened.run.slider.maximum() == opened.run.slider.value() == 2
    opened.run.slider.setValue(0)
    qtbot.waitUntil(lambda: opened.session.position == 0)
    assert opened.run.shown.text() == "pass 1 of 3 · search"
    opened.run.buttons["step"].click()  # the next one that is kept
    assert opened.session.position == opened.run.slider.value() == 1
    opened.run.buttons["back"].click()
    assert opened.session.position == opened.run.slider.value() == 0
    opened.run.slider.setValue(2)
    qtbot.waitUntil(lambda: opened.session.follows)
    one_pass(qtbot, opened)
    assert opened.run.slider.value() == 3
    stop(qtbot, opened)
    opened.run.slider.setValue(1)
    qtbot.waitUntil(lambda: opened.session.position == 1)


def test_while_it_runs_phase_pass_threshold_volume_and_time_left_are_told(qtbot, opened):
    one_pass(qtbot, opened)
    record = opened.session.records[-1]
    assert opened.run.progress.text() == "paused: search, pass 1 of about 106"
    assert opened.run.numbers.text() == (
        f"threshold {record.threshold:.4g}, mask {record.mask_ml:.4g} ml"
    )
    assert opened.run.bar.maximum() == 106
    assert opened.messages.text.startswith(f"It waits: Go on ({KEYS['run']})")
    opened.run.buttons["run"].click()
    assert opened.run.progress.text().startswith("search, pass ")
    assert opened.run.progress.text().endswith(" left")
    stop(qtbot, opened)


def test_a_turned_setting_reaches_the_session_and_makes_the_preset_your_own(dock):
    card = dock.session.model.card.settings
    assert dock.model.preset.currentText() == "the model's"
    assert not dock.model.reset.isEnabled()
    dock.form.controls["manual_threshold"].box.setValue(0.0123)
    assert dock.session.settings == card.replace(manual_threshold=0.0123)
    assert dock.model.preset.currentText() == "your own"
    choose(dock.model.preset, "as published")
    assert dock.session.settings == dock.form.settings == RefineSettings()
    choose(dock.model.preset, "your own")
    assert dock.session.settings == card.replace(manual_threshold=0.0123)
    dock.model.reset.click()
    assert dock.session.settings == dock.form.settings == card
    assert dock.model.preset.currentText() == "the model's"


def test_settings_from_code_are_shown(dock):
    dock.session.settings = RefineSettings(gamma=15 / 192, cutoff=0.1)
    assert dock.form.settings == dock.session.settings
    assert dock.form.controls["gamma"].box.text().startswith("0.078125")
    assert dock.model.preset.currentText() == "your own"


def test_a_refused_number_is_told_in_the_dock(qtbot, dock):
    before = dock.session.settings
    dock.form.controls["rim"].box.setValue(51.0)
    assert dock.session.settings == before
    assert "Rim must be at least 0 and at most 50: '51' was not taken" in dock.messages.text


def test_the_scan_box_follows_layers_that_come_go_and_are_renamed(qtbot, viewer, opened, phantom):
    choice = opened.scan.scan
    flair = viewer.layers["flair"]
    flair.name = "her scan"
    assert choice.currentText() == "her scan"
    other = add_scan(viewer, phantom, name="another")
    assert [choice.itemText(i) for i in range(choice.count())][1:] == ["another", "her scan"]
    assert choice.value is flair
    assert opened.session.opened.layer is flair
    choose(choice, "another")
    qtbot.waitUntil(lambda: opened.session.opened.layer is other, timeout=LONG)
    viewer.layers.remove(other)
    assert choice.value is None
    assert choice.currentText() == "another (no layer)"
    one_pass(qtbot, opened)  # the scan itself is kept
    assert [choice.itemText(i) for i in range(choice.count())][1:] == ["her scan"]  # no live layers


def test_a_file_opens_and_its_layer_is_chosen(qtbot, viewer, dock, scan_file):
    dock.scan.open(scan_file)
    assert dock.run.progress.text() == f"opening {scan_file.name} …"
    assert dock.run.bar.maximum() == 0  # it runs to and fro
    qtbot.waitUntil(lambda: dock.session.scan is not None, timeout=LONG)
    assert dock.scan.scan.value is viewer.layers["scan"]
    assert dock.run.progress.text().strip() == ""


def test_an_opening_can_be_cancelled(qtbot, dock, scan_file):
    assert not dock.run.cancel.isEnabled()
    dock.scan.open(scan_file)
    assert dock.run.cancel.isEnabled()
    dock.run.cancel.click()
    qtbot.waitUntil(lambda: dock.session.busy == "", timeout=LONG)
    assert dock.session.scan is None
    assert dock.messages.trouble == ""
    assert not dock.run.cancel.isEnabled()


def test_after_cancel_what_is_chosen_is_what_is_open(qtbot, viewer, opened, phantom):
    flair = viewer.layers["flair"]
    add_scan(viewer, phantom, name="another")
    choose(opened.scan.scan, "another")
    opened.run.cancel.click()
    qtbot.waitUntil(lambda: opened.scan.scan.value is flair, timeout=LONG)
    choose(opened.scan.brain, "another")
    opened.run.cancel.click()
    qtbot.waitUntil(lambda: opened.scan.brain.value is None, timeout=LONG)
    assert opened.session.opened.layer is flair


def test_a_mask_layer_is_taken_as_the_brain(qtbot, viewer, opened, phantom):
    brain = phantom.brain & (np.arange(phantom.brain.shape[0]) < 20)[:, None, None]
    shape = brain.shape
    layer = viewer.add_labels(
        to_layer(brain.astype(np.uint8), phantom.affine),
        name="half",
        metadata=metadata(phantom.affine, shape),
        **placing(phantom.affine, shape),
    )
    choose(opened.scan.brain, "half")
    qtbot.waitUntil(
        lambda: opened.session.busy == "" and np.array_equal(opened.session.scan.brain, brain),
        timeout=LONG,
    )
    assert opened.scan.brain.value is layer


def test_a_scan_with_its_skull_is_offered_a_skull_stripper(qtbot, viewer, dock, phantom, tmp_path):
    head = np.where(phantom.image > 0, phantom.image, np.arange(42) + 1).astype(np.float32)
    nib.save(nib.Nifti1Image(head, phantom.affine), tmp_path / "head.nii.gz")
    dock.scan.open(tmp_path / "head.nii.gz")
    qtbot.waitUntil(lambda: dock.messages.trouble != "", timeout=LONG)
    offered = [button.text() for button in dock.messages.buttons()]
    if available_strippers():
        assert offered == [f"Strip: {name}" for name in available_strippers()]
        return
    assert offered == ["Copy the command"]
    assert 'pip install "napari-itermask[strip]"' in dock.messages.text
    dock.messages.buttons()[0].click()
    assert QApplication.clipboard().text() == 'pip install "napari-itermask[strip]"'


def test_a_layer_without_spacing_is_asked_about_in_place(qtbot, viewer, dock, phantom):
    viewer.add_image(to_layer(phantom.image, phantom.affine), name="bare")
    qtbot.waitUntil(lambda: dock.messages.trouble != "", timeout=LONG)
    question = dock.messages.question
    assert not question.use.isEnabled()
    for box in question.boxes:
        assert box.value() == 0  # nothing is assumed
        box.setValue(4.0)
    question.use.click()
    qtbot.waitUntil(lambda: dock.session.scan is not None, timeout=LONG)
    np.testing.assert_allclose(nib.affines.voxel_sizes(dock.session.scan.affine), 4.0)
    assert dock.messages.trouble == ""
    before = dock.session.scan
    choose(dock.scan.brain, "found in the scan")  # opened again, and not asked again
    qtbot.waitUntil(lambda: dock.session.scan is not before, timeout=LONG)
    np.testing.assert_allclose(nib.affines.voxel_sizes(dock.session.scan.affine), 4.0)


def test_out_of_memory_offers_the_cpu(qtbot, opened):
    opened.session.device = "cuda:7"
    opened.session.troubled.emit(Trouble("memory", "pass 3 on cuda:7 ran out of memory."))
    assert opened.messages.trouble.startswith("pass 3")
    assert [b.text() for b in opened.messages.buttons()] == ["Use the CPU"]
    opened.messages.buttons()[0].click()
    assert opened.session.device == "cpu"
    assert opened.model.device.currentData() == "cpu"
    qtbot.waitUntil(lambda: opened.session.passes_done > 0, timeout=LONG)
    assert opened.messages.trouble == ""
    stop(qtbot, opened)


def test_a_device_that_is_not_there_is_said_and_run_is_ready_again(qtbot, opened):
    opened.model.use_device("cuda:7")
    opened.run.buttons["run"].click()
    qtbot.waitUntil(lambda: opened.messages.trouble != "", timeout=LONG)
    assert "cuda:7" in opened.messages.text
    assert enabled(opened) == {"run", "step"}


def test_run_without_a_scan_says_what_to_do(dock):
    dock.run.buttons["run"].click()
    assert dock.messages.text.startswith("There is no scan to refine")


def test_only_inside_a_drawn_shape(qtbot, viewer, opened):
    width = opened.session.scan.image.shape[0]
    place = viewer.layers["flair"]
    corners = [place.data_to_world((20, row, column)) for row, column in ((2, 0), (45, width / 2))]
    (z, top, left), (_, bottom, right) = corners
    rectangle = [(z, top, left), (z, top, right), (z, bottom, right), (z, bottom, left)]
    shape = viewer.add_shapes([np.array(rectangle)], name="here", units=["mm"] * 3)
    choose(opened.within, "here")
    qtbot.waitUntil(lambda: opened.session.within is not None, timeout=LONG)
    opened.run.buttons["run"].click()
    qtbot.waitUntil(lambda: opened.session.run is not None, timeout=LONG)
    assert opened.session.run.mask.any()
    assert not opened.session.run.mask[width // 2 + 2 :].any()
    shape.data = []
    opened.run.buttons["run"].click()  # it is read anew
    qtbot.waitUntil(lambda: opened.messages.trouble != "", timeout=LONG)
    assert "here" in opened.messages.text
    assert opened.within.currentText() == "the whole brain"
    assert opened.session.within is None
    assert not opened.session.running


def test_a_model_that_is_not_there_leaves_the_one_before(dock):
    dock.model.choose("/nowhere/net")
    assert "there is no model '/nowhere/net'" in dock.messages.trouble
    assert dock.session.model.card.name == "small"
    assert dock.model.model.currentText() == "small (FLAIR, 6 mm)"


def test_a_bare_checkpoint_is_read_aside_and_then_chosen(qtbot, dock, small_model, tmp_path):
    import torch

    path = tmp_path / "net_Epoch_499.pth"
    torch.save(small_model.network.state_dict(), path)
    dock.model.choose(str(path), {"modality": "t1", "normalisation": "zscore"})
    assert dock.session.model.card.name == "small"
    qtbot.waitUntil(lambda: dock.session.model.card.name == "net_Epoch_499", timeout=LONG)
    assert dock.session.model.card.modality == "t1"
    assert dock.model.model.currentText() == "net_Epoch_499 (T1, 1 mm)"
    assert dock.model.choices.model == str(path)


def test_devices_are_found_once_torch_is_there(qtbot, opened):
    devices = opened.model.device
    assert devices.findData("auto") == 0
    assert devices.findData("cpu") == 1
    one_pass(qtbot, opened)
    import torch

    count = 2 + torch.cuda.device_count() + torch.backends.mps.is_available()
    qtbot.waitUntil(lambda: devices.count() == count, timeout=LONG)


def test_choices_are_there_in_the_next_window(qtbot, make_dock, make_viewer):
    dock = make_dock()
    dock.form.controls["min_change"].box.setValue(1 / 3)
    dock.model.use_device("cpu")
    dock.form.groups["guide"].toggleButton().click()
    qtbot.waitUntil(choices_file().exists)
    qtbot.waitUntil(lambda: recall()[0].unfolded == ("threshold", "guide"))
    again = make_dock(make_viewer())
    assert again.session is not dock.session
    assert again.session.settings == dock.session.settings
    assert again.session.settings.min_change == 1 / 3
    assert again.model.preset.currentText() == "your own"
    assert again.session.device == "cpu"
    assert again.form.groups["guide"].isExpanded()


def test_a_dock_that_is_made_again_shows_the_session_as_it_is(viewer, make_dock):
    session_of(viewer).settings = RefineSettings(gamma=0.7)
    assert make_dock().form.settings.gamma == 0.7


def test_a_broken_file_of_choices_is_a_note(viewer, make_dock):
    choices_file().write_text("{")
    dock = make_dock()
    assert "so the dock begins with the defaults" in dock.messages.text
    assert dock.messages.trouble == ""


def test_nothing_jumps_whatever_the_dock_says(qtbot, opened):
    def places():
        QApplication.processEvents()
        parts = (opened.run.bar, opened.run.numbers, opened.messages, opened.where)
        return [opened.mapFromGlobal(part.mapToGlobal(part.rect().topLeft())) for part in parts]

    before = places()
    opened.session.troubled.emit(Trouble("pass", "a long sentence of many words. " * 30))
    assert places() == before
    opened.session.told.emit("a note, " * 60)
    assert places() == before
    one_pass(qtbot, opened)
    assert places() == before
    stop(qtbot, opened)
    assert places() == before


def test_everything_fits_in_330_pixels_with_all_groups_open(windowed):
    _, opened, _ = windowed
    for folding in opened.form.groups.values():
        folding.expand(animate=False)
    QApplication.processEvents()
    assert opened.width() == 330
    inside = opened.form.native.parentWidget()
    assert inside.width() == inside.parentWidget().width()
    for widget in opened.findChildren((QAbstractButton, QComboBox, QAbstractSpinBox, QLabel)):
        if widget.isVisible() and not opened.where.isAncestorOf(widget):
            right = widget.mapTo(opened, widget.rect().topRight()).x()
            assert right < opened.width(), widget
            if isinstance(widget, QAbstractSpinBox):
                line = widget.lineEdit()
                needed = line.fontMetrics().horizontalAdvance(line.text())
                assert line.width() > needed, line.text()
            if isinstance(widget, (QAbstractButton, QComboBox)):
                assert widget.width() >= widget.minimumSizeHint().width() - 2, widget


def test_every_control_has_a_tooltip_and_the_tab_key_goes_from_top_to_bottom(opened):
    for folding in opened.form.groups.values():
        folding.expand(animate=False)
    QApplication.processEvents()
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider)
    for widget in opened.findChildren(kinds):
        if widget.isVisible():
            assert widget.toolTip(), (widget, widget.accessibleName())
    chain = [opened.scan.scan]
    while (widget := chain[-1].nextInFocusChain()) is not chain[0]:
        chain.append(widget)
    stops = [w for w in chain if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisible()]
    scrolled = opened.form.native.parentWidget()
    above = [w for w in stops if scrolled.isAncestorOf(w)]
    heights = [w.mapTo(scrolled, w.rect().center()).y() for w in above]
    assert len(above) > 25
    assert all(later > earlier - 12 for earlier, later in pairwise(heights))
    buttons = [w for w in stops if opened.run.isAncestorOf(w)]
    assert stops.index(buttons[0]) > stops.index(above[-1])
    assert buttons == sorted(buttons, key=lambda w: (w.y() // 30, w.x()))


def test_the_theme_gives_the_colours(viewer, opened):
    sheets = set()
    for theme in ("dark", "light"):
        viewer.theme = theme
        sheets.add(opened.styleSheet())
        assert napari.utils.theme.get_theme(theme).error.as_hex() in opened.styleSheet()
    assert len(sheets) == 2


def test_a_closed_dock_hears_its_session_no_more(qtbot, windowed):
    viewer, opened, docked = windowed
    session, window = opened.session, docked.window()
    with qtbot.waitSignal(opened.destroyed):
        viewer.window.remove_dock_widget(docked)
        opened.deleteLater()
    session.settings = RefineSettings(gamma=0.3)  # would raise in a deleted widget
    session.troubled.emit(Trouble("scan", "nobody hears it."))
    qtbot.keyClick(window, getattr(Qt.Key, f"Key_{KEYS['step']}"))
    assert session.state == "idle"  # its keys are gone too
    session.step()
    qtbot.waitUntil(lambda: session.state == "paused", timeout=LONG)


def test_making_the_dock_imports_no_torch():
    code = """
        import sys
        from qtpy.QtWidgets import QApplication
        from napari.components import ViewerModel
        application = QApplication([])
        from napari_itermask.gui.refine_dock import RefineDock
        viewer = ViewerModel()
        dock = RefineDock(viewer)
        assert "torch" not in sys.modules
        dock.session.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**__import__("os").environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_durations_and_expectations_in_words():
    assert [duration(s) for s in (4.4, 59.6, 185, 3720)] == [
        "4 s",
        "1 min 00 s",
        "3 min 05 s",
        "1 h 02 min",
    ]
    assert expected_passes([]) == 106
