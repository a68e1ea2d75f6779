"""``inspect`` says why a saved run failed: scores, components, stories, in words and in files."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app


@pytest.fixture
def saved(scan_file, small_model, tmp_path):
    """A run of the phantom with its passes, and the phantom's lesion as truth."""
    scan = itm.load_scan(scan_file)
    settings = small_model.card.settings.replace(manual_threshold=0.5)
    run = itm.refine(scan, small_model, settings, search=False)
    run.save(tmp_path / "run", passes=True)
    truth = (scan.image > 600).astype(np.uint8)
    nib.save(nib.Nifti1Image(truth, scan.affine), tmp_path / "truth.nii.gz")
    return run


def shell(*words):
    return CliRunner().invoke(app, ["inspect", *(str(w) for w in words)])


def test_it_prints_both_masks_scores_and_the_largest_pieces(saved, tmp_path):
    result = shell(tmp_path / "run", "--truth", tmp_path / "truth.nii.gz", "--at", "25 35 20")
    assert result.exit_code == 0, result.output
    assert "own mask" in result.output
    assert "oracle" in result.output
    assert "false alarm" in result.output or "miss" in result.output
    assert "pass" in result.output.splitlines()[-1]


def test_the_files_hold_what_python_gives(saved, tmp_path):
    out = tmp_path / "why"
    truth = tmp_path / "truth.nii.gz"
    result = shell(tmp_path / "run", "--truth", truth, "--out", out, "--json", "--at", "25,35,20")
    told = json.loads(result.output)
    assert told["agreement"]["own"]["mask_ml"] == pytest.approx(saved.mask_ml, rel=1e-6)
    rows = list(csv.DictReader((out / "components.csv").read_text().splitlines()))
    assert len(rows) == len(told["components"]) > 0
    labels = np.asarray(nib.load(out / "components.nii.gz").dataobj)
    assert labels.shape == saved.mask.shape
    first = told["components"][0]
    voxel_ml = 4.0**3 / 1000
    assert np.count_nonzero(labels == 1) * voxel_ml == pytest.approx(first["volume_ml"])
    assert (out / "agreement.json").exists()
    assert (out / "story-1.csv").exists()
    again = shell(tmp_path / "run", "--out", out)
    assert again.exit_code == 2
    assert "already" in again.output


def test_a_run_whose_scan_is_gone_is_inspected_all_the_same(saved, scan_file, tmp_path):
    scan_file.rename(tmp_path / "moved.nii.gz")
    result = shell(tmp_path / "run", "--truth", tmp_path / "truth.nii.gz")
    assert result.exit_code == 0, result.output
    assert "comes back without its scan" in result.output


@pytest.mark.parametrize(
    ("place", "words"),
    [("1 2", "give three numbers in mm"), ("900 0 0", "lies outside the scan")],
)
def test_a_place_that_is_none_is_refused_in_words(saved, tmp_path, place, words):
    result = shell(tmp_path / "run", "--at", place)
    assert result.exit_code == 2
    assert words in result.output
