"""The Inspect dock: a run is held against a truth, taken to pieces, and its voxels tell stories."""

import csv
import gc
import threading
import time
import weakref
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.gui.system import has_display, missing_libraries

napari = pytest.importorskip("napari")
if missing_libraries() or not has_display():
    pytest.skip("no screen: install Debian's xvfb and pytest-xvfb starts one", allow_module_level=1)

from napari.components import ViewerModel  # noqa: E402
from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit  # noqa: E402

from napari_itermask.gui.inspect.components_model import TITLES  # noqa: E402
from napari_itermask.gui.inspect.picking import HELD  # noqa: E402
from napari_itermask.gui.inspect.voxels import world_of  # noqa: E402
from napari_itermask.gui.inspect_dock import InspectDock  # noqa: E402
from napari_itermask.gui.parts.plots import Plot  # noqa: E402
from napari_itermask.gui.placed.space import from_layer, metadata, placing, to_layer  # noqa: E402
from napari_itermask.gui.stream import session_of, stream_of  # noqa: E402
from napari_itermask.inspection.agreement import agreement  # noqa: E402
from napari_itermask.inspection.components import components  # noqa: E402
from napari_itermask.inspection.replayed import replayed  # noqa: E402
from napari_itermask.inspection.story import region_story, story  # noqa: E402


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    """The phantom, its brain mask, and a truth: its lesion, shifted, with a part that is missed."""
    folder = tmp_path_factory.mktemp("scan")
    truth = np.roll(phantom.image > 560, 1, axis=0) & phantom.brain
    truth[10:12, 20:22, 20:22] = True
    volumes = {"scan": phantom.image, "brain": phantom.brain, "truth": truth}
    for name, data in volumes.items():
        image = nib.Nifti1Image(data.astype(np.int16), phantom.affine)
        nib.save(image, folder / f"{name}.nii.gz")
    return {name: folder / f"{name}.nii.gz" for name in volumes}


@pytest.fixture(scope="module")
def finished(files, small_model):
    """A run of a search and two passes; to be read only."""
    scan = itm.load_scan(files["scan"], files["brain"])
    settings = small_model.card.settings.replace(manual_threshold=2.0)
    return itm.refine(scan, small_model, settings, search=False, keep="maps")


@dataclass
class Open:
    """A viewer with the phantom open, a finished run, and the dock."""

    viewer: Any
    session: Any
    dock: InspectDock
    until: Any
    qtbot: Any
    truth: np.ndarray  # (X, Y, Z)

    @property
    def run(self):
        return self.session.run

    def settle(self):
        """Until everything that was asked for is shown."""
        stream = stream_of(self.viewer)
        self.until(lambda: stream.settled and not self.dock.busy)

    def look(self, page):
        self.dock.tabs.setCurrentWidget(page)
        self.settle()

    def add_truth(self, name="lesion"):
        """The truth as a person's Labels layer; it is chosen."""
        scan = self.session.scan
        layer = self.viewer.add_labels(
            to_layer(self.truth, scan.affine).astype(np.uint8),
            name=name,
            metadata=metadata(scan.affine, scan.image.shape),
            **placing(scan.affine, scan.image.shape),
        )
        self.dock.truth.choose(layer)
        self.settle()
        return layer

    def score(self, name, column=1):
        """What the table of scores says."""
        table = self.dock.scores.table
        rows = [table.item(row, 0).text() for row in range(table.rowCount())]
        return table.item(rows.index(name), column).text()

    def click(self, voxel, *held, moved=False):
        """Click the voxel in the viewer's plane, or move there with a key held."""
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        event = SimpleNamespace(
            type="mouse_move" if moved else "mouse_press",
            position=world_of(self.session.opened, voxel),
            view_direction=None if self.viewer.dims.ndisplay == 2 else np.array([-1.0, 0, 0]),
            dims_displayed=list(self.viewer.dims.displayed),
            button=1,
            modifiers=held,
            handled=False,
            is_dragging=False,
        )
        if moved:
            mouse_move_callbacks(self.viewer, event)
            return
        mouse_press_callbacks(self.viewer, event)
        event.type = "mouse_release"
        mouse_release_callbacks(self.viewer, event)


