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
    the easy background flatters. NaN if nothing, or everything, in there is truth.
    """
    real = (truth > 0)[within] if within is not None else (truth > 0).ravel()
    values = error[within] if within is not None else error.ravel()
    if real.all() or not real.any():
        return {"auroc": float("nan"), "auprc": float("nan")}
    cuts = _cuts(values, real)
    hits, alarms = cuts.hits, cuts.alarms
    # A pair of a truth voxel and a healthy one counts 1 if its order is right, 1/2 if they tie.
    pairs = cuts.own * (cuts.healthy - alarms + cuts.ties / 2)
    return {
        "auroc": float(pairs.sum() / (hits[-1] * cuts.healthy)),
        "auprc": float((cuts.own * (hits / (hits + alarms))).sum() / hits[-1]),
    }


def oracle_threshold(error: Volume, truth: NDArray[Any], brain: Mask) -> tuple[float, float]:
    """The threshold on ``error`` with the best Dice, the truth in hand, and that Dice.

    An oracle: it says what the error map could give, not what a user gets. Every cut within the
    brain is tried (the published code tries 200, shared by the cohort: :func:`cohort_oracle`).
    Where no truth lies in the brain the best cut masks nothing: the largest error; its Dice is 0,
    or NaN if there is no truth at all.
    """
    values, real, total = error[brain], (truth > 0)[brain], np.count_nonzero(truth > 0)
    if not real.any():
        return float(values.max(initial=-np.inf)), 0.0 if total else float("nan")
    cuts = _cuts(values, real)
    dice = 2 * cuts.hits / (cuts.hits + cuts.alarms + total)
    best = int(np.argmax(dice))
    # Voxels strictly above the threshold are masked: it is the next smaller value.
    return float(values[values < cuts.at[best]].max(initial=-np.inf)), float(dice[best])


def cohort_oracle(
    errors: Sequence[Volume], truths: Sequence[NDArray[Any]]
) -> tuple[float, float, NDArray[np.float64]]:
    """The published "segmentation Dice": one oracle threshold for a whole cohort.

    Error maps are scaled by the minimum and maximum of the whole cohort; of the 200 thresholds
    k / 10000 (strict >) the one with the best mean Dice is taken, with the truths in hand.

    Returns
    -------
    threshold (of the scaled error), mean Dice, the Dice of each scan at it. Scans whose truth is
    empty are NaN and left out of the mean; where all are, threshold and mean are NaN too.
    """
    low = min(float(e.min()) for e in errors)
    high = max(float(e.max()) for e in errors)
    table = np.full((len(errors), len(PUBLISHED_LADDER)), np.nan)
    for row, error, truth in zip(table, errors, truths, strict=True):
        if np.any(truth > 0):
            scaled = (error - low) / ((high - low) or 1.0)
            row[:] = [overlap(scaled > t, truth).dice for t in PUBLISHED_LADDER]
    if np.isnan(table).all():
        return float("nan"), float("nan"), table[:, 0]
    means = np.nanmean(table, axis=0)
    best = int(np.argmax(means))
    return float(PUBLISHED_LADDER[best]), float(means[best]), table[:, best]


def psnr_healthy(
    image: Volume, reconstruction: Volume, truth: NDArray[Any], brain: Mask, peak: float
) -> float:
    """PSNR in dB of the healthy part of the brain; published peak: the cohort's healthy maximum.

    Infinite if the repaint is the image; NaN if no part is healthy, or ``peak`` is not above 0.
    """
    healthy = brain & ~(truth > 0)
    if peak <= 0 or not healthy.any():
        return float("nan")
    difference = image[healthy].astype(np.float64) - reconstruction[healthy]
    error = float(np.mean(difference**2))
    return float(10 * np.log10(peak**2 / error)) if error > 0 else float("inf")


@dataclass(frozen=True)
class Distances:
    """How far a mask and a truth lie apart, in mm; NaN if either is empty.

    Attributes
    ----------
    average_surface
        The average symmetric surface distance: the mean of the distances of each surface voxel to
        the other's surface. A voxel is of the surface if one of its six neighbours is not in the
        mask; where the volume ends, so does the mask.
    average_hausdorff
        ITK's average Hausdorff distance: the mean of both mean distances of one set to the other.
        What the published table calls ASSD, there at 1 mm.
    """

    average_surface: float
    average_hausdorff: float


def distances(mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> Distances:
    """Both distances of ``mask`` and ``truth``, ``(X, Y, Z)`` bool; ``spacing`` in mm."""
    if not mask.any() or not truth.any():
        return Distances(float("nan"), float("nan"))
    box = ndimage.find_objects((mask | truth).astype(np.uint8))[0]
    sets = mask[box], truth[box]
    edges = [m & ~ndimage.binary_erosion(m) for m in sets]
    surface, means = [], []
    for (own, other), (edge, goal) in ((sets, edges), (sets[::-1], edges[::-1])):
        # What lies outside a set is nearest to its surface: one question answers both measures.
        beyond = own & ~other
        asked = edge | beyond
        gap = _gaps(asked, goal, spacing)
        surface.append(gap[edge[asked]])
        means.append(float(gap[beyond[asked]].sum() / np.count_nonzero(own)))
    return Distances(float(np.concatenate(surface).mean()), sum(means) / 2)


def average_hausdorff(mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> float:
    """ITK's average Hausdorff distance in mm: see :class:`Distances`; NaN if either is empty."""
    return distances(mask, truth, spacing).average_hausdorff


