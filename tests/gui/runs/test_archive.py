"""A finished run lies on disk whole or not at all, is never lost, and comes back as it was."""

import errno
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.gui.runs.archive import Archive
from napari_itermask.scans.files import sha256


@pytest.fixture(scope="module")
def files(phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    nib.save(
        nib.Nifti1Image(phantom.image.astype(np.int16), phantom.affine), folder / "scan.nii.gz"
    )
    nib.save(
        nib.Nifti1Image(phantom.brain.astype(np.uint8), phantom.affine), folder / "brain.nii.gz"
    )
    return folder


@pytest.fixture(scope="module")
def scan(files):
    return itm.load_scan(files / "scan.nii.gz", files / "brain.nii.gz")


@pytest.fixture(scope="module")
def run(scan, small_model):
    return itm.refine(scan, small_model, search=False)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "runs")


def visible(archive):
    return sorted(f.name for f in archive.root.iterdir() if not f.name.startswith("."))


def test_it_lies_in_the_users_folder_unless_told_otherwise(home):
    assert Archive().root == home / "runs"
    assert not Archive().root.exists()  # a window that is only opened leaves nothing


def test_a_kept_run_comes_back_with_its_passes_and_its_scan(archive, run, scan):
    entry = archive.keep(run, "before treatment")
    assert entry.folder.parent == archive.root
    assert "scan" in entry.folder.name
    assert entry.mask_ml == pytest.approx(run.mask_ml)
    assert entry.bytes == sum(f.stat().st_size for f in entry.folder.iterdir())
    loaded = archive.load(entry, scan)
    np.testing.assert_array_equal(loaded.mask, run.mask)
    np.testing.assert_array_equal(loaded.passes.mask(-1), run.passes.mask(-1))
    assert loaded.scan is scan
    assert loaded.on_grid is not None
    assert itm.load_run(entry.folder).record == run.record  # it is a run's folder like any other


def test_another_scan_is_not_taken_for_the_one_that_was_refined(archive, run, scan):
    entry = archive.keep(run, "run 1")
    other = replace(scan, image=scan.image + 1)
    loaded = archive.load(entry, other)
    assert loaded.scan is None
    np.testing.assert_array_equal(loaded.mask, run.mask)


def test_a_run_of_a_layer_that_lies_in_no_file_comes_back_with_its_scan(
    archive, phantom, small_model
):
    run = itm.refine(phantom, small_model, search=False)
    loaded = archive.load(archive.keep(run, "run 1"), phantom)
    assert loaded.scan is phantom
    np.testing.assert_array_equal(loaded.on_grid.image, run.on_grid.image)


def test_the_newest_comes_first_and_a_broken_one_is_named_not_fatal(archive, run):
    older = replace(run, record=run.record.model_copy(update={"created": "2020-01-01T00:00:00"}))
    archive.keep(run, "new")
    archive.keep(older, "old")
    broken = archive.keep(run, "broken")
    (broken.folder / "run.json").write_text("{")
    assert [entry.name for entry in archive.entries()] == ["new", "old"]
    assert len(archive.problems) == 1
    assert str(broken.folder) in archive.problems[0]


def test_a_new_name_stays(archive, run):
    entry = archive.rename(archive.keep(run, "run 1"), "gamma 0.1")
    assert entry.name == "gamma 0.1"
    assert [e.name for e in Archive(archive.root).entries()] == ["gamma 0.1"]


def test_two_windows_never_write_into_one_folder(tmp_path, run):
    one, other = Archive(tmp_path), Archive(tmp_path)
    folders = {a.keep(run, "run 1").folder for a in (one, other, one)}
    assert len(folders) == 3
    assert len(one.entries()) == 3


def test_a_full_disk_leaves_nothing_and_says_what_to_do(archive, run, monkeypatch):
    real, written = nib.save, []

    def fails_at_the_second(image, path):
        written.append(path)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(image, path)

    monkeypatch.setattr(nib, "save", fails_at_the_second)
    with pytest.raises(OSError, match=r"run 7 could not be kept in .* \(No space left on device\)"):
        archive.keep(run, "run 7")
    assert visible(archive) == []
    assert not any(f.is_file() for f in archive.root.rglob("*"))


@pytest.mark.skipif(sys.platform == "win32", reason="a file in the way gives other words there")
def test_a_root_that_cannot_be_written_is_refused_in_a_sentence(tmp_path, run):
    (tmp_path / "file").write_text("in the way")  # root may write into any read-only folder
    archive = Archive(tmp_path / "file" / "runs")
    with pytest.raises(OSError, match=r"could not be kept in .*: it stays in this window"):
        archive.keep(run, "run 1")
    assert archive.spill_folder() is None


def test_a_deleted_run_is_gone_and_whoever_still_lists_it_is_told(archive, run):
    entry = archive.keep(run, "run 1")
    Archive(archive.root).delete(entry)  # another window
    assert visible(archive) == []
    with pytest.raises(OSError, match="run 1 no longer lies in"):
        archive.load(entry)
    with pytest.raises(OSError, match="run 1 no longer lies in"):
        archive.rename(entry, "run 2")
    archive.delete(entry)  # twice is no error: it is what was wanted


