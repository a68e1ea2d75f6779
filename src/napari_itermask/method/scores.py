"""How anomalous a scan is, and how well a mask meets a truth: method section "scores"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.method.error import Mask, Volume

PUBLISHED_LADDER = np.arange(200) / 10000
"""The 200 thresholds of the published oracle, on errors scaled to [0, 1] by the whole cohort."""


def anomaly_scores(
    mask: Mask, error: Volume, brain: Mask, spacing: Sequence[float]
) -> dict[str, float]:
    """Scores of one scan: how much stayed masked, and how large the error is.

    ``final_mask_size`` (voxels, the paper's default) and its ml; ``mean_error`` over the whole grid
    (the published one, which grows with the head) and within the brain.
    """
    size = float(np.count_nonzero(mask))
    return {
        "final_mask_size": size,
        "final_mask_ml": size * float(np.prod(spacing)) / 1000,
        "mean_error": float(error.mean(dtype=np.float64)),
        "mean_error_brain": float(error[brain].mean(dtype=np.float64)),
    }


@dataclass(frozen=True)
class Overlap:
    """How a mask meets a truth, voxel by voxel. A ratio that is not defined is NaN."""

    dice: float
    sensitivity: float
    precision: float
    iou: float
    mask_ml: float
    truth_ml: float


def overlap(mask: Mask, truth: NDArray[Any], spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> Overlap:
    """Compare ``mask`` with ``truth`` (above 0), both ``(X, Y, Z)``; two empty ones: Dice NaN."""
    real = truth > 0
    both, ours, theirs = (float(np.count_nonzero(m)) for m in (mask & real, mask, real))
    ml = float(np.prod(spacing)) / 1000
    return Overlap(
        dice=_ratio(2 * both, ours + theirs),
        sensitivity=_ratio(both, theirs),
        precision=_ratio(both, ours),
        iou=_ratio(both, ours + theirs - both),
        mask_ml=ours * ml,
        truth_ml=theirs * ml,
    )


def voxel_ranking(
    error: Volume, truth: NDArray[Any], within: Mask | None = None
) -> dict[str, float]:
    """AUROC and AUPRC (average precision) of the error map against ``truth`` > 0.

    Within the brain if ``within`` is given; over the whole volume it is the published number, which
    the easy background flatters.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    real = (truth > 0)[within] if within is not None else (truth > 0).ravel()
    values = error[within] if within is not None else error.ravel()
    if real.all() or not real.any():
        return {"auroc": float("nan"), "auprc": float("nan")}
    return {
        "auroc": float(roc_auc_score(real, values)),
        "auprc": float(average_precision_score(real, values)),
    }


def oracle_threshold(error: Volume, truth: NDArray[Any], brain: Mask) -> tuple[float, float]:
    """The threshold on ``error`` with the best Dice, the truth in hand, and that Dice.

    An oracle: it says what the error map could give, not what a user gets. Every cut within the
    brain is tried (the published code tries 200, shared by the cohort: :func:`cohort_oracle`).
    """
    values = error[brain]
    real = (truth > 0)[brain]
    order = np.argsort(values, kind="stable")[::-1]
    hits = np.cumsum(real[order])
    dice = 2 * hits / (np.arange(1, len(hits) + 1) + np.count_nonzero(truth > 0))
    ranked = values[order]
    # A cut (strictly above) can only fall between different values.
    cut = np.append(ranked[:-1] != ranked[1:], True)
    best = int(np.argmax(np.where(cut, dice, -1)))
    below = float(ranked[best + 1]) if best + 1 < len(ranked) else -np.inf
    return below, float(dice[best])


def cohort_oracle(
    errors: Sequence[Volume], truths: Sequence[NDArray[Any]]
) -> tuple[float, float, NDArray[np.float64]]:
    """The published "segmentation Dice": one oracle threshold for a whole cohort.

    Error maps are scaled by the minimum and maximum of the whole cohort; of the 200 thresholds
    k / 10000 (strict >) the one with the best mean Dice is taken, with the truths in hand.

    Returns
    -------
    threshold (of the scaled error), mean Dice, the Dice of each scan at it. Scans whose truth is
    empty are NaN and left out of the mean.
    """
    low = min(float(e.min()) for e in errors)
    high = max(float(e.max()) for e in errors)
    table = np.full((len(errors), len(PUBLISHED_LADDER)), np.nan)
    for row, error, truth in zip(table, errors, truths, strict=True):
        if np.any(truth > 0):
            scaled = (error - low) / (high - low)
            row[:] = [overlap(scaled > t, truth).dice for t in PUBLISHED_LADDER]
    means = np.nanmean(table, axis=0)
    best = int(np.argmax(means))
    return float(PUBLISHED_LADDER[best]), float(means[best]), table[:, best]


def psnr_healthy(
    image: Volume, reconstruction: Volume, truth: NDArray[Any], brain: Mask, peak: float
) -> float:
    """PSNR in dB of the healthy part of the brain; published peak: the cohort's healthy maximum."""
    healthy = brain & ~(truth > 0)
    error = float(np.mean((image[healthy] - reconstruction[healthy]).astype(np.float64) ** 2))
    return float(10 * np.log10(peak**2 / error)) if error > 0 else float("inf")


def average_hausdorff(mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> float:
    """ITK's average Hausdorff distance: the mean of both mean distances of one set to the other.

    What the published table calls ASSD, there at 1 mm. In mm; NaN if either is empty.
    """
    if not mask.any() or not truth.any():
        return float("nan")
    gaps = [
        float(ndimage.distance_transform_edt(~b, sampling=spacing)[a].mean())
        for a, b in ((mask, truth), (truth, mask))
    ]
    return sum(gaps) / 2


def average_surface_distance(
    mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> float:
    """Average symmetric surface distance in mm, over surface voxels; NaN if either is empty."""
    if not mask.any() or not truth.any():
        return float("nan")
    edges = [m & ~ndimage.binary_erosion(m) for m in (mask, truth)]
    gaps = [
        ndimage.distance_transform_edt(~b, sampling=spacing)[a] for a, b in (edges, edges[::-1])
    ]
    return float(np.concatenate(gaps).mean())


def detection(negatives: Sequence[float], positives: Sequence[float]) -> dict[str, float]:
    """AUROC and AUPRC over scans, and the false positive rate at 80 and 90 % sensitivity."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    real = np.r_[np.zeros(len(negatives)), np.ones(len(positives))]
    values = np.r_[np.asarray(negatives, float), np.asarray(positives, float)]
    fpr, tpr, _ = roc_curve(real, values, drop_intermediate=False)
    return {
        "auroc": float(roc_auc_score(real, values)),
        "auprc": float(average_precision_score(real, values)),
        "fpr80": float(fpr[np.argmax(tpr >= 0.8)]),
        "fpr90": float(fpr[np.argmax(tpr >= 0.9)]),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
