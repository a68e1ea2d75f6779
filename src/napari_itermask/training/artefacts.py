"""Which error is an artefact? One threshold for all scans, from healthy scans and spoilt copies.

An artefact moves every statistic of its own scan, so a threshold that follows the scan hides it.
Healthy scans say how high the one threshold must be, copies with the published artefacts which
score settings see most above it. No test scan and no lesion is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.error import ErrorMap
from napari_itermask.method.refinement import Reconstruct, seeded_noise
from napari_itermask.method.scores import detection
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import Calibration
from napari_itermask.models.card import ModelCard
from napari_itermask.prepare import prepare
from napari_itermask.scans.scan import Scan
from napari_itermask.synthetic.effects import EFFECTS
from napari_itermask.training.calibration import LEVELS, refined
from napari_itermask.training.prepared import Brain
from napari_itermask.training.trials import Spacing, Trial

CLEAN = "clean"
PUBLISHED = tuple(name for name, effect in EFFECTS.items() if effect.published)
TOLERATED_ML = 2.5
"""What half of the healthy scans may have masked at most: half of what is called a false alarm."""


@dataclass(frozen=True)
class Told:
    """How well one threshold tells spoilt copies from healthy scans by the size of their masks.

    ``areas``: the AUROC of each effect; ``healthy_ml``: what is masked in each healthy scan.
    """

    settings: RefineSettings
    threshold: float
    areas: Mapping[str, float]
    healthy_ml: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean AUROC over the effects."""
        return float(np.mean(list(self.areas.values())))

    @property
    def rule(self) -> Calibration:
        """The one threshold as a card's rule."""
        return Calibration(factor=1.0, floor=self.threshold, ceiling=self.threshold)

    def __str__(self) -> str:
        areas = ", ".join(f"{name} {area:.2f}" for name, area in self.areas.items())
        score = self.settings
        return (
            f"AUROC {self.mean:.3f} ({areas}), healthy {np.median(self.healthy_ml):.1f} ml, 95 % "
            f"under {np.quantile(self.healthy_ml, 0.95):.1f} ml: threshold {self.threshold:.3g} "
            f"(sigma {score.smoothing:g}, limit {score.max_difference})"
        )


def as_scanned(brains: Iterable[Brain], spacing: Spacing) -> Iterator[Scan]:
    """Healthy scans as they are: their T1 images, within their labels."""
    affine = np.diag([*spacing, 1.0])
    for brain in brains:
        yield Scan(brain.t1.astype(np.float32), brain.labels > 0, affine)


def spoilt_trials(
    scans: Iterable[Scan], reconstruct: Reconstruct, card: ModelCard, rng: np.random.Generator
) -> Iterator[Trial]:
    """First repaints of each scan and of a copy with each published artefact (method section 9).

    The brain stays that of the clean scan, as the paper has it; ``degraded`` names the artefact.
    """
    for scan in scans:
        for name in (CLEAN, *PUBLISHED):
            copy = scan if name == CLEAN else spoilt(scan, name, rng)
            on_grid = prepare(copy, card, card.settings)
            image, brain = on_grid.image, on_grid.brain
            seed = int(rng.integers(2**31))
            noise = seeded_noise(seed, image.shape)(0)
            repaint = reconstruct(np.where(brain, noise, image), on_grid.guide)
            yield Trial(image, brain, np.zeros_like(brain), repaint, name, seed)


def spoilt(scan: Scan, name: str, rng: np.random.Generator) -> Scan:
    """``scan`` with one effect at its published strength; the brain stays that of the clean one."""
    draw = EFFECTS[name].draw(rng, 1.0, scan.brain, scan.spacing)
    image, _truth = EFFECTS[name].apply(scan.image, scan.brain, scan.spacing, draw)
    return Scan(image, scan.brain, scan.affine)


def choose_threshold(
    trials: Sequence[Trial], scores: Iterable[RefineSettings], spacing: Spacing
) -> list[Told]:
    """For each of the score settings the best threshold that healthy scans allow, best first."""
    found = [_best_level(trials, settings, spacing) for settings in scores]
    return sorted(found, key=lambda told: -told.mean)


def after_refinement(
    trials: Sequence[Trial], reconstruct: Reconstruct, card: ModelCard, told: Told, turn: float
) -> Told:
    """The same at ``turn`` times the threshold, from the masks that the method stops at."""
    threshold = told.threshold * turn
    tried = Told(told.settings, threshold, {}, ())
    spacing = card.grid.spacing
    voxel_ml = float(np.prod(spacing)) / 1000
    sizes: dict[str, list[float]] = {}
    for trial in trials:
        mask = refined(trial, reconstruct, told.settings, tried.rule, spacing, card.cutoff)
        sizes.setdefault(trial.degraded, []).append(np.count_nonzero(mask) * voxel_ml)
    clean = sizes.pop(CLEAN)
    areas = {name: detection(clean, values)["auroc"] for name, values in sizes.items()}
    return Told(told.settings, threshold, areas, tuple(clean))


def allowed(told: Told) -> bool:
    """Whether half of the healthy scans have no more masked than is tolerated."""
    return float(np.median(told.healthy_ml)) <= TOLERATED_ML


def _best_level(trials: Sequence[Trial], settings: RefineSettings, spacing: Spacing) -> Told:
    voxel_ml = float(np.prod(spacing)) / 1000
    rows: dict[str, list[NDArray[Any]]] = {}
    for trial in trials:
        error = ErrorMap(trial.image, trial.brain, spacing, settings)(trial.repaint)[trial.brain]
        over = error.size - np.searchsorted(np.sort(error), LEVELS, side="right")
        rows.setdefault(trial.degraded, []).append(over * voxel_ml)
    clean = np.array(rows.pop(CLEAN))
    best: Told | None = None
    for column, level in enumerate(LEVELS):
        healthy = clean[:, column]
        areas = {
            name: detection(healthy.tolist(), [float(row[column]) for row in some])["auroc"]
            for name, some in rows.items()
        }
        told = Told(settings, float(level), areas, tuple(healthy.tolist()))
        # The last level leaves every healthy scan empty, so that one is always allowed.
        if (allowed(told) or level == LEVELS[-1]) and (best is None or told.mean > best.mean):
            best = told
    assert best is not None
    return best