def open_dock(viewer, qtbot, files, small_model, finished, until, place):
    """The dock, which ``place`` shows, with the finished run selected."""
    session = session_of(viewer)
    session.choose_model(str(small_model.weights.parent))
    session.open(files["scan"], files["brain"])
    session.wait()
    kept = session.archive.keep(finished, "run 1")
    entry = RunEntry(1, "run 1", replace(finished, scan=session.scan), kept)
    session.runs.insert(0, entry)
    dock = InspectDock(viewer)
    place(dock)
    session.select(entry)
    truth = np.asarray(nib.load(files["truth"]).dataobj) > 0
    found = Open(viewer, session, dock, until, qtbot, truth)
    found.settle()
    return found


@pytest.fixture
def bare(qtbot, files, small_model, finished, until):
    """The dock beside napari's own model of a viewer, which has no window."""

    def place(dock):
        qtbot.addWidget(dock)
        dock.resize(400, 760)
        dock.show()

    found = open_dock(ViewerModel(), qtbot, files, small_model, finished, until, place)
    yield found
    found.session.close()


def test_without_a_truth_the_dock_says_what_to_do(bare):
    assert bare.dock.scores.table.rowCount() == 0
    assert "Choose a truth" in bare.dock.scores.words.text()
    assert "run 1 of scan; no truth is chosen" in bare.dock.messages.text


def test_scores_of_both_masks_follow_what_is_painted(bare):
    layer = bare.add_truth()
    expected = agreement(bare.run, bare.truth)
    assert bare.score("Dice") == f"{expected.own.dice:.3f}"
    assert bare.score("Dice", 2) == f"{expected.oracle.dice:.3f}"
    np.testing.assert_array_equal(bare.session.truth, bare.truth)  # the sweep scores by it too
    before = bare.score("truth volume")
    layer.data_setitem(tuple(np.argwhere(layer.data == 0)[:20].T), 1)
    bare.until(lambda: bare.score("truth volume") != before)
    layer.undo()
    bare.until(lambda: bare.score("truth volume") == before)
    mask, own = bare.viewer.layers["mask"], bare.score("mask volume")
    mask.data_setitem(tuple(np.argwhere(mask.data)[:20].T), 0)
    bare.until(lambda: bare.score("mask volume") != own)
    assert "The mask was painted" in bare.dock.scores.words.text()
    painted = from_layer(np.asarray(mask.data) > 0, bare.run.affine, bare.run.mask.shape)
    expected = agreement(replace(bare.run, mask=painted), bare.truth)
    assert bare.score("Dice") == f"{expected.own.dice:.3f}"


def test_a_truth_from_a_file_is_taken_or_refused_in_a_sentence(bare, files, tmp_path):
    bare.dock.truth.ask_file = lambda *_: files["truth"]
    bare.dock.truth.button.click()
    bare.settle()
    assert bare.score("Dice") == f"{agreement(bare.run, bare.truth).own.dice:.3f}"
    assert bare.dock.truth.combo.currentText() == "truth.nii.gz"
    far = tmp_path / "far.nii.gz"
    affine = bare.session.scan.affine.copy()
    affine[:3, 3] += 900
    nib.save(nib.Nifti1Image(bare.truth.astype(np.uint8), affine), far)
    bare.dock.truth.choose(far)
    bare.settle()
    assert "far.nii.gz" in bare.dock.messages.trouble
    assert bare.dock.scores.table.rowCount() == 0
    assert bare.session.truth is None


