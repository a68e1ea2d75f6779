"""The Runs dock: runs are listed, shown, compared, named, saved, repeated, and never lost."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QPushButton,
)

import napari_itermask as itm
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.gui.system import has_display, missing_libraries

pytest.importorskip("napari")


@pytest.fixture(scope="module")
def screen():
    if missing_libraries() or not has_display():
        pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one")


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    """The phantom and its brain mask."""
    folder = tmp_path_factory.mktemp("scan")
    for name, data in (("scan", phantom.image), ("brain", phantom.brain)):
        image = nib.Nifti1Image(data.astype(np.int16), phantom.affine)
        nib.save(image, folder / f"{name}.nii.gz")
    return folder / "scan.nii.gz", folder / "brain.nii.gz"


@pytest.fixture(scope="module")
def finished(files, small_model):
    """Two runs, at the thresholds 1 and 0.5; to be read only."""
    scan, settings = itm.load_scan(*files), small_model.card.settings
    return [
        itm.refine(scan, small_model, settings.replace(manual_threshold=t), search=False)
        for t in (1.0, 0.5)
    ]


@dataclass
class Open:
    """A viewer with the phantom open, its session with two runs, and the dock."""

    viewer: Any
    session: Any
    dock: Any
    qtbot: Any

    @property
    def runs(self):
        """The two runs, the first one first."""
        return self.session.runs[::-1]

    def until(self, condition):
        self.qtbot.waitUntil(condition, timeout=30_000)

    def choose(self, *rows):
        self.dock.table.choose(*rows)

    def show(self, entry):
        self.choose(entry)
        self.until(lambda: entry.run is not None and self.session.run is entry.run)

    def cell(self, entry, title):
        """What the table says of a run or a map."""
        from napari_itermask.gui.runs.runs_table import TITLES

        model = self.dock.table.model()
        names = [model.index(row, 0).data() for row in range(model.rowCount())]
        return model.index(names.index(entry.name), TITLES.index(title)).data()

    def press(self, key):
        """A key that the viewer hears."""
        self.viewer.keymap[next(k for k in self.viewer.keymap if str(k) == key)](self.viewer)

    def paint(self):
        """Paint a block into the mask layer; returns the mask as it is then, in the file's axes."""
        layer = self.viewer.layers["mask"]
        layer.data[5:8, 20:24, 20:24] = 1 - layer.data[5:8, 20:24, 20:24]
        layer.refresh()
        return (np.asarray(layer.data) > 0).transpose(2, 1, 0)


def open_dock(viewer, files, small_model, finished, qtbot):
    from napari_itermask.gui.runs_dock import RunsDock
    from napari_itermask.gui.stream import session_of

    session = session_of(viewer)
    session.choose_model(str(small_model.weights.parent))
    session.open(*files)
    session.wait()
    for number, run in enumerate(finished, 1):  # as the session lists them when they finish
        kept = session.archive.keep(run, f"run {number}")
        entry = RunEntry(number, kept.name, replace(run, scan=session.scan), kept)
        session.runs.insert(0, entry)
    session.select(session.runs[0])
    found = Open(viewer, session, RunsDock(viewer), qtbot)
    found.until(lambda: "mask" in viewer.layers)
    return found


@pytest.fixture
def window(screen, request, files, small_model, finished, qtbot):
    """In a real window, for what is seen."""
    viewer = request.getfixturevalue("make_napari_viewer")(show=True)
    found = open_dock(viewer, files, small_model, finished, qtbot)
    viewer.window.add_dock_widget(found.dock, name="Runs", area="right")
    yield found
    found.session.close()


@pytest.fixture
def bare(screen, files, small_model, finished, qtbot):
    """Beside napari's own model of a viewer, which has no window, for all the rest."""
    from napari.components import ViewerModel

    found = open_dock(ViewerModel(), files, small_model, finished, qtbot)
    qtbot.addWidget(found.dock)
    yield found
    found.session.close()


