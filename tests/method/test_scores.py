"""Scores are what they are called; another library agrees."""

import numpy as np
import pytest

from napari_itermask.method.scores import (
    anomaly_scores,
    average_hausdorff,
    average_surface_distance,
    cohort_oracle,
    detection,
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
    assert average_hausdorff(*pair, (1, 1, 2)) == pytest.approx(
        itk.GetAverageHausdorffDistance(), rel=1e-3
    )


def test_the_surface_distance_of_shifted_slabs_is_the_shift():
    one, two = np.zeros((2, 30, 30, 30), bool)
    one[5:10, 5:25, 5:25] = True
    two[5:10, 5:25, 5:25] = True
    assert average_surface_distance(one, two) == 0
    two = np.roll(two, 2, axis=0)
    assert 0.5 < average_surface_distance(one, two, (3, 1, 1)) < 6


def test_the_oracle_finds_the_best_cut(pair):
    _, truth = pair
    rng = np.random.default_rng(0)
    error = (truth + rng.normal(0, 0.4, truth.shape)).astype(np.float32)
    threshold, dice = oracle_threshold(error, truth, np.ones_like(truth))
    tried = [overlap(error > t, truth).dice for t in np.linspace(-1, 2, 400)]
    assert dice >= max(tried)
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