def test_hits_misses_and_false_alarms_are_outlined_in_the_plane_that_is_shown(bare):
    bare.add_truth()
    bare.dock.scores.overlay.click()
    bare.settle()
    layer = bare.viewer.layers["agreement"]
    assert layer.metadata["itermask"]["kind"] == "agreement"
    mask, truth = (to_layer(v, bare.run.affine) for v in (bare.run.mask, bare.truth))
    spots = {1: mask & truth, 2: truth & ~mask, 3: mask & ~truth}

    def kinds():
        return (np.asarray(layer.data) - 1) % 3 + (np.asarray(layer.data) > 0)

    for label, spot in spots.items():
        assert spot.any()
        where = np.argwhere(spot)[0]
        at = np.rint(layer.world_to_data(bare.viewer.layers["mask"].data_to_world(where)))
        assert kinds()[tuple(at.astype(int))] == label
    axial = np.array(layer.data)
    assert set(np.unique(axial)) >= {1, 2, 3, 7}
    bare.viewer.dims.order = (1, 0, 2)
    bare.until(lambda: not np.array_equal(axial, bare.viewer.layers["agreement"].data))
    bare.settle()
    bare.viewer.layers.remove("agreement")
    assert not bare.dock.scores.overlay.isChecked()


def test_the_table_of_components_sorts_filters_and_goes_there(bare):
    bare.add_truth()
    bare.look(bare.dock.components)
    page, rows = bare.dock.components, components(bare.run, bare.truth).rows
    table, model = page.table, page.table.model()

    def column(title):
        at = TITLES.index(title)
        return [model.index(row, at).data() for row in range(model.rowCount())]

    assert len(column("Kind")) == len(rows) > 3
    assert {"hit", "miss", "false alarm"} >= set(column("Kind"))
    assert column("ml")[0] == f"{rows[0].volume_ml:.3g}"
    table.sortByColumn(TITLES.index("Peak"), Qt.SortOrder.DescendingOrder)
    peaks = [row.peak_error for row in sorted(rows, key=lambda r: -r.peak_error)]
    assert column("Peak") == [f"{peak:.3g}" for peak in peaks]
    page.kind.setCurrentText("misses")
    assert set(column("Kind")) == {"miss"}
    page.text.setText("no such words")
    assert model.rowCount() == 0
    page.text.clear()
    page.kind.setCurrentIndex(0)
    chosen = rows[1]
    table.choose(chosen.number)
    world = world_of(bare.session.opened, chosen.voxel)
    assert bare.viewer.dims.point[-3:] == pytest.approx(world, abs=2.1)
    assert chosen.because in page.review.words.toPlainText()
    bare.viewer.dims.ndisplay = 3
    table.choose(rows[2].number)
    world = world_of(bare.session.opened, rows[2].voxel)
    assert getattr(bare.viewer, "scene", bare.viewer).camera.center == pytest.approx(world)


def test_the_layer_of_components_carries_the_table_to_napari(bare):
    bare.add_truth()
    bare.look(bare.dock.components)
    found, layer = bare.dock.components.found, bare.viewer.layers["components"]
    np.testing.assert_array_equal(layer.data, to_layer(found.labels, bare.run.affine))
    assert list(layer.features["index"]) == [row.number for row in found.rows]
    assert list(layer.features["kind"]) == [row.kind for row in found.rows]
    layer.selected_label = 3  # as a click in napari's own table does
    assert bare.dock.components.table.current().number == 3


def test_what_is_noted_is_saved_with_the_run_at_once_and_comes_back(bare, tmp_path):
    bare.add_truth()
    page = bare.dock.components
    bare.look(page)
    row, table = page.found.rows[1], page.table
    table.choose(row.number)
    page.review.flag.click()
    page.review.difficulty.setCurrentText("hard")
    page.review.difficulty.activated.emit(3)
    page.review.comment.setText("a vessel")
    page.review.comment.editingFinished.emit()
    file = bare.session.runs[0].kept.folder / "review.json"
    bare.until(lambda: file.exists() and "a vessel" in file.read_text())
    bare.settle()
    assert list(bare.viewer.layers["components"].features["comment"])[1] == "a vessel"
    page.text.setText("flagged")
    assert table.count == 1
    page.ask_where = lambda *_: tmp_path / "table"
    page.save.click()
    bare.until((tmp_path / "table.csv").exists)
    with (tmp_path / "table.csv").open(encoding="utf-8") as lines:
        saved = list(csv.DictReader(lines))
    assert [line["comment"] for line in saved].count("a vessel") == 1
    again = InspectDock(bare.viewer)
    again.tabs.setCurrentWidget(again.components)
    again.show()
    bare.until(lambda: again.components.found is not None and not again.busy)
    review = again.components.table.source.review(row.number)
    assert (review.flag, review.difficulty, review.comment) == (True, "hard", "a vessel")
    again.close()
    again.deleteLater()


