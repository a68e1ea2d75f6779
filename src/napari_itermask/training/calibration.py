"""Which error is too large on any scan: a threshold rule taught by healthy and synthetic scans.

No real lesion is looked at. Trials (:mod:`napari_itermask.training.trials`) are read at every
threshold from their first repaint; the rule is the one whose thresholds meet the truths best and
leave the healthy brains empty. Its factor is then settled with the refinement itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.error import ErrorMap, Sign
from napari_itermask.method.refinement import Reconstruct, refine, seeded_noise
from napari_itermask.method.scores import overlap
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import Calibration, Statistic, side_sign
from napari_itermask.scans.intensity import Mask
from napari_itermask.training.trials import Spacing, Trial

HEALTHY_TOLERANCE_ML = 5.0
"""A healthy brain with this much masked scores 1/e."""
TIE = 0.01
"""Merits this near are alike."""
LEVELS = np.geomspace(1e-3, 1e2, 140)
"""Thresholds at which every trial is read, in squared units of the normalisation."""
SCALES = tuple(
    Statistic.model_validate({"side": side, "percentile": percentile, "regions": regions})
    for side, percentile, regions in (
        ("own", 50, None),
        ("own", 75, None),
        ("own", 90, 20),
        ("own", 97, 20),
        ("mirror", 50, None),
        ("mirror", 75, None),
        ("mirror", 50, 20),
        ("mirror", 75, 20),
        ("mirror", 50, 35),
        ("mirror", 90, 20),
    )
)
EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What a scale enters with; the rest of the power is the scan's own interquartile range."""
HEIGHTS = ((0.0, 50.0), *product((0.1, 0.15, 0.2, 0.25), (50.0, 75.0, 90.0)))
"""Shares of the height, and the percentile that is the height."""
SIGNS: dict[Sign, tuple[Sign, ...]] = {
    "both": ("both",),
    "brighter": ("brighter", "darker"),
    "darker": ("darker", "brighter"),
}