def test_a_run_is_listed_as_it_finishes_and_kept_on_disk(bare):
    bare.session.start()
    bare.until(lambda: len(bare.runs) == 3)
    entry = bare.runs[2]
    bare.until(lambda: bare.cell(entry, "Where") == "disk")
    assert bare.cell(entry, "Mask") == f"{bare.session.run.mask_ml:.2f} ml"
    assert bare.cell(entry, "Threshold") == "manual 1"
    assert bare.cell(entry, "Passes") == "102"
    assert bare.cell(entry, "Scan") == "scan"
    np.testing.assert_array_equal(itm.load_run(entry.kept.folder).mask, bare.session.run.mask)


def test_the_details_name_what_differs(bare):
    first, second = bare.runs
    assert "run 2" in bare.dock.details.toPlainText()  # it is shown, and nothing is selected
    assert not bare.dock.buttons["delete"].isEnabled()
    bare.choose(second)
    assert "manual threshold 0.5 (card 1)" in bare.dock.details.toPlainText()
    bare.choose(first, second)
    assert "differ in manual threshold 0.5 and 1" in bare.dock.details.toPlainText()


def test_numbers_are_sorted_as_numbers(bare):
    from napari_itermask.gui.runs.runs_table import TITLES

    run, table, column = bare.runs[0], bare.dock.table, TITLES.index("Passes")
    many = run.record.model_copy(update={"passes": run.record.passes * 5})
    bare.session.runs.append(RunEntry(0, "ten passes", replace(run.run, record=many)))
    bare.session.runs_changed.emit()
    table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
    assert [table.model().index(row, column).data() for row in range(3)] == ["2", "2", "10"]


def test_a_selected_run_is_shown_again_from_disk(bare, finished):
    first, second = bare.runs
    first.run = None  # it lies on disk until it is looked at
    bare.show(first)
    np.testing.assert_array_equal(bare.session.run.mask, finished[0].mask)
    assert bare.session.run.scan is bare.session.scan
    assert bare.dock.table.chosen() == [first]
    bare.choose(first, second)
    bare.qtbot.wait(400)
    assert bare.session.run is first.run  # two are selected to be compared, not shown


def test_what_was_painted_is_not_lost_by_looking_at_another_run(bare):
    first, second = bare.runs
    bare.paint()
    bare.choose(first)
    bare.until(lambda: "was painted" in bare.dock.messages.trouble)
    assert bare.session.run is second.run
    buttons = {button.text(): button for button in bare.dock.messages.buttons()}
    assert list(buttons) == ["Save painted…", "Show run 1"]
    buttons["Show run 1"].click()
    bare.until(lambda: first.run is not None and bare.session.run is first.run)


def test_a_run_is_renamed_in_place(bare):
    entry, table = bare.runs[1], bare.dock.table
    table.edit(table.model().index(0, 0))
    editor = table.findChild(QLineEdit)
    editor.setText("low threshold")
    bare.qtbot.keyClick(editor, Qt.Key.Key_Return)
    bare.until(lambda: entry.name == "low threshold" and entry.kept.name == "low threshold")
    assert {e.name for e in bare.session.archive.entries()} == {"run 1", "low threshold"}


# Compare ----------------------------------------------------------------------------------------


def test_two_runs_are_compared_in_a_layer_and_in_words(window, finished):
    window.choose(*window.runs)
    window.qtbot.mouseClick(window.dock.comparison.button, Qt.MouseButton.LeftButton)
    window.until(lambda: "difference" in window.viewer.layers)
    layer = window.viewer.layers["difference"]
    one, other = (run.mask for run in finished)
    both = np.count_nonzero(one & other)
    assert np.count_nonzero(np.asarray(layer.data) == 3) == both
    dice = 2 * both / (np.count_nonzero(one) + np.count_nonzero(other))
    assert f"Dice {dice:.3f}" in window.dock.comparison.words.text()
    assert list(layer.features["name"]) == ["only run 2", "only run 1", "both"]
    # It lies where the scan lies: a voxel of both is found at its place in the window.
    i, j, k = np.argwhere(one & other)[0]
    x, y, z = (window.session.scan.affine @ [i, j, k, 1])[:3]
    assert layer.data[tuple(np.rint(layer.world_to_data((z, -y, x))).astype(int))] == 3
    assert layer.visible
    assert window.viewer.layers[-1] is layer
    # The slice that is shown has something to show, in the colour of the legend.
    colours = window.viewer.screenshot(canvas_only=True, flash=False)[..., :3].reshape(-1, 3)
    vermilion = (colours[:, 0] > 150) & (colours[:, 1] < 130) & (colours[:, 2] < 60)
    assert vermilion.sum() > 50


