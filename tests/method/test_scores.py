"""Scores are what they are called; another library agrees."""

import numpy as np
import pytest
from sklearn import metrics

from napari_itermask.method.scores import (
    anomaly_scores,
    average_hausdorff,
    average_surface_distance,
    cohort_oracle,
    detection,
    distances,
    oracle_threshold,
    overlap,
    psnr_healthy,
    voxel_ranking,
)


@pytest.fixture
def pair():
    """Two overlapping balls on a grid of 1 x 1 x 2 mm."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in (24, 26, 14)), indexing="ij"), -1)
    one = np.linalg.norm((grid - (11, 12, 7)) * (1, 1, 2), axis=-1) < 7
    two = np.linalg.norm((grid - (13, 13, 7)) * (1, 1, 2), axis=-1) < 6
    return one, two


def test_overlap_counts_voxels(pair):
    mask, truth = pair
    met = overlap(mask, truth, (1, 1, 2))
    both = (mask & truth).sum()
    assert met.dice == pytest.approx(2 * both / (mask.sum() + truth.sum()))
    assert met.sensitivity == pytest.approx(both / truth.sum())
    assert met.precision == pytest.approx(both / mask.sum())
    assert met.iou == pytest.approx(both / (mask | truth).sum())
    assert met.truth_ml == pytest.approx(truth.sum() * 2 / 1000)


def test_an_empty_truth_is_named_by_nan_not_by_a_guess(pair):
    empty = np.zeros_like(pair[0])
    assert np.isnan(overlap(empty, empty).dice)
    assert overlap(pair[0], empty).dice == 0
    assert np.isnan(average_hausdorff(empty, pair[0]))
    assert np.isnan(voxel_ranking(pair[0].astype(np.float32), empty)["auroc"])


def test_distances_agree_with_itk(pair):
    sitk = pytest.importorskip("SimpleITK")
    images = []
    for mask in pair:
        image = sitk.GetImageFromArray(mask.astype(np.uint8).transpose(2, 1, 0))
        image.SetSpacing((1, 1, 2))
        images.append(image)
    itk = sitk.HausdorffDistanceImageFilter()
    itk.Execute(*images)
    wanted = itk.GetAverageHausdorffDistance()
    assert average_hausdorff(*pair, (1, 1, 2)) == pytest.approx(wanted, abs=1e-6)


def test_the_surface_distance_of_shifted_slabs_is_the_shift():
    one, two = np.zeros((2, 30, 30, 30), bool)
    one[5:10, 5:25, 5:25] = True
    two[5:10, 5:25, 5:25] = True
    assert average_surface_distance(one, two) == 0
    assert average_surface_distance(one, np.roll(two, 2, axis=0), (3, 1, 1)) == pytest.approx(
        _by_hand(one, np.roll(two, 2, axis=0), (3, 1, 1))
    )


def test_where_the_volume_ends_a_mask_has_a_surface():
    one, two = np.zeros((2, 6, 6, 6), bool)
    one[:3] = True
    two[:2] = True
    assert average_surface_distance(one, two) == pytest.approx(_by_hand(one, two))


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.8, 1.1, 4)])
def test_few_far_voxels_and_many_near_ones_are_measured_alike(pair, spacing):
    few = np.zeros((90, 40, 40), bool)
    few[1, 2, 3] = few[88, 30, 30] = few[40, :3, 39] = True
    many = np.pad(pair[0], ((30, 36), (7, 7), (13, 13)))
    for one, two in ((few, many), (few, few), (many, many[::-1])):
        met = distances(one, two, spacing)
        assert met.average_surface == pytest.approx(_by_hand(one, two, spacing))


def _by_hand(one, two, spacing=(1, 1, 1)):
    """The average symmetric surface distance, every pair of surface voxels measured."""
    surfaces = []
    for mask in (one, two):
        around = np.pad(mask, 1)
        within = np.ones_like(mask)
        for axis in range(3):
            for step in (-1, 1):
                within &= np.roll(around, step, axis)[1:-1, 1:-1, 1:-1]
        surfaces.append(np.argwhere(mask & ~within) * spacing)
    apart = np.linalg.norm(surfaces[0][:, None] - surfaces[1][None], axis=-1)
    return np.concatenate([apart.min(1), apart.min(0)]).mean()


def test_the_oracle_finds_the_best_cut(pair):
    _, truth = pair
    rng = np.random.default_rng(0)
    error = (truth + rng.normal(0, 0.4, truth.shape)).astype(np.float32)
    threshold, dice = oracle_threshold(error, truth, np.ones_like(truth))
    tried = [overlap(error > t, truth).dice for t in np.linspace(-1, 2, 400)]
    assert dice >= max(tried)
    assert overlap(error > threshold, truth).dice == pytest.approx(dice)


def test_without_a_truth_the_oracle_masks_nothing(pair):
    _, brain = pair
    error = np.arange(brain.size, dtype=np.float32).reshape(brain.shape)
    threshold, dice = oracle_threshold(error, np.zeros_like(brain), brain)
    assert not (error[brain] > threshold).any()
    assert np.isnan(dice)
    assert oracle_threshold(error, ~brain, brain) == (threshold, 0.0)


@pytest.mark.parametrize("digits", [0, 1, 7])
def test_ranking_and_oracle_are_those_of_every_cut_whatever_ties(pair, digits):
    _, truth = pair
    noise = np.random.default_rng(1).normal(0, 1, truth.shape)
    error = np.round(truth + noise, digits).astype(np.float32)
    ranked = voxel_ranking(error, truth)
    flat = truth.ravel(), error.ravel()
    assert ranked["auroc"] == pytest.approx(metrics.roc_auc_score(*flat), abs=1e-9)
    assert ranked["auprc"] == pytest.approx(metrics.average_precision_score(*flat), abs=1e-9)
    precision, recall, _ = metrics.precision_recall_curve(*flat)
    best = np.nanmax(2 * precision * recall / np.maximum(precision + recall, 1e-9))
    threshold, dice = oracle_threshold(error, truth, np.ones_like(truth))
    assert dice == pytest.approx(best, abs=1e-9)
    assert overlap(error > threshold, truth).dice == pytest.approx(dice)


def test_ties_are_cut_together():
    truth = np.array([[[1, 0, 0]]])
    error = np.array([[[1.0, 1.0, 0.0]]], np.float32)
    threshold, dice = oracle_threshold(error, truth, np.ones((1, 1, 3), bool))
    assert (threshold, dice) == (0.0, pytest.approx(2 / 3))


def test_the_cohort_oracle_shares_one_threshold_and_leaves_empty_truths_out(pair):
    mask, truth = pair
    errors = [truth * 0.01 + (~truth) * 0.001, mask * 1.0]
    threshold, mean, each = cohort_oracle(errors, [truth, np.zeros_like(truth)])
    assert 0.001 <= threshold < 0.01
    assert mean == pytest.approx(1)
    assert np.isnan(each[1])


def test_a_cohort_without_any_truth_has_no_oracle(pair):
    mask, _ = pair
    empty = np.zeros_like(mask)
    threshold, mean, each = cohort_oracle([mask * 1.0, mask * 0.0], [empty, empty])
    assert np.isnan([threshold, mean, *each]).all()
    assert cohort_oracle([mask * 0.0], [mask])[1] == 0  # one value all over: nothing to scale


def test_detection_is_perfect_when_the_groups_part():
    assert detection([1, 2, 3], [4, 5, 6]) == {
        "auroc": 1.0,
        "auprc": 1.0,
        "fpr80": 0.0,
        "fpr90": 0.0,
    }
    mixed = detection([1, 2, 3, 4], [2.5, 3.5, 5, 6])
    assert mixed["auroc"] == pytest.approx(13 / 16)
    assert mixed["fpr90"] == 0.5


def test_scan_scores_name_the_published_and_the_fair_mean(pair):
    mask, brain = pair
    error = brain.astype(np.float32)
    scores = anomaly_scores(mask, error, brain, (1, 1, 2))
    assert scores["final_mask_size"] == mask.sum()
    assert scores["mean_error"] == pytest.approx(brain.mean())
    assert scores["mean_error_brain"] == 1


def test_psnr_looks_at_the_healthy_brain_only(pair):
    lesion, brain = pair
    image = np.ones(brain.shape, np.float32)
    repaint = np.where(lesion, 100, 0.9).astype(np.float32)
    assert psnr_healthy(image, repaint, lesion, brain, peak=1.0) == pytest.approx(20, abs=1e-3)
    assert np.isnan(psnr_healthy(image, repaint, brain, brain, peak=1.0))
    assert np.isnan(psnr_healthy(image, repaint, lesion, brain, peak=0.0))
