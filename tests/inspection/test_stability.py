"""Stability gives the share of runs that call a voxel anomalous, as if each were made alone."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.inspection.stability import StabilityError, load_stability, stability
from napari_itermask.method.scores import overlap
from napari_itermask.method.threshold import Calibration

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)
GAMMAS, FACTORS, SEEDS = (0.005, 0.02, 0.02), (0.5, 1.0, 2.0), (3, 8)


@pytest.fixture(scope="module")
def calibrated(small_model):
    """The small model with a card that was calibrated, and takes its rule from that."""
    settings = small_model.card.settings.replace(threshold_rule="calibrated", max_passes=3)
    card = small_model.card.model_copy(
        update={"calibration": Calibration(factor=2.0), "settings": settings}
    )
    return itm.Model(card, small_model.weights)


@pytest.fixture(scope="module")
def truth(phantom):
    return phantom.image > 600


@pytest.fixture(scope="module")
def by_factor(phantom, calibrated, truth):
    return stability(phantom, calibrated, None, SEEDS, factors=FACTORS, truth=truth)


def test_with_gammas_each_run_is_that_of_a_fresh_one(phantom, small_model):
    steps = []
    done = stability(phantom, small_model, None, [3], GAMMAS, on_step=steps.append)
    masks, lender = [], None
    for gamma in GAMMAS:
        settings = small_model.card.settings.replace(threshold_rule="tangent", gamma=gamma, seed=3)
        lender = itm.refine(phantom, small_model, settings, after=lender)
        masks.append(lender.mask)
        row = done.rows[len(masks) - 1]
        assert (row.seed, row.gamma, row.factor) == (3, gamma, None)
        assert row.threshold == lender.threshold
        assert row.passes == len(lender.record.passes) - 100
        assert row.ml == pytest.approx(lender.mask_ml)
        assert row.dice is None
    np.testing.assert_allclose(done.share, np.mean(masks, axis=0), atol=1e-6)
    assert done.share.dtype == np.float32
    assert done.record.settings.threshold_rule == "tangent"
    assert "curve read again with each gamma" in done.record.how
    # Gammas that choose one threshold are refined once.
    refined = {row.threshold: row.passes for row in done.rows}
    assert len(refined) < len(GAMMAS)
    assert len(steps) == 100 + sum(refined.values())


def test_with_factors_the_rules_own_threshold_is_multiplied(phantom, calibrated, truth, by_factor):
    masks = []
    for seed in SEEDS:
        settings = calibrated.card.settings.replace(seed=seed)
        own = itm.refine(phantom, calibrated, settings, search=False)
        for factor in FACTORS:
            scaled = settings.replace(
                threshold_rule="manual", manual_threshold=factor * own.threshold
            )
            run = itm.refine(phantom, calibrated, scaled, search=False)
            row = by_factor.rows[len(masks)]
            assert (row.seed, row.gamma, row.factor) == (seed, None, factor)
            assert row.threshold == factor * own.threshold
            assert row.ml == pytest.approx(run.mask_ml)
            assert row.dice == pytest.approx(overlap(run.mask, truth).dice)
            if factor == 1:
                np.testing.assert_array_equal(run.mask, own.mask)
            masks.append(run.mask)
    np.testing.assert_allclose(by_factor.share, np.mean(masks, axis=0), atol=1e-6)
    assert ((by_factor.share > 0) & (by_factor.share < 1)).any()  # runs do differ


def test_the_spread_is_that_of_the_rows(by_factor):
    for name in ("ml", "dice"):
        values = [getattr(row, name) for row in by_factor.rows]
        got = getattr(by_factor, name)
        assert got.mean == pytest.approx(np.mean(values))
        assert got.sd == pytest.approx(np.std(values, ddof=1))
        assert (got.least, got.most) == (min(values), max(values))
    assert by_factor.planned == len(by_factor.rows) == 6
    assert by_factor.complete


def test_runs_of_a_seed_share_their_first_pass(phantom, calibrated):
    plain, calls = calibrated.reconstructor("cpu"), []

    def counting(masked, guide):
        calls.append(1)
        return plain(masked, guide)

    rows = stability(
        phantom, counting, calibrated.card.settings, 1, factors=(1.0, 2.0), card=calibrated.card
    ).rows
    assert len(calls) == 1 + sum(row.passes - 1 for row in rows)


def test_it_stops_between_two_passes_and_gives_what_is_finished(
    phantom, calibrated, truth, by_factor
):
    shares, steps = [], []
    part = stability(
        phantom,
        calibrated,
        None,
        SEEDS,
        factors=FACTORS,
        truth=truth,
        on_run=shares.append,
        on_step=steps.append,
        stop=lambda: len(shares) == 2,
    )
    assert [len(s.rows) for s in shares] == [1, 2]
    assert steps[-1].number == 1
    assert part.rows == by_factor.rows[:2]
    assert not part.complete
    assert set(np.unique(part.share)) <= {0.0, 0.5, 1.0}
    none = stability(phantom, calibrated, None, 2, stop=lambda: True)
    assert none.rows == ()
    assert not none.share.any()
    assert none.ml is None
    with pytest.raises(ValueError, match="no run was finished"):
        none.save("nowhere")


def test_by_default_gamma_or_threshold_go_from_half_to_twice(phantom, calibrated):
    settings = calibrated.card.settings.replace(threshold_rule="tangent", gamma=0.2)
    asked = stability(phantom, calibrated, settings, stop=lambda: True)
    np.testing.assert_allclose(asked.record.gammas, [0.1, 0.1414, 0.2, 0.2828, 0.4], rtol=1e-3)
    manual = settings.replace(threshold_rule="manual", seed=7)
    asked = stability(phantom, calibrated, manual, 3, stop=lambda: True)
    np.testing.assert_allclose(asked.record.factors, [0.5, 0.7071, 1, 1.4142, 2], rtol=1e-3)
    assert asked.record.seeds == (7, 8, 9)
    assert asked.planned == 15


def test_empty_masks_and_an_empty_truth_give_no_dice_rather_than_nan(phantom, small_model):
    settings = small_model.card.settings.replace(manual_threshold=1e5)
    nothing = np.zeros(phantom.image.shape, bool)
    with pytest.warns(UserWarning, match="truth and mask are both empty in some runs"):
        done = stability(phantom, small_model, settings, 2, factors=[1.0], truth=nothing)
    assert [row.dice for row in done.rows] == [None, None]
    assert done.dice is None
    assert done.ml.most == 0


def test_what_cannot_be_asked_for_is_refused_before_any_pass(phantom, small_model, truth):
    def ask(*args, **more):
        return stability(phantom, small_model, None, *args, on_step=pytest.fail, **more)

    with pytest.raises(ValueError, match="gammas or factors of the threshold, not both"):
        ask(2, [0.1], factors=[1.0])
    with pytest.raises(ValueError, match="one seed at least, and none twice"):
        ask([3, 3])
    with pytest.raises(ValueError, match="one seed at least"):
        ask(0)
    with pytest.raises(ValueError, match="greater than 0"):
        ask(2, [-1.0])
    with pytest.raises(ValueError, match="at least, above 0"):
        ask(2, factors=[0.0])
    with pytest.raises(ValueError, match="the truth has the shape"):
        ask(2, truth=truth[:-1])


def test_it_is_saved_whole_and_loaded_again(by_factor, phantom, tmp_path):
    out = by_factor.save(tmp_path / "study")
    assert sorted(f.name for f in out.iterdir()) == [
        "share.nii.gz",
        "stability.csv",
        "stability.json",
    ]
    again = load_stability(out)
    np.testing.assert_array_equal(again.share, by_factor.share)
    assert again.record == by_factor.record
    np.testing.assert_array_equal(nib.load(out / "share.nii.gz").affine, phantom.affine)
    with (out / "stability.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["ml"]) for row in rows] == [row.ml for row in by_factor.rows]
    assert rows[0]["gamma"] == ""
    with pytest.raises(FileExistsError, match=r"share\.nii\.gz.*already: choose another"):
        by_factor.save(out)
    again.save(out, overwrite=True)


def test_a_folder_that_holds_no_whole_study_is_refused(by_factor, tmp_path):
    with pytest.raises(StabilityError, match=r"is no stability study: stability\.json is missing"):
        load_stability(tmp_path)
    out = by_factor.save(tmp_path / "study")
    text = (out / "stability.json").read_text()
    (out / "stability.json").write_text(json.dumps({**json.loads(text), "rows": "none"}))
    with pytest.raises(StabilityError, match="is not the record of a stability study: rows"):
        load_stability(out)