def test_runs_of_different_scans_are_not_compared(bare, tmp_path, small_model, phantom):
    cut = replace(phantom, image=phantom.image[2:], brain=phantom.brain[2:])
    other = RunEntry(3, "run 3", itm.refine(cut, small_model, search=False))
    bare.session.runs.insert(0, other)
    bare.session.runs_changed.emit()
    bare.choose(bare.runs[0], other)
    bare.dock.comparison.compare()
    bare.until(lambda: "lie on different voxels" in bare.dock.messages.trouble)
    assert "difference" not in bare.viewer.layers


def test_one_key_swaps_two_runs_and_the_end_shows_what_was_before(bare):
    layers, swap = bare.viewer.layers, bare.dock.comparison.swap
    before = {layer.name: layer.visible for layer in layers}
    bare.choose(*bare.runs)
    bare.press("W")
    bare.until(lambda: swap.shown == "run 2")  # the upper row is A
    a, b = layers["A mask: run 2"], layers["B mask: run 1"]
    assert (a.visible, b.visible) == (True, False)
    assert not layers["mask"].visible  # it would lie over both
    bare.press("W")
    assert (a.visible, b.visible) == (False, True)
    assert swap.shown == "run 1"
    assert "run 1" in bare.dock.comparison.words.text()
    swap.end_button.click()
    assert {layer.name: layer.visible for layer in layers} == before


@pytest.mark.parametrize("what", ["reconstructions", "error maps"])
def test_reconstructions_and_error_maps_are_swapped_too(bare, finished, what):
    swap = bare.dock.comparison.swap
    bare.choose(*bare.runs)
    swap.what.setCurrentText(what)
    swap.swap()
    bare.until(lambda: swap.shown == "run 2")
    name = what.removesuffix("s")
    expected = getattr(finished[1], "error" if "error" in what else "reconstruction")
    shown = bare.viewer.layers[f"A {name}: run 2"]
    np.testing.assert_array_equal(np.asarray(shown.data), expected.transpose(2, 1, 0))
    assert shown.visible
    assert bare.viewer.layers.index(shown) < bare.viewer.layers.index("mask")


def test_with_one_run_the_key_swaps_input_and_reconstruction(window):
    scan, repaint = window.viewer.layers["scan"], window.viewer.layers["reconstruction"]
    for seen in (repaint, scan, repaint):
        window.press("W")
        assert (scan.visible, repaint.visible) == (seen is scan, seen is repaint)
    expected = window.session.run.reconstruction.transpose(2, 1, 0)
    np.testing.assert_array_equal(np.asarray(repaint.data), expected)


def test_the_key_is_given_back_with_the_last_dock_alone(bare):
    from napari_itermask.gui.runs_dock import RunsDock

    def keys():
        return [str(key) for key in bare.viewer.keymap]

    first, second = RunsDock(bare.viewer), RunsDock(bare.viewer)
    first.deleteLater()
    bare.until(lambda: not isalive(first))
    assert keys().count("W") == 1
    second.deleteLater()
    bare.until(lambda: "W" not in keys())


def test_rock_swaps_by_itself_until_it_is_stopped(bare):
    swap, seen = bare.dock.comparison.swap, []
    swap.set_rate(4)
    swap.swapped.connect(lambda: seen.append(swap.shown))
    swap.rock_button.click()
    bare.until(lambda: len(seen) >= 3)
    assert seen[:3] == ["its reconstruction", "the input", "its reconstruction"]
    swap.end()
    assert swap.rock_button.text() == "Rock 4 Hz"
    assert bare.viewer.layers["scan"].visible


