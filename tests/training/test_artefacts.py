"""One threshold for T1: healthy scans stay alone, spoilt copies are told apart by their masks."""

import numpy as np
import pytest
from scipy import ndimage

from napari_itermask.method import RefineSettings
from napari_itermask.models.card import ModelCard
from napari_itermask.scans.grid import Grid
from napari_itermask.training.artefacts import (
    CLEAN,
    PUBLISHED,
    TOLERATED_ML,
    after_refinement,
    allowed,
    as_scanned,
    choose_threshold,
    spoilt_trials,
)
from napari_itermask.training.prepared import Brain

SPACING = (5.0, 5.0, 5.0)
CARD = ModelCard(
    name="toy", modality="t1", grid=Grid(spacing=SPACING, shape=(32, 48, 32)), normalisation="iqr"
)
SCORES = [RefineSettings(smoothing=s) for s in (0.0, 5.0)]


def smooth(masked, guide):
    """A network that knows that healthy tissue is flat."""
    return np.zeros_like(masked)


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(0)
    brains = []
    for number in range(6):
        place = np.moveaxis(np.indices((28, 40, 28)), 0, -1)
        inside = (((place - (13.5, 19.5, 13.5)) / (12, 17, 12)) ** 2).sum(-1) < 1
        texture = ndimage.gaussian_filter(rng.standard_normal(inside.shape), 0.7)
        t1 = np.where(inside, 100 + 20 * texture / texture.std(), 0).astype(np.float32)
        brains.append(Brain(f"b{number}", t1, inside.astype(np.uint8)))
    return list(spoilt_trials(as_scanned(brains, SPACING), smooth, CARD, rng))


def test_every_scan_comes_clean_and_with_each_published_artefact(trials):
    assert [t.degraded for t in trials[: 1 + len(PUBLISHED)]] == [CLEAN, *PUBLISHED]
    clean, chunk = trials[0], trials[1 + PUBLISHED.index("top_chunk")]
    np.testing.assert_array_equal(clean.brain, chunk.brain)
    assert not np.array_equal(clean.image, chunk.image)


def test_the_threshold_leaves_healthy_scans_alone_and_sees_missing_tissue(trials):
    best, other = choose_threshold(trials, SCORES, SPACING)
    assert best.mean >= other.mean
    assert allowed(best)
    assert np.median(best.healthy_ml) <= TOLERATED_ML
    assert best.areas["top_chunk"] == 1
    assert best.mean > 0.6
    assert f"threshold {best.threshold:.3g}" in str(best)


def test_a_lower_threshold_masks_more_after_the_refinement_and_may_be_refused(trials):
    best = choose_threshold(trials, SCORES, SPACING)[0]
    some = trials[: 2 * (1 + len(PUBLISHED))]
    as_chosen = after_refinement(some, smooth, CARD, best, 1.0)
    low = after_refinement(some, smooth, CARD, best, 0.01)
    assert as_chosen.rule.floor == as_chosen.rule.ceiling == pytest.approx(best.threshold)
    assert sum(low.healthy_ml) > sum(as_chosen.healthy_ml)
    assert allowed(as_chosen)
    assert not allowed(low)