def average_surface_distance(
    mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> float:
    """Average symmetric surface distance in mm: see :class:`Distances`; NaN if either is empty."""
    return distances(mask, truth, spacing).average_surface


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


@dataclass(frozen=True, eq=False)
class _Cuts:
    """What each cut that keeps all values of at least ``at`` holds; ``at`` falls.

    Only values of truth voxels are cuts: between two of them a cut adds nothing but false alarms.
    """

    at: Volume
    own: NDArray[np.int64]  # truth voxels of exactly that value
    ties: NDArray[np.int64]  # healthy ones of exactly that value
    hits: NDArray[np.int64]  # truth voxels of at least that value
    alarms: NDArray[np.int64]  # healthy ones of at least that value
    healthy: int  # all healthy ones


def _cuts(values: Volume, real: Mask) -> _Cuts:
    """Sort once: several times faster than a library that ranks every voxel, and the same."""
    at, own = np.unique(values[real], return_counts=True)
    at, own = at[::-1], own[::-1]
    healthy = np.sort(values[~real])
    alarms = healthy.size - np.searchsorted(healthy, at, "left")
    above = healthy.size - np.searchsorted(healthy, at, "right")
    return _Cuts(at, own, alarms - above, np.cumsum(own), alarms, healthy.size)


BOX_PER_POINT = 30
"""A search tree answers for one voxel in the time in which the transform does 30 of its box."""


def _gaps(asked: Mask, goal: Mask, spacing: Sequence[float]) -> NDArray[np.float64]:
    """The distance in mm of each voxel of ``asked`` to the nearest of ``goal``, in C order."""
    out: NDArray[np.float64]
    if np.count_nonzero(asked) * BOX_PER_POINT < asked.size:
        from scipy.spatial import KDTree

        tree = KDTree(np.argwhere(goal) * spacing, leafsize=32)
        out = tree.query(np.argwhere(asked) * spacing)[0]
        return out
    # Measuring only the voxels that are asked for halves the time of a whole map of distances.
    nearest = ndimage.distance_transform_edt(
        ~goal, sampling=spacing, return_distances=False, return_indices=True
    )
    squares = (
        ((axis[asked] - here) * step) ** 2
        for axis, here, step in zip(nearest, np.nonzero(asked), spacing, strict=True)
    )
    out = np.sqrt(sum(squares))
    return out


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
