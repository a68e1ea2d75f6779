"""Plots show the numbers that the run itself gives."""

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.figures.curve import draw_curves, useful_range
from napari_itermask.figures.dice import draw_dice, draw_paired
from napari_itermask.figures.opening import open_runs
from napari_itermask.figures.roc import draw_roc
from napari_itermask.figures.settling import draw_passes
from napari_itermask.figures.shown import Shown
from napari_itermask.inspection.agreement import agreement
from napari_itermask.method.scores import overlap, voxel_ranking


def words(figure):
    return [t.get_text() for t in [*figure.texts, *(t for ax in figure.axes for t in ax.texts)]]


def points(ax, marker):
    lines = [
        line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata()) == 1
    ]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


@pytest.fixture(scope="module")
def searched(saved):
    return open_runs([str(saved.searched)])[0]


@pytest.fixture(scope="module")
def known(saved):
    return open_runs(
        [str(saved.sample), str(saved.phantom)],
        [str(saved.sample_truth), str(saved.phantom_truth)],
    )


def test_the_crossing_is_the_chosen_threshold_on_curve_and_slope(searched):
    run = searched.run
    choice = run.curve.choose(run.settings.gamma, run.settings.y_limit)
    curve, slope = draw_curves([searched]).axes
    assert points(curve, "o") == [(choice.index + 1, pytest.approx(choice.threshold))]
    ((place, height),) = points(slope, "o")
    assert place == choice.index + 1
    assert height > run.settings.gamma
    shown = next(line for line in curve.lines if len(line.get_xdata()) == 100)
    np.testing.assert_array_equal(shown.get_ydata(), run.curve.thresholds)


def test_the_quality_of_the_fit_is_stated(searched):
    fit = searched.run.curve.fit(searched.run.settings.y_limit)
    said = "\n".join(words(draw_curves([searched])))
    assert f"R² = {fit.r2:.3f}" in said
    assert ("fit refused" in said) != fit.accepted


def test_the_low_part_of_the_curve_is_shown_unless_all_is_wanted(searched):
    thresholds = searched.run.curve.thresholds
    low, full = (draw_curves([searched], full=full).axes[0].get_ylim()[1] for full in (False, True))
    assert full > thresholds.max()
    assert low == pytest.approx(useful_range(thresholds, [searched.run.threshold])[1])


def test_the_volumes_of_all_passes_are_drawn(searched):
    run = searched.run
    volumes = [p.mask_ml for p in run.record.passes if p.phase == "refine"]
    line = draw_passes([searched]).axes[0].lines[0]
    assert list(line.get_ydata())[-len(volumes) :] == pytest.approx(volumes)
    if len(line.get_ydata()) > len(volumes):  # the start, the whole brain
        assert line.get_ydata()[0] > volumes[0]


def test_errors_made_again_are_those_of_a_run_that_kept_them(sample, small_model):
    kept = itm.refine(sample.scan, small_model, search=False, keep="maps")
    again = itm.refine(sample.scan, small_model, search=False)
    lines = [
        [line.get_ydata() for line in draw_passes([Shown.of(run)]).axes[1].lines]
        for run in (kept, again)
    ]
    assert len(lines[0]) >= 3
    for one, two in zip(*lines, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3)
    brain = kept.on_grid.brain
    mean = float(kept.last.error[brain].mean(dtype=float))
    assert any(line[-1] == pytest.approx(mean, rel=1e-2) for line in lines[0])


def test_errors_that_cannot_be_known_are_left_out_with_the_reason(saved):
    told = []
    (one,) = open_runs([str(saved.without_passes)])
    assert len(draw_passes([one], tell=told.append).axes) == 1
    assert "is drawn without its errors" in told[0]


def test_roc_and_pr_mark_where_the_run_stopped(known, sample):
    one = known[0]
    figure = draw_roc([one])
    roc, pr = figure.axes
    met = agreement(sample, one.truth)
    false = np.count_nonzero(sample.mask & ~one.truth & one.brain)
    rate = false / np.count_nonzero(one.brain & ~one.truth)
    assert points(roc, "o") == [(pytest.approx(rate), pytest.approx(met.own.sensitivity))]
    ((recall, precision),) = points(pr, "o")
    assert (recall, precision) == pytest.approx((met.own.sensitivity, met.own.precision))
    ((recall, precision),) = points(pr, "D")
    assert (recall, precision) == pytest.approx((met.oracle.sensitivity, met.oracle.precision))
    ranking = voxel_ranking(sample.error, one.truth, one.brain)
    assert any(
        f"AUROC {ranking['auroc']:.3f}, AUPRC {ranking['auprc']:.3f}" in w for w in words(figure)
    )
    x, y = max((line.get_data() for line in roc.lines), key=lambda d: len(d[0]))
    assert np.trapezoid(y, x) == pytest.approx(ranking["auroc"], abs=2e-3)  # thinned, and still it


def test_dice_stands_at_the_truths_volume(known):
    (line,) = [line for line in draw_dice(known).axes[0].lines if len(line.get_xdata()) == 2]
    for one, volume, dice in zip(known, *line.get_data(), strict=True):
        met = overlap(one.run.mask, one.truth, one.scan.spacing)
        assert (volume, dice) == pytest.approx((met.truth_ml, met.dice))


def test_each_lesion_is_found_by_its_share(known):
    (line,) = draw_dice(known[1:], by="lesion").axes[0].lines
    met = overlap(known[1].run.mask, known[1].truth)
    shares, volumes = line.get_ydata(), line.get_xdata()
    assert (shares * volumes).sum() / volumes.sum() == pytest.approx(met.sensitivity)


def test_pairs_join_the_runs_of_one_scan(known, saved):
    other = open_runs([str(saved.phantom), str(saved.searched)])
    for one in other:
        one.truth = next(k.truth for k in known if k.same == one.same)
    figure = draw_paired(known, other, names=("a", "b"))
    pairs = [line.get_ydata() for line in figure.axes[0].lines if list(line.get_xdata()) == [0, 1]]
    want = [
        [overlap(s.run.mask, s.truth).dice for s in pair]
        for pair in zip(known, other[::-1], strict=True)
    ]
    np.testing.assert_allclose(pairs, want)
    change = np.median([b - a for a, b in want])
    assert any(
        f"2 scans, median change {change:+.3f}".replace("-", "−") in w for w in words(figure)
    )


def test_empty_masks_and_truths_are_named(known, sample):
    nothing = np.zeros_like(sample.mask)
    empty = Shown.of(sample, nothing, "healthy")
    with pytest.raises(ValueError, match="the truth of healthy is none of its brain"):
        draw_roc([empty])
    with pytest.raises(ValueError, match="all truths are empty"):
        draw_dice([empty])