@dataclass(frozen=True, eq=False)
class Readings:
    """What any threshold would give on ``n`` trials, by their first repaints.

    ``masks`` and ``hits``, ``(n, levels)``: voxels above each of :data:`LEVELS`, and those of the
    lesion among them; ``above``: the percentiles that :data:`HEIGHTS` names of the errors above
    each level; ``scales``, ``(n,)`` each; ``lesions``, ``(n,)`` voxels.
    """

    masks: NDArray[np.float64]
    hits: NDArray[np.float64]
    above: dict[float, NDArray[np.float64]]
    scales: dict[Statistic, NDArray[np.float64]]
    lesions: NDArray[np.float64]
    voxel_ml: float

    def merits(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The merit (:func:`merit`) of each trial at its threshold, ``(n,)``."""
        at = _level(thresholds)
        masks, hits = (np.take_along_axis(a, at[:, None], 1)[:, 0] for a in (self.masks, self.hits))
        dice = 2 * hits / np.maximum(masks + self.lesions, 1)
        empty = np.exp(-masks * self.voxel_ml / HEALTHY_TOLERANCE_ML)
        return np.where(self.lesions > 0, dice, empty)

    def oracles(self) -> NDArray[np.float64]:
        """The best Dice of each lesion at any level, ``(n,)``; 0 where there is none."""
        best: NDArray[np.float64] = np.max(
            2 * self.hits / np.maximum(self.masks + self.lesions[:, None], 1), axis=1
        )
        return best

    def thresholds(self, rule: Calibration) -> NDArray[np.float64]:
        """What ``rule`` gives on each trial; as :meth:`Calibration.threshold`, on the levels."""
        scale = np.ones(len(self.lesions))
        for part in rule.statistics:
            scale = scale * self.scales[part.model_copy(update={"exponent": 1.0})] ** part.exponent
        base = np.clip(rule.factor * scale, rule.floor, rule.ceiling)
        if not rule.height:
            return base
        height = self.above[rule.height_percentile]
        height = np.take_along_axis(height, _level(base)[:, None], 1)[:, 0]
        return np.maximum(base, rule.height * height)


def read(trials: Sequence[Trial], settings: RefineSettings, spacing: Spacing) -> Readings:
    """Read the trials at every level under the score's ``settings``."""
    rows = [_read(trial, settings, spacing) for trial in trials]
    masks, hits, above, scales = zip(*rows, strict=True)
    return Readings(
        np.array(masks, float),
        np.array(hits, float),
        {q: np.array([a[q] for a in above]) for q in above[0]},
        {s: np.array([v[s] for v in scales]) for s in scales[0]},
        np.array([np.count_nonzero(t.lesion) for t in trials], float),
        float(np.prod(spacing)) / 1000,
    )


def candidates() -> Iterator[Calibration]:
    """Every kind of rule that is tried, with a factor of 1."""
    for scale, exponent, (height, percentile) in product(SCALES, EXPONENTS, HEIGHTS):
        if exponent == 0 and scale is not SCALES[0]:
            continue
        unit = Statistic(side="image", exponent=1 - exponent)
        both = (scale.model_copy(update={"exponent": exponent}), unit)
        parts = tuple(part for part in both if part.exponent)
        yield Calibration(factor=1.0, statistics=parts, height=height, height_percentile=percentile)


@dataclass(frozen=True)
class Ranked:
    """A rule with its best factor, and what it gives on the first repaints of the trials.

    ``merit`` is the mean (:func:`merit`); ``gap`` and ``gap90`` the median and the ninetieth
    percentile of what it loses against the best level of each lesion; ``healthy_ml`` the median of
    what it masks in the healthy trials.
    """

    merit: float
    gap: float
    gap90: float
    healthy_ml: float
    settings: RefineSettings
    rule: Calibration

    def __str__(self) -> str:
        parts = [
            f"{s.side} {s.percentile:g}{'' if s.regions is None else f' of blocks, {s.regions:g}'}"
            f" ^{s.exponent:g}"
            for s in self.rule.statistics
            if s.side != "image"
        ]
        height = f", height {self.rule.height:g} of {self.rule.height_percentile:g}"
        score = self.settings
        return (
            f"merit {self.merit:.3f}, gap {self.gap:.2f} / {self.gap90:.2f}, healthy "
            f"{self.healthy_ml:.1f} ml: {' '.join(parts) or 'one threshold for all'}"
            f"{height if self.rule.height else ''} (sigma {score.smoothing:g}, floor "
            f"{score.intensity_floor}, rim {score.rim:g})"
        )


def best_factor(readings: Readings, settings: RefineSettings, rule: Calibration) -> Ranked:
    """The rule with the factor of the best mean merit."""
    bases = readings.thresholds(rule.model_copy(update={"height": 0.0, "factor": 1.0}))
    middle = max(float(np.median(bases)), 1e-9)
    tried = [
        rule.model_copy(update={"factor": float(factor)})
        for factor in np.geomspace(0.02, 12, 48) / middle
    ]
    merits = [float(readings.merits(readings.thresholds(t)).mean()) for t in tried]
    best = tried[int(np.argmax(merits))]
    thresholds = readings.thresholds(best)
    ill = readings.lesions > 0
    gaps = (readings.oracles() - readings.merits(thresholds))[ill]
    at = _level(thresholds)
    masked = readings.masks[np.arange(len(at)), at][~ill] * readings.voxel_ml
    gap, gap90 = np.quantile(gaps, (0.5, 0.9)) if gaps.size else (0.0, 0.0)
    return Ranked(
        merit=max(merits),
        gap=float(gap),
        gap90=float(gap90),
        healthy_ml=float(np.median(masked)) if masked.size else 0.0,
        settings=settings,
        rule=best,
    )


def choose_rule(
    trials: Sequence[Trial], scores: Iterable[RefineSettings], spacing: Spacing
) -> list[Ranked]:
    """Rank score settings and threshold rules by their merit on the first repaint, best first."""
    ranked = []
    for settings in scores:
        readings = read(trials, settings, spacing)
        ranked += [best_factor(readings, settings, rule) for rule in candidates()]
    return sorted(ranked, key=lambda item: -item.merit)


def simplest(ranked: Sequence[Ranked]) -> Ranked:
    """The best of the rules without ``height``, unless one with it is better by :data:`TIE`."""
    plain = [item for item in ranked if not item.rule.height]
    return ranked[0] if not plain or ranked[0].merit > plain[0].merit + TIE else plain[0]


def best_of_each(ranked: Sequence[Ranked]) -> list[Ranked]:
    """The best rule of each statistic, with and without ``height``, best first."""
    best: dict[Any, Ranked] = {}
    for item in ranked:
        parts = [s for s in item.rule.statistics if s.side != "image"]
        kind = [(s.side, s.percentile, s.regions) for s in parts]
        best.setdefault((bool(item.rule.height), *kind), item)
    return list(best.values())


def settle_factor(
    trials: Sequence[Trial],
    reconstruct: Reconstruct,
    settings: RefineSettings,
    rule: Calibration,
    spacing: Spacing,
    cutoff: float,
    around: Sequence[float] = (0.35, 0.5, 0.7, 1.0, 1.4),
) -> tuple[Calibration, dict[float, float]]:
    """Take the factor near the rule's own that is best after the refinement; returns all merits."""
    voxel_ml = float(np.prod(spacing)) / 1000
    merits = {}
    for turn in around:
        tried = rule.model_copy(update={"factor": rule.factor * turn})
        found = [refined(t, reconstruct, settings, tried, spacing, cutoff) for t in trials]
        merits[tried.factor] = float(
            np.mean([merit(m, t.lesion, voxel_ml) for m, t in zip(found, trials, strict=True)])
        )
    best = max(merits, key=lambda factor: merits[factor])
    return rule.model_copy(update={"factor": best}), merits


def refined(
    trial: Trial,
    reconstruct: Reconstruct,
    settings: RefineSettings,
    rule: Calibration,
    spacing: Spacing,
    cutoff: float,
) -> Mask:
    """The mask that the method stops at on one trial."""
    *_, last = refine(
        trial.image,
        trial.brain,
        trial.guide(cutoff, spacing),
        reconstruct,
        settings.replace(threshold_rule="calibrated"),
        noise=seeded_noise(trial.seed, trial.image.shape),
        spacing=spacing,
        calibration=rule,
        search=False,
    )
    return last.mask


def merit(mask: Mask, lesion: Mask, voxel_ml: float) -> float:
    """Dice where there is a lesion; where there is none, how near to empty the mask is."""
    if lesion.any():
        return overlap(mask, lesion).dice
    return float(np.exp(-np.count_nonzero(mask) * voxel_ml / HEALTHY_TOLERANCE_ML))


def _level(thresholds: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.clip(np.searchsorted(LEVELS, thresholds), 0, len(LEVELS) - 1)


def _read(
    trial: Trial, settings: RefineSettings, spacing: Spacing
) -> tuple[Any, Any, dict[float, Any], dict[Statistic, float]]:
    """Masks, hits, heights above each level, and scales of one trial."""
    error_map = ErrorMap(trial.image, trial.brain, spacing, settings)
    errors = {sign: error_map(trial.repaint, sign) for sign in SIGNS[settings.sign]}
    own = errors[settings.sign][trial.brain]
    order = np.argsort(own)
    ranked, real = own[order], trial.lesion[trial.brain][order]
    first = np.searchsorted(ranked, LEVELS, side="right")
    hits = np.append(np.cumsum(real[::-1])[::-1], 0)
    left = len(ranked) - first
    above = {
        q: np.where(
            left > 0, ranked[np.minimum(first + (left * q / 100).astype(int), len(ranked) - 1)], 0.0
        )
        for q in {q for _, q in HEIGHTS}
    }
    scales = {}
    for statistic in (*SCALES, Statistic(side="image")):
        sign = side_sign(statistic.side, settings.sign)
        error = errors[sign] if sign else None
        scales[statistic] = statistic.taken(error, trial.image, trial.brain, spacing)
    return left, hits[first], above, scales