def test_another_methods_map_is_a_row_whose_threshold_is_turned_live(bare, tmp_path):
    error, run = bare.session.run.error, bare.runs[1]
    path = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(error / error.max(), bare.session.scan.affine), path)
    bare.dock.does.ask_file = lambda *_: path
    bare.dock.does.load_map()
    bare.until(lambda: len(bare.dock.maps) == 1)
    entry, box = bare.dock.maps[0], bare.dock.comparison
    assert bare.cell(entry, "Where") == "map"
    bare.choose(run, entry)
    box.compare()
    bare.until(lambda: box.difference is not None)
    ours, theirs = sorted((box.difference.a, box.difference.b), key=lambda side: side.name)[::-1]
    assert theirs.name == "other.nii.gz"  # it begins where both have one volume
    assert np.count_nonzero(theirs.mask) == pytest.approx(np.count_nonzero(ours.mask), rel=0.01)
    box.cut.setValue(0.9)
    bare.until(lambda: bare.cell(entry, "Threshold") == "above 0.9")
    labels = np.asarray(bare.viewer.layers["difference"].data)
    mine = (1, 3) if box.difference.a.name == "other.nii.gz" else (2, 3)
    assert np.isin(labels, mine).sum() == np.count_nonzero(error / error.max() > np.float32(0.9))
    bare.choose(entry)
    bare.dock.does.delete()  # a map just leaves the list
    assert bare.dock.maps == []
    assert path.exists()


def test_a_map_of_another_scan_is_refused_in_words(bare, tmp_path):
    nib.save(nib.Nifti1Image(np.arange(125.0).reshape(5, 5, 5), np.eye(4)), tmp_path / "x.nii.gz")
    bare.dock.does.ask_file = lambda *_: tmp_path / "x.nii.gz"
    bare.dock.does.load_map()
    bare.until(lambda: "has 5 x 5 x 5 voxels" in bare.dock.messages.trouble)
    assert bare.dock.maps == []


# Save, correct, delete, repeat ------------------------------------------------------------------


def test_all_results_are_saved_each_in_its_own_folder(bare, tmp_path):
    bare.dock.does.ask_folder = lambda *_: tmp_path / "all"
    bare.dock.buttons["all"].click()
    bare.until(lambda: "2 of 2 runs saved" in bare.dock.messages.text)
    for entry in bare.runs:
        saved = itm.load_run(tmp_path / "all" / entry.name.replace(" ", "-"))
        assert saved.record == entry.record
    assert bare.dock.buttons["all"].text() == "Save all…"


def test_what_is_there_is_replaced_only_when_asked(bare, tmp_path):
    target = tmp_path / "run-1"
    target.mkdir()
    (target / "run.json").write_text("somebody's work")
    bare.dock.does.ask_folder = lambda *_: tmp_path
    asked = []
    bare.dock.does.ask_choice = lambda _, question, choices: asked.append((question, choices))
    bare.dock.buttons["all"].click()
    bare.until(lambda: len(asked) == 1)
    assert asked == [(f"{target} holds results already.", ("Replace", "Skip them"))]
    bare.dock.does.ask_choice = lambda *_: "Skip them"
    bare.dock.buttons["all"].click()
    bare.until(lambda: "1 of 1 runs saved" in bare.dock.messages.text)
    assert (target / "run.json").read_text() == "somebody's work"
    assert itm.load_run(tmp_path / "run-2").record == bare.runs[1].record
    bare.dock.does.ask_choice = lambda *_: "Replace"
    bare.dock.buttons["all"].click()
    bare.until(lambda: "2 of 2 runs saved" in bare.dock.messages.text)
    assert itm.load_run(target).record == bare.runs[0].record


def test_saving_stops_between_two_runs(bare, tmp_path, monkeypatch):
    bare.dock.does.ask_folder = lambda *_: tmp_path / "all"
    bare.dock.does.progressed.connect(
        lambda done, _: bare.dock.buttons["all"].click() if done == 0 else None
    )
    bare.dock.buttons["all"].click()
    bare.until(lambda: "1 of 2 runs saved" in bare.dock.messages.text)
    assert len(list((tmp_path / "all").iterdir())) == 1


