"""Which error is too large on any scan: a threshold rule taught by healthy and synthetic scans.

No real lesion is looked at. Held-out healthy brains, with and without a synthetic lesion of every
size, are repainted once from a whole-brain mask; the rule is the one whose masks meet the truths
best and leave the healthy brains empty. Its factor is then settled with the refinement itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage

from napari_itermask.method.error import ErrorMap
from napari_itermask.method.guide import high_frequency
from napari_itermask.method.refinement import Reconstruct, refine, seeded_noise
from napari_itermask.method.scores import overlap
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import Calibration
from napari_itermask.scans.intensity import Mask, Volume, normalise
from napari_itermask.synthetic.flair import draw_flair, flair_from_t1
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion
from napari_itermask.training.flair_data import Brain, Spacing

KINDS = tuple(product((True, False), (75.0, 85.0, 95.0)))
"""Threshold rules that are tried: mirrored or not, and the percentile."""
HEALTHY_TOLERANCE_ML = 5.0
"""A healthy brain with this much masked scores 1/e."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A held-out brain with lesions that we drew, or none: ``(X, Y, Z)`` on the model's grid."""

    image: Volume
    brain: Mask
    guide: Volume
    lesion: Mask
    repaint: Volume


def make_trials(
    healthy: Iterable[tuple[Volume, Mask]],
    reconstruct: Reconstruct,
    rng: np.random.Generator,
    spacing: Spacing,
    rule: str,
    cutoff: float,
) -> Iterator[Trial]:
    """Turn healthy images into trials: every fourth stays healthy, the others get 1 to 3 lesions.

    Lesions are of every size (3 to 32 mm radius before their shape) and of every contrast, from one
    to eight half interquartile ranges of the brain; half of the images are degraded.
    """
    for number, (clean, mask) in enumerate(healthy):
        image = clean
        lesion = np.zeros_like(mask)
        first, middle, third = np.percentile(image[mask], [25, 50, 75])
        for _ in range(rng.integers(1, 4) if number % 4 else 0):
            contrast = np.exp(rng.uniform(np.log(1.0), np.log(8.0))) * (third - first) / 2
            change = (float(contrast / middle),) * 2
            draw = draw_lesion(rng, mask, radius=(3.0, 32.0), change=change)
            image, hit = add_lesion(image, mask, draw, spacing)
            lesion |= hit if draw.change > 0 else False
        if rng.random() < 0.5:
            image = degraded(image, mask, rng, spread=float(third - first))
        scaled = normalise(image, mask, rule).image
        guide = high_frequency(scaled, cutoff, spacing)
        noise = seeded_noise(int(rng.integers(2**31)), image.shape)(0)
        repaint = reconstruct(np.where(mask, noise, scaled).astype(np.float32), guide)
        yield Trial(scaled, mask, guide, lesion, repaint)


def flair_like(
    brains: Sequence[Brain], rng: np.random.Generator, shape: tuple[int, int, int], each: int
) -> Iterator[tuple[Volume, Mask]]:
    """``each`` FLAIR-like copies of every brain, with their brain masks."""
    for brain, _ in product(brains, range(each)):
        yield flair_from_t1(brain.t1, brain.labels, draw_flair(rng), shape)


def degraded(image: Volume, brain: Mask, rng: np.random.Generator, spread: float) -> Volume:
    """A noisier, blurrier copy with another contrast curve, as another scanner might give it."""
    top = float(np.percentile(image[brain], 99.9))
    curve = np.clip(image / top, 0, None) ** np.exp(rng.uniform(-0.4, 0.4)) * top
    sigma = rng.uniform(0.0, 0.8)
    weight = np.maximum(ndimage.gaussian_filter(brain.astype(np.float32), sigma), 1e-3)
    smooth = ndimage.gaussian_filter(np.where(brain, curve, 0), sigma) / weight
    noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(0.0, 0.25) * spread
    return np.where(brain, smooth + noise, 0).astype(np.float32)


def merit(mask: Mask, lesion: Mask, voxel_ml: float) -> float:
    """Dice where there is a lesion; where there is none, how near to empty the mask is."""
    if lesion.any():
        return overlap(mask, lesion).dice
    return float(np.exp(-np.count_nonzero(mask) * voxel_ml / HEALTHY_TOLERANCE_ML))


def choose_rule(
    trials: Sequence[Trial], scores: Iterable[RefineSettings], spacing: Spacing
) -> list[tuple[float, RefineSettings, Calibration]]:
    """Rank score settings and threshold rules by their merit on the first repaint, best first."""
    voxel_ml = float(np.prod(spacing)) / 1000
    ranked = []
    for settings in scores:
        maps = [ErrorMap(t.image, t.brain, spacing, settings) for t in trials]
        errors = [m(t.repaint) for m, t in zip(maps, trials, strict=True)]
        for mirror, percentile in KINDS:
            rule = Calibration(factor=1.0, percentile=percentile, mirror=mirror)
            scales = [rule.scale(m, t.repaint) for m, t in zip(maps, trials, strict=True)]
            best = max(
                (_mean_merit(trials, errors, [f * s for s in scales], voxel_ml), f)
                for f in _factors(errors, scales, trials)
            )
            ranked.append((best[0], settings, rule.model_copy(update={"factor": best[1]})))
    return sorted(ranked, key=lambda item: -item[0])


def settle_factor(
    trials: Sequence[Trial],
    reconstruct: Reconstruct,
    settings: RefineSettings,
    rule: Calibration,
    spacing: Spacing,
    around: Sequence[float] = (0.12, 0.17, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4),
) -> tuple[Calibration, dict[float, float]]:
    """Take the factor near the rule's own that is best after the refinement; returns all merits."""
    voxel_ml = float(np.prod(spacing)) / 1000
    merits = {}
    for turn in around:
        tried = rule.model_copy(update={"factor": rule.factor * turn})
        found = [_refined(t, reconstruct, settings, tried, spacing) for t in trials]
        merits[tried.factor] = float(
            np.mean([merit(m, t.lesion, voxel_ml) for m, t in zip(found, trials, strict=True)])
        )
    best = max(merits, key=lambda factor: merits[factor])
    return rule.model_copy(update={"factor": best}), merits


def _refined(
    trial: Trial,
    reconstruct: Reconstruct,
    settings: RefineSettings,
    rule: Calibration,
    spacing: Spacing,
) -> Mask:
    *_, last = refine(
        trial.image,
        trial.brain,
        trial.guide,
        reconstruct,
        settings.replace(threshold_rule="calibrated"),
        spacing=spacing,
        calibration=rule,
        search=False,
    )
    return last.mask


def _mean_merit(
    trials: Sequence[Trial], errors: Sequence[Volume], thresholds: Sequence[float], voxel_ml: float
) -> float:
    return float(
        np.mean(
            [
                merit(e > h, t.lesion, voxel_ml)
                for t, e, h in zip(trials, errors, thresholds, strict=True)
            ]
        )
    )


def _factors(
    errors: Sequence[Volume], scales: Sequence[float], trials: Sequence[Trial]
) -> Iterator[float]:
    """Twelve factors between what the brains' upper errors ask for, in even ratios."""
    ratios = [
        np.percentile(e[t.brain], (80, 99.9)) / max(s, 1e-9)
        for e, s, t in zip(errors, scales, trials, strict=True)
    ]
    low, high = np.median([r[0] for r in ratios]), np.median([r[1] for r in ratios])
    yield from np.geomspace(max(float(low), 1e-6), max(float(high), 1e-5), 12).tolist()
