"""A sweep gives for each gamma what a run made with it would give, in a few passes."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app
from napari_itermask.method.scores import overlap
from napari_itermask.sweeps import gammas_of, search_only, sweep_points

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)
GAMMAS = [0.005, 0.02, 500.0, 900.0]


@pytest.fixture
def scan(scan_file):
    return itm.load_scan(scan_file)


@pytest.fixture
def run(scan, small_model):
    return search_only(scan, small_model)


def test_each_point_is_that_of_a_run_made_with_its_gamma(run, scan, small_model):
    truth = scan.image > 600
    points = itm.sweep(run, GAMMAS, truth)
    assert [p.gamma for p in points] == GAMMAS
    for point in points[:3]:
        settings = small_model.card.settings.replace(threshold_rule="tangent", gamma=point.gamma)
        fresh = itm.refine(scan, small_model, settings)
        assert point.threshold == fresh.threshold
        assert point.mask_ml == pytest.approx(fresh.mask_ml)
        assert point.passes == len(fresh.record.passes) - 100
        assert point.dice == pytest.approx(overlap(fresh.mask, truth).dice)


def test_gammas_that_choose_one_threshold_are_refined_once(run):
    seen = []
    points = itm.sweep(run, [500.0, 900.0], on_step=lambda s: seen.append(s.index))
    assert seen == sorted(set(seen))
    assert points[0].threshold == points[1].threshold
    assert points[0].passes == points[1].passes == len(seen)
    assert points[1].gamma == 900.0
    assert points[0].dice is None


def test_start_and_bounds_of_the_run_hold_in_the_sweep(scan, small_model, run):
    within = np.zeros(scan.image.shape, bool)
    within[:, 24:] = True
    bounded = itm.refine(scan, small_model, within=within, after=run)
    (point,) = itm.sweep(bounded, [0.02])
    (free,) = itm.sweep(run, [0.02])
    assert point.threshold == free.threshold
    assert point.mask_ml < free.mask_ml


def test_a_sweep_ends_between_two_gammas_or_within_one(run):
    seen = []
    points = sweep_points(run, GAMMAS, on_step=lambda s: seen.append(s.index))
    next(points)
    passes = len(seen)
    points.close()
    assert len(seen) == passes

    class Enough(Exception):  # noqa: N818
        pass

    def stop(step):
        seen.append(step.index)
        raise Enough

    with pytest.raises(Enough):
        itm.sweep(run, GAMMAS, on_step=stop)
    assert len(seen) == passes + 1


def test_a_restored_run_can_be_swept_too(run, scan, tmp_path):
    run.save(tmp_path / "out", passes=True)
    loaded = itm.load_run(tmp_path / "out", scan)
    assert itm.sweep(loaded, GAMMAS[:2]) == itm.sweep(run, GAMMAS[:2])


def test_what_cannot_be_swept_is_refused_in_words(run, scan, small_model, tmp_path):
    without = itm.refine(scan, small_model, search=False)
    with pytest.raises(ValueError, match="has no search to sweep along: refine the scan with"):
        itm.sweep(without, GAMMAS)
    with pytest.raises(ValueError, match="the truth has the shape"):
        itm.sweep(run, GAMMAS, np.ones((3, 3, 3), bool))
    with pytest.raises(ValueError, match="greater than 0"):
        itm.sweep(run, [-1.0])


def test_gammas_are_read_from_a_range_or_a_list():
    np.testing.assert_allclose(gammas_of("0.01:1:3"), [0.01, 0.1, 1.0])
    assert gammas_of("0.02,0.05, 0.1") == [0.02, 0.05, 0.1]
    for wrong in ("0.1:1", "0:1:5", "a,b", "1:2:x", ""):
        with pytest.raises(ValueError, match="names no gammas: give low:high:count"):
            gammas_of(wrong)


def shell(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


@pytest.fixture
def asked(scan_file, small_model):
    return ["sweep", scan_file, "--model", small_model.weights.parent, "--gammas", "0.005,0.02"]


def test_the_shell_prints_a_table_and_writes_it_whole(asked, run, scan, tmp_path):
    truth = tmp_path / "truth.nii.gz"
    import nibabel as nib

    nib.save(nib.Nifti1Image((scan.image > 600).astype(np.uint8), scan.affine), truth)
    table = tmp_path / "table.csv"
    done = shell(*asked, "--truth", truth, "--out", table)
    assert done.exit_code == 0, done.output
    points = itm.sweep(run, [0.005, 0.02], scan.image > 600)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["gamma", "threshold", "mask", "ml", "passes", "Dice"]
    assert float(lines[2].split()[2]) == pytest.approx(points[1].mask_ml, abs=0.01)
    rows = np.genfromtxt(table, delimiter=",", names=True)
    np.testing.assert_allclose(rows["mask_ml"], [p.mask_ml for p in points])
    np.testing.assert_allclose(rows["dice"], [p.dice for p in points])
    refused = shell(*asked, "--out", table)
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr


def test_the_shell_gives_points_as_json(asked, run):
    done = shell(*asked, "--json")
    assert done.exit_code == 0, done.output
    points = json.loads(done.stdout)["points"]
    assert [p["gamma"] for p in points] == [0.005, 0.02]
    assert points[0]["dice"] is None
    assert math.isclose(points[1]["threshold"], itm.sweep(run, [0.02])[0].threshold)


def test_a_gamma_out_of_range_is_refused_before_any_pass(asked, tmp_path):
    done = shell(*asked[:-1], "0.1,-3", "--out", tmp_path / "table.csv")
    assert done.exit_code == 2
    assert "--gamma -3.0: Input should be greater than 0" in done.stderr
    assert not (tmp_path / "table.csv").exists()
