"""A run that was saved is there again: with its passes and its search, if they were saved."""

import shutil

import numpy as np
import pytest

import napari_itermask as itm

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)


@pytest.fixture
def run(scan_file, small_model):
    return itm.refine(itm.load_scan(scan_file), small_model)


def test_a_restored_run_has_its_passes_and_its_search(run, tmp_path):
    run.save(tmp_path / "out", passes=True)
    loaded = itm.load_run(tmp_path / "out")
    assert len(loaded.passes) == len(run.passes)
    for i in (0, 50, 100, -1):
        np.testing.assert_array_equal(loaded.passes.mask(i), run.passes.mask(i))
        np.testing.assert_array_equal(loaded.passes.masked(i), run.passes.masked(i))
        assert loaded.passes.step(i).threshold == run.passes.step(i).threshold
    np.testing.assert_array_equal(loaded.search.curve.thresholds, run.curve.thresholds)
    np.testing.assert_array_equal(loaded.search.mask(30), run.search.mask(30))


def test_a_restored_run_lends_its_search_once_its_scan_is_there(
    run, scan_file, small_model, tmp_path
):
    run.save(tmp_path / "out", passes=True)
    settings = small_model.card.settings.replace(manual_threshold=0.3)
    scan = itm.load_scan(scan_file)
    with pytest.raises(ValueError, match="it was loaded without its scan"):
        itm.refine(scan, small_model, settings, after=itm.load_run(tmp_path / "out"))
    loaded = itm.load_run(tmp_path / "out", scan)
    np.testing.assert_array_equal(loaded.on_grid.guide, run.on_grid.guide)
    again = itm.refine(scan, small_model, settings, after=loaded)
    fresh = itm.refine(scan, small_model, settings)
    np.testing.assert_array_equal(again.error, fresh.error)
    np.testing.assert_array_equal(again.mask, fresh.mask)


def test_a_restored_run_is_saved_once_more_whole(run, scan_file, small_model, tmp_path):
    start = run.scan.image > 600
    first = itm.refine(run.scan, small_model, start=start, after=run)
    first.save(tmp_path / "a", passes=True)
    itm.load_run(tmp_path / "a").save(tmp_path / "b", passes=True)
    copy = itm.load_run(tmp_path / "b")
    np.testing.assert_array_equal(copy.start, first.start)
    np.testing.assert_array_equal(copy.passes.mask(-1), first.passes.mask(-1))
    np.testing.assert_array_equal(itm.replay(tmp_path / "b").mask, first.mask)


def test_another_scan_than_the_one_refined_is_refused(run, scan_file, brain_file, tmp_path):
    run.save(tmp_path / "out", passes=True)
    other = tmp_path / "other.nii.gz"
    shutil.copy(brain_file, other)
    with pytest.raises(itm.RunError, match="is not the scan that"):
        itm.load_run(
            tmp_path / "out", itm.Scan(run.scan.image, run.scan.brain, run.affine, path=other)
        )
    with pytest.raises(itm.RunError, match="another brain mask"):
        itm.load_run(tmp_path / "out", itm.load_scan(scan_file, brain_file))
    with pytest.raises(itm.RunError, match="a scan that lies in no file"):
        itm.load_run(tmp_path / "out", itm.Scan(run.scan.image, run.scan.brain, run.affine))


def test_passes_that_cannot_be_read_are_refused_in_words(run, tmp_path):
    run.save(tmp_path / "out", passes=True)
    file = tmp_path / "out" / "passes.npz"
    whole = file.read_bytes()
    middle = len(whole) // 2
    for broken in (
        b"PK no zip at all",
        whole[:middle],
        whole[:middle] + b"#" + whole[middle + 1 :],
    ):
        file.write_bytes(broken)
        with pytest.raises(itm.RunError, match=r"passes\.npz cannot be read .*: delete it"):
            itm.load_run(tmp_path / "out")


def test_a_missing_mask_beside_the_run_is_named(run, small_model, tmp_path):
    start = run.scan.image > 600
    itm.refine(run.scan, small_model, start=start, after=run).save(tmp_path / "out")
    (tmp_path / "out" / "start.nii.gz").unlink()
    with pytest.raises(itm.RunError, match=r"not a complete run: start\.nii\.gz is missing"):
        itm.load_run(tmp_path / "out")


def test_a_replaced_run_leaves_no_mask_behind_and_a_users_own_file_stays(
    run, small_model, tmp_path
):
    out = tmp_path / "out"
    start = run.scan.image > 600
    itm.refine(run.scan, small_model, start=start, after=run).save(out)
    (out / "brain_used.nii.gz").write_text("the user's own")
    with pytest.raises(FileExistsError, match=r"start\.nii\.gz"):
        run.save(out)
    run.save(out, overwrite=True)
    assert not (out / "start.nii.gz").exists()
    assert (out / "brain_used.nii.gz").read_text() == "the user's own"


def test_maps_of_passes_are_kept_on_request_only(run, scan_file, small_model):
    assert not run.passes.has_maps(0)
    kept = itm.refine(itm.load_scan(scan_file), small_model, search=False, keep="maps")
    last = len(kept.passes) - 1
    assert all(kept.passes.has_maps(i) for i in range(last + 1))
    np.testing.assert_allclose(kept.passes.step(last).error, kept.last.error, rtol=1e-3, atol=1e-6)
