"""A threshold rule is learnt from healthy brains and drawn lesions, and it travels."""

from dataclasses import replace

import numpy as np
import pytest

from napari_itermask.method import Calibration, ErrorMap, RefineSettings
from napari_itermask.method.threshold import Statistic
from napari_itermask.models.card import ModelCard
from napari_itermask.scans.grid import Grid
from napari_itermask.training.calibration import (
    TIE,
    best_of_each,
    choose_rule,
    merit,
    read,
    settle_factor,
    simplest,
)
from napari_itermask.training.trials import (
    DEGRADED,
    any_lesion,
    degrade,
    keep_trials,
    make_trials,
)

SHAPE = (32, 32, 32)
GRID = Grid(spacing=(4.0, 4.0, 4.0), shape=SHAPE)
CARD = ModelCard(name="toy", modality="flair", grid=GRID, normalisation="flat-iqr")
SCORE = RefineSettings(sign="brighter", smoothing=4.0)


def flat(masked, guide):
    """A network that has learnt what a healthy toy brain looks like: nothing but noise."""
    return np.zeros_like(masked)


def healthy(count):
    """Brains of noise, each of another strength."""
    rng = np.random.default_rng(0)
    brain = np.zeros(SHAPE, bool)
    brain[3:-3, 3:-3, 3:-3] = True
    for _ in range(count):
        texture = rng.standard_normal(SHAPE) * rng.uniform(0.05, 0.2)
        yield np.where(brain, 1 + texture, 0).astype(np.float32), brain


def place(rng, image, brain, spacing):
    return any_lesion(rng, image, brain, spacing, radius=(10.0, 30.0), contrast=(6.0, 20.0))


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(1)
    return list(make_trials(healthy(16), flat, rng, CARD, place))


@pytest.fixture(scope="module")
def ranked(trials):
    return choose_rule(trials, [SCORE], GRID.spacing)


@pytest.fixture(scope="module")
def chosen(ranked):
    return simplest(ranked)


def test_every_fourth_trial_stays_healthy(trials):
    assert [bool(t.lesion.any()) for t in trials[:8]] == [False, True, True, True] * 2


def test_the_chosen_rule_finds_the_lesions_of_scans_it_never_saw(chosen):
    settings, rule = chosen.settings, chosen.rule
    rng = np.random.default_rng(7)
    fresh = list(make_trials(healthy(16), flat, rng, CARD, place))
    error_maps = [ErrorMap(t.image, t.brain, GRID.spacing, settings) for t in fresh]
    pairs = list(zip(error_maps, fresh, strict=True))
    masks = [m(t.repaint) > rule.threshold(m, t.repaint) for m, t in pairs]
    merits = [merit(m, t.lesion, 0.064) for m, t in zip(masks, fresh, strict=True)]
    assert np.mean(merits) > 0.75


def test_a_rule_with_more_parts_must_earn_them(ranked):
    first, rest = ranked[0], best_of_each(ranked)
    assert simplest(ranked).merit >= first.merit - TIE
    same = [replace(item, merit=0.5) for item in ranked]
    assert not simplest(same).rule.height
    tall = next(item for item in ranked if item.rule.height)
    assert simplest([replace(tall, merit=0.9), *same]).rule.height
    assert rest[0] is first
    assert len(rest) < len(ranked)
    assert "merit" in str(first)


def test_a_reading_gives_the_threshold_of_the_rule_itself(trials):
    parts = (
        Statistic(side="own", percentile=90, regions=20, exponent=0.5),
        Statistic(side="image", exponent=0.5),
    )
    rule = Calibration(factor=2.0, statistics=parts, height=0.25)
    error_maps = [ErrorMap(t.image, t.brain, GRID.spacing, SCORE) for t in trials]
    exact = [rule.threshold(m, t.repaint) for m, t in zip(error_maps, trials, strict=True)]
    found = read(trials, SCORE, GRID.spacing).thresholds(rule)
    np.testing.assert_allclose(found, exact, rtol=0.1)


def test_the_factor_is_settled_by_refining(trials, chosen):
    settings, rule = chosen.settings, chosen.rule
    settled, merits = settle_factor(
        trials[:6], flat, settings, rule, GRID.spacing, CARD.cutoff, around=(1.0, 1e4)
    )
    assert settled.factor == rule.factor  # a threshold that nothing exceeds finds nothing
    assert merits[rule.factor] > max(v for k, v in merits.items() if k != rule.factor)


def test_an_empty_mask_is_right_on_a_healthy_brain_only():
    nothing, something = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    something[:4, :4, :4] = True
    assert merit(nothing, nothing, 0.1) == 1
    assert merit(something, nothing, 0.1) < 0.5
    assert merit(nothing, something, 0.1) == 0


@pytest.mark.parametrize("kind", DEGRADED)
def test_a_degraded_copy_differs_within_the_brain_alone(kind):
    image, brain = next(healthy(1))
    worse = degrade(image, brain, np.random.default_rng(2), kind)
    assert not worse[~brain].any()
    assert np.array_equal(worse, image) == (kind == "plain")


def test_trials_are_made_once_and_then_read(tmp_path, trials):
    made = []

    def make():
        made.append(1)
        return trials[:2]

    keep_trials(tmp_path / "t", make)
    again = keep_trials(tmp_path / "t", make)
    assert len(made) == 1
    for kept, trial in zip(again, trials, strict=False):
        for name in ("image", "brain", "lesion", "repaint"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(trial, name))
