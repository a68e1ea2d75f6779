"""The session without a window: open, run, pause, step, stop, tune, restore, and each fault."""

import threading
import time

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.runs.archive import Archive
from napari_itermask.gui.session import Session


@pytest.fixture
def session(small_model, tmp_path):
    session = Session(Archive(tmp_path / "runs"))
    session.choose_model(small_model.weights.parent)
    session.heard = []
    session.troubled.connect(session.heard.append)
    yield session
    session.close()
    assert not [
        t for t in threading.enumerate() if t.name in ("itermask-engine", "itermask-keeper")
    ]


@pytest.fixture
def opened(session, scan_file):
    session.open(scan_file)
    session.wait()
    assert session.scan is not None
    return session


def until(session, condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the session did not get there"
        session.pump()
        session.refresh()
        time.sleep(0.001)


def paused_at_first_pass(session):
    session.step()
    until(session, lambda: session.state == "paused")


def test_open_returns_at_once_and_start_waits_for_the_scan(session, scan_file):
    session.open(scan_file)
    assert session.scan is None
    session.start()
    session.wait()
    assert session.run is not None
    assert session.scan.path == scan_file


def test_its_mask_is_the_one_of_python_bit_for_bit(opened, scan_file, small_model):
    opened.start()
    opened.wait()
    same = itm.refine(itm.load_scan(scan_file), small_model)
    np.testing.assert_array_equal(opened.run.mask, same.mask)
    assert opened.run.record.curve == same.record.curve


def test_step_goes_one_pass_further_and_back_shows_the_one_before(opened):
    paused_at_first_pass(opened)
    assert opened.passes_done == 1
    opened.step()
    until(opened, lambda: opened.state == "paused" and opened.passes_done == 2)
    first, second = opened.passes.mask(0), opened.passes.mask(1)
    opened.back()
    np.testing.assert_array_equal(opened.shown_step().mask, first)
    opened.step()  # shows what is kept: nothing is computed
    np.testing.assert_array_equal(opened.shown_step().mask, second)
    assert (opened.passes_done, opened.state) == (2, "paused")


def test_stop_keeps_what_was_reached_as_a_run_that_says_it_is_not_complete(opened):
    paused_at_first_pass(opened)
    opened.stop()
    opened.wait()
    assert opened.state == "idle"
    assert (len(opened.runs), opened.run.record.complete) == (1, False)


def test_stop_before_the_first_pass_leaves_no_run(session, scan_file):
    session.open(scan_file)
    session.start()
    session.stop()
    session.wait()
    assert (session.runs, session.state) == ([], "idle")


def test_run_pressed_twice_is_one_run(opened):
    opened.start()
    opened.start()
    opened.wait()
    assert len(opened.runs) == 1


def test_tuning_a_finished_run_refines_from_its_search_and_equals_a_fresh_run(opened, scan_file):
    opened.start()
    opened.wait()
    opened.tune(threshold_rule="tangent", gamma=0.3)
    opened.wait()
    searched = [e.record.seconds["search"] for e in opened.runs]
    assert len(opened.runs) == 2
    assert searched[0] == searched[1]  # the very same search, not another
    fresh = itm.refine(itm.load_scan(scan_file), opened.model, opened.settings)
    np.testing.assert_array_equal(opened.run.mask, fresh.mask)


def test_new_settings_reach_a_run_that_goes_on_and_stand_in_its_record(opened):
    paused_at_first_pass(opened)
    opened.settings = opened.settings.replace(manual_threshold=0.5)
    opened.start()
    opened.wait()
    assert [c.settings.manual_threshold for c in opened.run.record.changes] == [0.5]


def test_a_painted_mask_is_where_the_refinement_begins(opened):
    opened.start()
    opened.wait()
    painted = np.zeros(opened.grid.placement.shape, bool)
    painted[opened.grid.brain] = np.arange(opened.grid.brain.sum()) % 2
    opened.read_painted = lambda: painted
    opened.start()
    opened.wait()
    np.testing.assert_array_equal(opened.run.start, painted)
    hundredth = len(opened.thresholds)
    np.testing.assert_array_equal(opened.passes.masked(hundredth), painted)


def test_a_mask_painted_over_a_run_that_waits_ends_it_and_begins_another(opened):
    opened.step()
    until(opened, lambda: opened.state == "paused")
    opened.start()
    until(opened, lambda: opened.passes_done > 100 or not opened.running)
    opened.wait()
    painted = opened.grid.brain.copy()
    paused_at_first_pass(opened)
    opened.read_painted = lambda: painted
    opened.start()
    until(opened, lambda: len(opened.runs) == 2)
    opened.read_painted = lambda: None
    opened.wait()
    assert len(opened.runs) == 3
    assert opened.run.start is not None


def test_only_inside_a_region_the_mask_may_be(opened):
    half = np.zeros(opened.scan.image.shape, bool)
    half[: half.shape[0] // 2] = True
    opened.within = half
    opened.start()
    opened.wait()
    beyond = half.shape[0] // 2 + 2  # the grid's voxels are half as large again as the scan's
    assert opened.run.mask[:beyond].any()
    assert not opened.run.mask[beyond:].any()


def test_a_preview_names_the_nearest_point_of_the_search(opened):
    opened.start()
    opened.wait()
    told = []
    opened.previewed.connect(told.append)
    opened.preview(opened.search.thresholds[40])
    opened.preview(opened.search.thresholds[40])
    opened.preview(None)
    assert told == [40, None]


def test_a_sweep_gives_point_after_point_and_can_be_left(opened):
    opened.start()
    opened.wait()
    points = []
    opened.swept.connect(points.append)
    opened.sweep([0.01, 0.1, 1.0])
    opened.wait()
    assert [p.gamma for p in points[:-1]] == [0.01, 0.1, 1.0]
    assert points[-1] is None
    opened.sweep(np.geomspace(0.001, 10, 200))
    opened.stop()
    opened.wait()
    assert points[-1] is None
    assert len(points) < 200


def test_a_kept_run_leaves_memory_and_comes_back_when_it_is_selected(opened):
    opened.runs_budget = 0
    opened.start()
    opened.wait()
    mask = opened.run.mask
    opened.tune(threshold_rule="manual", manual_threshold=0.1)
    opened.wait()
    older = opened.runs[1]
    assert older.run is None
    opened.select(older)
    opened.wait()
    np.testing.assert_array_equal(opened.run.mask, mask)
    opened.tune(manual_threshold=0.2)  # and its search can be used again
    opened.wait()
    assert len(opened.runs) == 3


def test_opening_another_scan_ends_the_run_and_keeps_it(opened, phantom, tmp_path):
    paused_at_first_pass(opened)
    other = tmp_path / "other.nii"
    nib.save(nib.Nifti1Image(phantom.image[::-1], phantom.affine), other)
    opened.open(other)
    opened.wait()
    assert opened.scan.path == other
    assert [e.record.scan.path for e in opened.runs] != [str(other)]
    assert opened.run is None


def test_a_run_of_another_scan_comes_back_with_its_scan_and_settings(opened, phantom, tmp_path):
    opened.settings = opened.settings.replace(manual_threshold=0.7)
    opened.start()
    opened.wait()
    first, mask = opened.scan.path, opened.run.mask
    nib.save(nib.Nifti1Image(phantom.image[::-1], phantom.affine), tmp_path / "other.nii")
    opened.open(tmp_path / "other.nii")
    opened.settings = opened.settings.replace(manual_threshold=0.2)
    opened.start()
    opened.wait()
    opened.select(opened.runs[1])
    opened.wait()
    assert opened.scan.path == first
    assert opened.settings.manual_threshold == 0.7
    np.testing.assert_array_equal(opened.run.mask, mask)


def test_what_cannot_be_opened_is_said_and_the_scan_before_it_stays(opened, tmp_path):
    before = opened.scan
    (tmp_path / "broken.nii.gz").write_bytes(b"no")
    opened.open(tmp_path / "broken.nii.gz")
    opened.wait()
    assert "broken.nii.gz" in opened.heard[-1].sentence
    assert opened.scan is before
    opened.start()
    opened.wait()
    assert opened.run is not None


def test_a_run_asked_for_after_a_scan_that_failed_to_open_does_not_take_the_old_one(
    opened, tmp_path
):
    opened.open(tmp_path / "absent.nii")
    opened.start()
    opened.wait()
    assert opened.run is None
    assert "absent.nii" in opened.heard[0].sentence


def test_a_head_with_its_skull_is_a_trouble_of_its_kind(session, tmp_path):
    noise = np.random.default_rng(0).uniform(1, 100, (20, 20, 20)).astype(np.float32)
    nib.save(nib.Nifti1Image(noise, np.diag([9, 9, 9, 1.0])), tmp_path / "head.nii")
    session.open(tmp_path / "head.nii")
    session.wait()
    assert session.heard[0].kind == "skull"


def test_without_a_scan_run_says_what_to_do(session):
    session.start()
    assert "open one" in session.heard[0].sentence
    assert session.state == "idle"


class Fails:
    """A network that fails in its k-th pass as torch does: with a RuntimeError."""

    def __init__(self, network, k, error):
        self.network, self.left, self.error = network, k, error

    def repaint(self, *given):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return self.network(*given)


@pytest.mark.parametrize("k", [0, 1, 5])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "pass"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory"),
        (KeyError("weight"), "pass"),
    ],
)
def test_an_error_in_any_pass_is_said_and_the_window_is_usable_after(
    opened, k, error, kind, monkeypatch
):
    reconstructor = opened.model.reconstructor()
    real = type(reconstructor).__call__
    failing = Fails(real, k, error)

    def broken(*given):  # a function, so that it is given the reconstructor too
        return failing.repaint(*given)

    monkeypatch.setattr(type(reconstructor), "__call__", broken)
    opened.start()
    opened.wait()
    assert opened.heard[-1].kind == kind
    assert f"pass {k + 1}" in opened.heard[-1].sentence
    assert opened.state == "idle"
    assert len(opened.runs) == (k > 0)  # the passes before it are not lost
    monkeypatch.undo()
    opened.start(fresh=True)
    opened.wait()
    assert opened.run.record.complete


def test_closing_in_the_middle_of_a_run_ends_its_thread(small_model, scan_file):
    session = Session()
    session.choose_model(small_model.weights.parent)
    session.open(scan_file)
    session.start()
    until(session, lambda: session.passes_done > 0)
    session.close()
    assert not [
        t for t in threading.enumerate() if t.name in ("itermask-engine", "itermask-keeper")
    ]


def test_two_sessions_run_side_by_side(small_model, scan_file):
    pair = [Session(), Session()]
    for session in pair:
        session.choose_model(small_model.weights.parent)
        session.open(scan_file)
        session.start()
    for session in pair:
        session.wait()
    np.testing.assert_array_equal(pair[0].run.mask, pair[1].run.mask)
    for session in pair:
        session.close()


def threads():
    """Those of a session; a dock has others, which end with it."""
    ours = ("itermask-engine", "itermask-keeper")
    return [thread for thread in threading.enumerate() if thread.name in ours]