def test_a_painted_mask_is_saved_beside_the_automatic_one(bare):
    entry, save = bare.runs[1], bare.dock.buttons["corrected"]
    save.click()
    assert "othing is painted" in bare.dock.messages.text
    painted = bare.paint()
    bare.dock.does.ask_text = lambda *_: "a lesion was missed"
    save.click()
    bare.until(lambda: "corrected.nii.gz" in bare.dock.messages.text)
    corrected = np.asarray(nib.load(entry.kept.folder / "corrected.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(corrected, painted)
    automatic = np.asarray(nib.load(entry.kept.folder / "mask.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(automatic, bare.session.run.mask)
    told = json.loads((entry.kept.folder / "corrected.json").read_text())
    assert told["note"] == "a lesion was missed"
    assert told["voxels_added"] + told["voxels_removed"] == 3 * 4 * 4
    assert bare.cell(entry, "Where") == "disk, corrected"
    assert not bare.dock.does.unsaved_painting


def test_a_mask_painted_on_an_earlier_pass_is_saved_in_the_scans_voxels(bare):
    bare.session.show(0)
    bare.until(lambda: bare.viewer.layers["mask"].data.shape == (32, 32, 32))
    layer = bare.viewer.layers["mask"]
    layer.data[:] = 0
    layer.data[14:18, 14:18, 14:18] = 1  # 64 voxels of 6 mm, in the middle of the brain
    layer.refresh()
    mask = bare.dock.does.painted_mask()
    assert mask.shape == bare.session.scan.image.shape
    assert np.count_nonzero(mask) * 4**3 == pytest.approx(64 * 6**3, rel=0.15)


def test_a_run_that_lies_in_memory_only_is_said_to_and_its_corrected_mask_goes_elsewhere(
    bare, tmp_path
):
    entry = bare.runs[1]
    entry.kept = None  # as where the disk was full
    bare.session.runs_changed.emit()
    assert bare.cell(entry, "Where") == "memory"
    painted = bare.paint()
    bare.dock.does.ask_text = lambda *_: ""
    bare.dock.does.ask_folder = lambda *_: tmp_path / "elsewhere"
    bare.dock.buttons["corrected"].click()
    bare.until(lambda: "beside its run" in bare.dock.messages.text)
    corrected = np.asarray(nib.load(tmp_path / "elsewhere" / "corrected.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(corrected, painted)
    assert itm.load_run(tmp_path / "elsewhere").record == entry.record


def press_in_dialog(kind, press):
    """Do ``press`` with the dialog of that kind that opens next."""

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, kind):
            try:
                press(dialog)
            finally:
                dialog.close()  # a dialog that nobody answers would wait for ever
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(0, look)


def test_a_run_is_deleted_only_after_a_question(bare):
    entry = bare.runs[1]
    bare.choose(entry)
    asked = []

    def answer(text):
        def press(box):
            asked.append(box.text())
            next(b for b in box.findChildren(QPushButton) if text in b.text()).click()

        press_in_dialog(QMessageBox, press)
        bare.dock.buttons["delete"].click()

    answer("Cancel")
    assert "Delete run 2?" in asked[0]
    assert entry in bare.session.runs
    assert entry.kept.folder.exists()
    answer("Delete")
    bare.until(lambda: len(bare.session.runs) == 1 and not entry.kept.folder.exists())
    assert bare.dock.table.model().rowCount() == 1


def test_the_folder_to_save_to_is_chosen_in_a_real_dialog(bare, tmp_path):
    (tmp_path / "other.txt").write_text("the folder is not empty")
    entry = bare.runs[0]
    bare.choose(entry)

    def press(dialog):
        dialog.findChild(QLineEdit).setText(str(tmp_path))
        buttons = dialog.findChild(QDialogButtonBox).buttons()
        next(b for b in buttons if "Choose" in b.text()).click()

    press_in_dialog(QFileDialog, press)
    bare.dock.buttons["save"].click()
    bare.until(lambda: "1 of 1 runs saved" in bare.dock.messages.text)
    assert itm.load_run(tmp_path / "run-1").record == entry.record


def test_one_run_is_saved_into_a_new_folder_itself(bare, tmp_path):
    bare.choose(bare.runs[0])
    bare.dock.does.ask_folder = lambda *_: tmp_path / "new"
    bare.dock.buttons["save"].click()
    bare.until(lambda: "1 of 1 runs saved" in bare.dock.messages.text)
    assert itm.load_run(tmp_path / "new").record == bare.runs[0].record


def test_a_run_is_copied_as_python_and_as_a_command(bare, finished):
    bare.choose(bare.runs[0])
    bare.dock.buttons["python"].click()
    bare.until(lambda: "itm.refine(" in QApplication.clipboard().text())
    told = {}
    exec(QApplication.clipboard().text(), told)  # the text itself is what is promised to work
    np.testing.assert_array_equal(told["run"].mask, finished[0].mask)
    bare.dock.buttons["command"].click()
    bare.until(lambda: QApplication.clipboard().text().startswith("napari-itermask refine"))
    assert "on the clipboard" in bare.dock.messages.text


def test_the_folder_of_a_run_is_opened(bare):
    bare.choose(bare.runs[0])
    opened = []
    bare.dock.does.open_url = opened.append
    bare.dock.buttons["folder"].click()
    assert [url.toLocalFile() for url in opened] == [str(bare.runs[0].kept.folder)]


def test_a_run_is_loaded_from_any_folder_and_its_files_are_never_deleted(bare, finished, tmp_path):
    folder = finished[0].save(tmp_path / "colleague")
    bare.dock.does.ask_folder = lambda *_: folder
    bare.dock.does.load_run()
    bare.until(lambda: any(entry.name == "colleague" for entry in bare.session.runs))
    entry = next(e for e in bare.session.runs if e.name == "colleague")
    assert entry.run.scan is bare.session.scan
    bare.show(entry)
    bare.dock.does.ask_choice = lambda _, question, __: "Delete" if "stay" in question else None
    bare.dock.does.delete()
    assert entry not in bare.session.runs
    assert itm.load_run(folder).record == entry.record


# Earlier sessions -------------------------------------------------------------------------------

KEEPS = """
import os, sys
import napari_itermask as itm
from napari_itermask.gui.runs.archive import Archive
Archive().keep(itm.load_run(sys.argv[1]), "precious")
if sys.argv[2] == "crash":
    os.kill(os.getpid(), 9)
"""


def kept_by_another_process(run, folder, how):
    run.save(folder, passes=True)
    done = subprocess.run([sys.executable, "-c", KEEPS, str(folder), how], check=False)
    assert (done.returncode == 0) == (how == "end")


def test_runs_of_earlier_sessions_are_listed_on_request(bare, finished, tmp_path):
    from napari_itermask.gui.runs_dock import RunsDock

    kept_by_another_process(finished[0], tmp_path / "run", "end")
    dock = bare.dock = RunsDock(bare.viewer)
    bare.qtbot.addWidget(dock)
    bare.until(lambda: dock.earlier.text() == "Earlier runs (1)")
    assert "1 run lies on this disk from earlier sessions" in dock.messages.text
    assert not dock.messages.trouble
    dock.earlier.click()
    bare.until(lambda: len(bare.session.runs) == 3)
    entry = bare.session.runs[-1]
    assert entry.name == "precious"
    bare.show(entry)
    np.testing.assert_array_equal(bare.session.run.mask, finished[0].mask)
    dock.earlier.click()
    bare.until(lambda: "no other runs" in dock.messages.text)
    assert len(bare.session.runs) == 3


def test_after_a_crash_its_runs_are_offered_once(bare, finished, tmp_path):
    from napari_itermask.gui.runs_dock import RunsDock

    kept_by_another_process(finished[0], tmp_path / "run", "crash")
    dock = bare.dock = RunsDock(bare.viewer)
    bare.qtbot.addWidget(dock)
    bare.until(lambda: "did not end properly last time: 1 run was" in dock.messages.trouble)
    next(b for b in dock.messages.buttons() if b.text() == "Show").click()
    bare.until(lambda: len(bare.session.runs) == 3)
    assert not dock.messages.trouble
    bare.show(bare.session.runs[-1])
    np.testing.assert_array_equal(bare.session.run.mask, finished[0].mask)
    archive = bare.session.archive
    assert archive.unclean(archive.entries()) == []