def test_a_damaged_volume_is_named(archive, run):
    entry = archive.keep(run, "run 1")
    whole = (entry.folder / "error.nii.gz").read_bytes()
    (entry.folder / "error.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(itm.RunError, match="is damaged"):
        archive.load(entry)


def test_a_correction_lies_beside_the_automatic_mask_with_its_provenance(archive, run):
    entry = archive.keep(run, "run 1")
    before = (entry.folder / "mask.nii.gz").read_bytes()
    mask = run.mask.copy()
    inside, outside = np.argwhere(run.mask)[0], np.argwhere(~run.mask)[:2]
    mask[tuple(inside)] = False
    mask[tuple(outside.T)] = True
    path = archive.correct(entry, mask, "left lesion missed")
    image = nib.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj) > 0, mask)
    np.testing.assert_array_equal(image.affine, nib.load(entry.folder / "mask.nii.gz").affine)
    told = json.loads((entry.folder / "corrected.json").read_text())
    assert told["voxels_added"] == 2
    assert told["voxels_removed"] == 1
    assert told["note"] == "left lesion missed"
    assert told["automatic_sha256"] == sha256(entry.folder / "mask.nii.gz")
    assert told["ml"] == pytest.approx(run.mask_ml + np.prod([4, 4, 4]) / 1000)
    assert (entry.folder / "mask.nii.gz").read_bytes() == before
    assert archive.entries()[0].corrected


def test_an_earlier_correction_is_never_replaced(archive, run):
    entry = archive.keep(run, "run 1")
    first = archive.correct(entry, run.mask, "first")
    kept = first.read_bytes()
    second = archive.correct(entry, ~run.mask, "second")
    assert second.name == "corrected-2.nii.gz"
    assert first.read_bytes() == kept
    assert json.loads((entry.folder / "corrected-2.json").read_text())["note"] == "second"


def test_a_mask_of_another_scan_is_no_correction(archive, run):
    entry = archive.keep(run, "run 1")
    with pytest.raises(ValueError, match="correct the mask layer of this run"):
        archive.correct(entry, np.zeros((3, 3, 3), bool), "")
    assert not list(entry.folder.glob("corrected*"))


def test_a_copy_is_a_run_and_takes_corrections_along(archive, run, tmp_path):
    entry = archive.keep(run, "run 1")
    archive.correct(entry, ~run.mask, "")
    out = archive.copy(entry, tmp_path / "out")
    copied = itm.load_run(out)
    np.testing.assert_array_equal(copied.mask, run.mask)
    assert len(copied.passes) == len(run.passes)
    assert (out / "corrected.nii.gz").exists()
    with pytest.raises(FileExistsError, match="holds results already"):
        archive.copy(entry, out)
    archive.copy(entry, out, overwrite=True)


def test_a_copy_never_replaces_what_was_corrected_on_another_run(archive, run, tmp_path):
    mine, other = archive.keep(run, "run 1"), archive.keep(run, "run 2")
    archive.correct(mine, ~run.mask, "")
    out = archive.copy(mine, tmp_path / "out")
    with pytest.raises(FileExistsError, match="was corrected by hand and belongs to another run"):
        archive.copy(other, out, overwrite=True)
    assert (out / "corrected.nii.gz").exists()


KEEPS = """
import sys, time
from pathlib import Path
import napari_itermask as itm
from napari_itermask.gui.runs.archive import Archive
files, root = Path(sys.argv[1]), Path(sys.argv[2])
run = itm.load_run(files)
archive = Archive(root)
archive.keep(run, "precious")
(archive.spill_folder() / "maps.zarr").write_bytes(b"much")
print("kept", flush=True)
if sys.argv[3] == "crash":
    time.sleep(60)
"""


@contextmanager
def in_another_process(folder, root, how):
    command = [sys.executable, "-c", KEEPS, str(folder), str(root), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "kept"
            yield process
        finally:
            process.kill()


@pytest.fixture
def saved(run, tmp_path):
    return run.save(tmp_path / "saved", passes=True)


def test_after_a_crash_its_runs_are_offered_and_its_leftovers_removed(saved, archive):
    with in_another_process(saved, archive.root, "crash") as process:
        entries = archive.entries()
        assert [e.name for e in entries] == ["precious"]
        assert archive.unclean(entries) == []  # it still lives
        archive.tidy(forget=True)
        assert list(archive.root.rglob("maps.zarr"))  # and keeps what is its own
        process.kill()
    assert [e.name for e in archive.unclean(entries)] == ["precious"]
    archive.tidy()
    assert not list(archive.root.rglob("maps.zarr"))
    assert archive.unclean(entries)  # offered until the person has answered
    archive.tidy(forget=True)
    assert archive.unclean(entries) == []
    assert [e.name for e in archive.entries()] == ["precious"]


def test_a_clean_end_offers_nothing_and_leaves_only_runs(saved, archive):
    with in_another_process(saved, archive.root, "end") as process:
        process.wait()
    entries = archive.entries()
    assert [e.name for e in entries] == ["precious"]
    assert archive.unclean(entries) == []
    assert [f.name for f in archive.root.iterdir()] == [entries[0].folder.name]


def test_what_others_put_there_is_left_alone(archive, run):
    entry = archive.keep(run, "run 1")
    for name in (".session-of-mine", "notes"):
        (archive.root / name).mkdir()
        (archive.root / name / "file.txt").write_text("not ours")
    archive.tidy(forget=True)
    assert [e.folder for e in archive.entries()] == [entry.folder]
    assert len(archive.problems) == 1  # a folder that is no run is named
    assert len(list(archive.root.rglob("file.txt"))) == 2


def test_what_memory_does_not_hold_has_a_folder_that_a_clean_end_removes(archive):
    folder = archive.spill_folder()
    assert folder == archive.spill_folder()
    (folder / "maps").write_bytes(b"much")
    archive.close()
    assert not folder.exists()