def test_five_hundred_components_open_without_a_halt(bare):
    mask = np.zeros(bare.run.mask.shape, bool)
    mask[::3, ::3, ::3] = True
    many = np.argwhere(mask & bare.session.scan.brain)[:500]
    spotted = np.zeros_like(mask)
    spotted[tuple(many.T)] = True
    page, looked = bare.dock.components, bare.dock.subject.looked
    bare.look(page)
    page.look(replace(looked, run=replace(bare.run, mask=spotted)))
    longest, last = 0.0, time.perf_counter()
    while page.table.count != 500 or page.busy:
        bare.qtbot.wait(1)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    page.grab()
    assert page.count.text() == "500 in all"
    assert longest < 1.0  # a loaded machine; 0.1 s is measured at rest


def test_a_click_tells_the_story_of_the_voxel_there(bare):
    page = bare.dock.story
    bare.look(page)
    voxel = tuple(int(v) for v in np.argwhere(bare.run.mask)[0])
    bare.click(voxel)
    assert page.story is None  # picking is off
    page.pick.click()
    begin = time.perf_counter()
    bare.click(voxel)
    bare.until(lambda: page.story is not None)
    assert time.perf_counter() - begin < 1.0  # a loaded machine; 0.1 s is measured at rest
    expected = story(bare.run, voxel)
    assert page.story.sentence == expected.sentence
    assert expected.sentence in page.words.toPlainText()
    np.testing.assert_array_equal(page.story.error, expected.error)
    assert bare.viewer.layers["voxels of the story"].data == pytest.approx(
        np.array([world_of(bare.session.opened, voxel)])
    )
    other = tuple(int(v) for v in np.argwhere(bare.run.mask)[-1])
    bare.click(other, moved=True)
    assert page.story.name == expected.name  # the key is not held
    bare.click(other, HELD, moved=True)
    bare.until(lambda: page.story.name != expected.name)
    bare.click((0, 0, 0))
    bare.until(lambda: page.story.outcome == "outside")


def test_in_a_window_it_opens_picks_and_goes_with_its_viewer(
    drawn_viewer, qtbot, files, small_model, finished, until
):
    place = partial(drawn_viewer.window.add_dock_widget, name="Inspect", area="right")
    found = open_dock(drawn_viewer, qtbot, files, small_model, finished, until, place)
    assert found.dock.minimumSizeHint().width() <= 400
    found.add_truth()
    for page in (found.dock.components, found.dock.scores, found.dock.story):
        found.look(page)
    found.dock.scores.overlay.click()
    found.settle()
    voxel = tuple(int(v) for v in np.argwhere(found.run.mask)[0])
    found.dock.story.pick.click()
    found.click(voxel)
    until(lambda: found.dock.story.story is not None and not found.dock.busy)
    assert {"agreement", "components", "voxels of the story"} <= {
        layer.name for layer in drawn_viewer.layers
    }
    found.session.close()  # what is left alive fails the viewer's own check


def test_in_3d_a_click_picks_the_first_voxel_of_the_mask_under_it(bare):
    page = bare.dock.story
    bare.look(page)
    page.pick.click()
    bare.viewer.dims.ndisplay = 3
    column = np.argwhere(bare.run.mask.any(axis=2))[0]
    top = int(np.flatnonzero(bare.run.mask[tuple(column)]).max())  # seen from above
    bare.click((*column, 0))
    bare.until(lambda: page.story is not None)
    assert page.story.name == f"voxel {column[0]}, {column[1]}, {top}"
    beside = np.argwhere(~bare.run.mask.any(axis=2))[0]
    bare.click((*beside, 0))
    assert "none is there" in bare.dock.messages.text


