"""The curve is read as the paper reads it, and what cannot be read is said."""

import numpy as np
import pytest

from napari_itermask.method import Calibration, ErrorMap, RefineSettings, ThresholdCurve
from napari_itermask.method.threshold import Statistic, kth_error


@pytest.mark.parametrize("percent", [1, 37, 50, 99, 100])
def test_the_kth_error_is_the_one_of_the_whole_grid(percent):
    rng = np.random.default_rng(1)
    brain = rng.random((9, 10, 11)) < 0.4
    error = np.where(brain, rng.random(brain.shape), 0).astype(np.float32)
    size, inside = error.size, int(brain.sum())
    k = max(1, int(size - inside * (1 - 0.01 * percent)))
    assert kth_error(error, brain, percent) == np.sort(error.ravel())[k - 1]


def test_a_tangent_is_found_and_its_slope_read():
    p = np.arange(1, 101)
    curve = ThresholdCurve((2 * np.tan(0.012 * p)).astype(np.float32))
    fit = curve.fit()
    assert fit.accepted
    assert (abs(fit.a), abs(fit.b)) == pytest.approx((2, 0.012), rel=1e-3)
    assert fit.r2 == pytest.approx(1)
    slope = 2 * 0.012 / np.cos(0.012 * p) ** 2
    choice = curve.choose(gamma=0.05)
    assert choice.index == int(np.argmax(slope > 0.05))
    assert choice.threshold == curve.thresholds[choice.index]


def test_points_above_the_limit_are_not_fitted():
    curve = ThresholdCurve(np.linspace(0.1, 20, 100, dtype=np.float32))
    assert curve.fit(y_limit=10).points == int(np.argmax(curve.thresholds > 10))


def test_a_curve_that_is_no_tangent_falls_back_to_smoothed_differences():
    thresholds = np.ones(100, np.float32)
    thresholds[40:] = 2
    fit = ThresholdCurve(thresholds).fit()
    assert not fit.accepted
    assert fit.reason
    assert fit.derivative[38:43] == pytest.approx([0.2] * 5)
    assert fit.derivative[3:38].max() == 0


def test_the_window_of_the_differences_is_cut_at_the_ends():
    thresholds = np.arange(1, 101, dtype=np.float32) ** 0 * 5  # one jump, from 0 to 5
    derivative = ThresholdCurve(thresholds).fit().derivative
    assert derivative[:3] == pytest.approx([5 / 3, 5 / 4, 5 / 5])


def test_fewer_than_two_points_under_the_limit_refuse_the_fit():
    fit = ThresholdCurve(np.linspace(50, 90, 100, dtype=np.float32)).fit(y_limit=10)
    assert not fit.accepted
    assert "fewer than two thresholds lie under y_limit = 10" in fit.reason


def test_a_slope_that_never_exceeds_gamma_takes_the_first_point_and_says_so():
    choice = ThresholdCurve(np.linspace(0.1, 1, 100, dtype=np.float32)).choose(gamma=5)
    assert (choice.index, choice.threshold) == (0, pytest.approx(0.1))
    assert "lower gamma" in choice.note


SHAPE = (48, 48, 48)
SPACING = (4.0, 4.0, 4.0)
QUIET = Statistic(side="own", percentile=90, regions=20, exponent=0.5)
UNIT = Statistic(side="image", exponent=0.5)


def scan(lesion=0.0, height=6.0, unit=1.0):
    """An error map over a brain of noise whose share ``lesion`` is ``height`` brighter."""
    rng = np.random.default_rng(3)
    image = rng.standard_normal(SHAPE).astype(np.float32)
    image[: round(lesion * SHAPE[0])] += height
    brain = np.ones(SHAPE, bool)
    bright = RefineSettings(sign="brighter")
    return ErrorMap(image * np.float32(unit), brain, SPACING, bright)


NOTHING = np.zeros(SHAPE, np.float32)


@pytest.mark.parametrize(
    "statistic",
    [
        Statistic(side="mirror", percentile=75),
        Statistic(side="own", percentile=90, regions=20),
        Statistic(side="own", percentile=97, regions=35),
    ],
)
def test_a_lesion_of_a_fifth_of_the_brain_hardly_moves_the_statistics(statistic):
    healthy, ill = (statistic.value(scan(share), NOTHING) for share in (0.0, 0.2))
    assert ill == pytest.approx(healthy, rel=0.1)
    own = Statistic(side="own", percentile=85)
    assert own.value(scan(0.2), NOTHING) > 5 * own.value(scan(), NOTHING)


def test_a_calibration_follows_the_unit_of_the_intensities():
    rule = Calibration(factor=3, statistics=(QUIET, UNIT), height=0.25)
    once = rule.threshold(scan(0.1), NOTHING)
    assert rule.threshold(scan(0.1, unit=10), NOTHING) == pytest.approx(100 * once, rel=1e-4)
    with pytest.raises(ValueError, match=r"must sum to 1, got 0\.5"):
        Calibration(factor=3, statistics=(QUIET,))


def test_the_border_lies_at_half_of_the_lesions_own_height():
    rule = Calibration(factor=8, statistics=(QUIET.model_copy(update={"exponent": 1.0}),))
    raised = rule.model_copy(update={"height": 0.25})
    plain = rule.threshold(scan(0.1, height=30), NOTHING)
    assert raised.threshold(scan(0.1, height=30), NOTHING) == pytest.approx(15**2, rel=0.02)
    assert plain < 15**2 / 5
    assert raised.threshold(scan(), NOTHING) == pytest.approx(rule.threshold(scan(), NOTHING))


def test_a_card_from_before_there_were_statistics_reads_as_it_did():
    old = {"factor": 2.0, "percentile": 75.0, "mirror": False, "floor": 0.0, "ceiling": 1e6}
    error = scan()(NOTHING)
    expected = 2 * np.percentile(error[error > 0], 75)
    assert Calibration(**old).threshold(scan(), NOTHING) == pytest.approx(expected)