def test_a_story_is_pinned_and_compared_with_the_next(bare):
    page = bare.dock.story
    bare.look(page)
    inside, outside = (
        tuple(int(v) for v in np.argwhere(bare.session.scan.brain & (bare.run.mask == m))[0])
        for m in (True, False)
    )
    page.tell(inside)
    bare.until(lambda: page.story is not None)
    page.pin.click()
    page.tell(outside)
    bare.until(lambda: page.story.name != page.pinned.name)
    assert page.words.toPlainText().startswith("Against the pinned one")
    assert len(bare.viewer.layers["voxels of the story"].data) == 2
    page.pin.click()
    assert page.pinned is None


def test_a_drawn_region_tells_its_mean(bare):
    page = bare.dock.story
    bare.look(page)
    layer = bare.add_truth("drawn")
    layer.data = layer.data * 2
    layer.selected_label = 2
    page.region.value = layer
    page.average.click()
    bare.until(lambda: page.story is not None)
    expected = region_story(bare.run, bare.truth)
    assert page.story.sentence == expected.sentence
    np.testing.assert_allclose(page.story.error, expected.error)


def test_passes_that_were_not_kept_are_made_again_beside_the_window(bare, finished):
    page, entry = bare.dock.story, bare.session.runs[0]
    bare.look(page)
    bare.session.choose_model(bare.session.model)
    entry.run = None  # it lies on disk alone, without its maps
    bare.session.select(entry)
    bare.until(lambda: bare.session.run is not None)
    bare.settle()
    seen = []
    page.maker.replaying.connect(lambda done, whole: seen.append((done, whole)))
    voxel = tuple(int(v) for v in np.argwhere(bare.run.mask)[0])
    page.tell(voxel)
    bare.until(lambda: page.story is not None and page.story.complete)
    bare.settle()
    assert seen[0] == (0, 1)
    assert seen[-1] == (1, 1)
    np.testing.assert_allclose(page.story.error, story(finished, voxel).error, rtol=1e-2)
    assert not page.again.isEnabled()
    assert replayed(bare.run).bytes_in_memory > 0  # the next click is told at once


def test_a_study_of_stability_shows_the_share_of_runs(bare):
    page = bare.dock.stability
    bare.look(page)
    for box, value in ((page.seeds, 2), (page.steps, 2), (page.low, 0.5), (page.high, 2)):
        box.setValue(value)
    page.start.click()
    assert page.start.text() == "Stop"
    bare.until(lambda: not page.busy)
    assert page.table.rowCount() == len(page.found.rows) == 4
    share = bare.viewer.layers["share of runs"]
    np.testing.assert_array_equal(share.data, to_layer(page.found.share, bare.run.affine))
    assert "Mask:" in page.words.text()


def test_every_control_says_what_it_does_and_keys_reach_it(bare):
    controls = [
        child
        for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, Plot)
        for child in bare.dock.findChildren(kind)
        if not child.parent().inherits("QGraphicsView")
        and not child.parent().inherits("QAbstractSpinBox")
        and not child.parent().inherits("QTabBar")
        and not child.parent().inherits("QLineEdit")
        and not child.parent().inherits("QTableView")
    ]
    assert len(controls) > 20
    for control in controls:
        assert control.toolTip(), (control, control.objectName())
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_a_dock_that_is_closed_is_let_go_with_its_threads(bare):
    before, calls = set(threading.enumerate()), list(bare.viewer.mouse_drag_callbacks)
    dock = InspectDock(bare.viewer)
    dock.show()
    dock.story.picker.on = True
    dock.tabs.setCurrentWidget(dock.story)
    bare.until(partial(getattr, dock.subject, "looked"))
    dock.story.tell(tuple(int(v) for v in np.argwhere(bare.run.mask)[0]))
    assert set(threading.enumerate()) > before
    gone = weakref.ref(dock)
    dock.close()
    del dock
    gc.collect()
    assert gone() is None
    assert bare.viewer.mouse_drag_callbacks == calls
    bare.viewer.theme = "light"
    bare.until(lambda: not set(threading.enumerate()) - before)
