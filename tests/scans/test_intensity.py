"""Do intensities reach the scale that a model knows, whatever the scanner's own, and come back?"""

from __future__ import annotations

import numpy as np
import pytest

from napari_itermask import Scan
from napari_itermask.scans.intensity import RULES, normalise, quadratic_bias


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_be_undone_inside_the_brain(rule: str, phantom: Scan) -> None:
    scaled = normalise(phantom.image, phantom.brain, rule)
    back = scaled.original(scaled.image)
    unclipped = phantom.brain & (np.abs(scaled.image - 3) < 8.9)
    assert unclipped.sum() > 0.99 * phantom.brain.sum()
    np.testing.assert_allclose(back[unclipped], phantom.image[unclipped], atol=1e-2)
    assert set(scaled.image[~phantom.brain]) == {np.float32(scaled.background)}


@pytest.mark.parametrize("rule", RULES)
def test_the_gain_of_the_scanner_does_not_matter(rule: str, phantom: Scan) -> None:
    one = normalise(phantom.image, phantom.brain, rule)
    other = normalise(37.5 * phantom.image, phantom.brain, rule)
    np.testing.assert_allclose(other.image, one.image, atol=1e-3)


@pytest.mark.parametrize("rule", ["zscore", "flat-iqr", "iqr"])
def test_an_offset_of_all_intensities_does_not_matter(rule: str, phantom: Scan) -> None:
    one = normalise(phantom.image, phantom.brain, rule)
    other = normalise(phantom.image - 1000, phantom.brain, rule)
    np.testing.assert_allclose(other.image, one.image, atol=1e-3)


@pytest.mark.parametrize("rule", RULES)
def test_what_lies_outside_the_brain_does_not_matter(rule: str, phantom: Scan) -> None:
    noise = np.random.default_rng(0).normal(500, 500, phantom.image.shape)
    other = np.where(phantom.brain, phantom.image, noise).astype(np.float32)
    np.testing.assert_array_equal(
        normalise(other, phantom.brain, rule).image,
        normalise(phantom.image, phantom.brain, rule).image,
    )


@pytest.mark.parametrize("rule", RULES)
def test_the_scan_itself_is_left_as_it_is(rule: str, phantom: Scan) -> None:
    before = phantom.image.copy()
    normalise(phantom.image, phantom.brain, rule)
    np.testing.assert_array_equal(phantom.image, before)


def test_minmax90_puts_0_at_minus_3_and_the_90th_percentile_at_3(phantom: Scan) -> None:
    scaled = normalise(phantom.image, phantom.brain, "minmax90")
    assert np.percentile(scaled.image[phantom.brain], 90) == pytest.approx(3, abs=1e-4)
    assert scaled.original(np.float32([-3]))[0] == pytest.approx(0, abs=1e-3)
    assert scaled.background == -3
    assert scaled.image.max() > 3  # not clipped: a lesion stays brighter than all


def test_zscore_gives_mean_0_deviation_1_and_the_brains_minimum_around_it(phantom: Scan) -> None:
    scaled = normalise(phantom.image, phantom.brain, "zscore")
    inside = scaled.image[phantom.brain]
    assert inside.mean() == pytest.approx(0, abs=1e-4)
    assert inside.std() == pytest.approx(1, abs=1e-4)
    assert scaled.background == pytest.approx(inside.min(), abs=1e-4)


@pytest.mark.parametrize("rule", ["flat-iqr", "iqr"])
def test_the_iqr_rules_give_median_0_interquartile_range_2_within_minus_6_and_12(
    rule: str, phantom: Scan
) -> None:
    bright = phantom.image + 1e5 * (phantom.image > 700)
    scaled = normalise(bright.astype(np.float32), phantom.brain, rule)
    low, middle, high = np.percentile(scaled.image[phantom.brain], [25, 50, 75])
    assert middle == pytest.approx(0, abs=1e-3)
    assert high - low == pytest.approx(2, abs=1e-3)
    assert scaled.image.max() == 12
    assert scaled.background == scaled.image.min() == -6


def test_flat_iqr_takes_a_smooth_bias_off_and_leaves_the_lesion(phantom: Scan) -> None:
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in phantom.image.shape), indexing="ij")
    bias = 150 * (0.5 * x - 0.4 * y + 0.6 * z * z - 0.5 * x * y)
    flat = normalise(phantom.image, phantom.brain, "flat-iqr").image
    bent = normalise((phantom.image + bias).astype(np.float32), phantom.brain, "flat-iqr").image
    raw = normalise((phantom.image + bias).astype(np.float32), phantom.brain, "zscore").image

    lesion = phantom.image > 650
    tissue = phantom.brain & (phantom.image > 300) & ~lesion
    assert np.abs(bent - flat)[phantom.brain].max() < 0.1
    assert np.corrcoef(raw[tissue], bias[tissue])[0, 1] > 0.5
    assert abs(np.corrcoef(bent[tissue], bias[tissue])[0, 1]) < 0.1
    assert bent[lesion].mean() > 5  # in half interquartile ranges above the median


def test_iqr_leaves_a_bias_to_be_seen(phantom: Scan) -> None:
    x = np.linspace(-1, 1, phantom.image.shape[0])[:, None, None]
    bent = (phantom.image * np.exp(0.3 * x)).astype(np.float32)
    scaled = normalise(bent, phantom.brain, "iqr").image
    tissue = phantom.brain & (phantom.image > 300) & (phantom.image < 600)
    place = np.broadcast_to(x, bent.shape)[tissue]
    assert np.corrcoef(scaled[tissue], place)[0, 1] > 0.5


def test_the_bias_of_a_scan_hardly_depends_on_its_lesion(phantom: Scan) -> None:
    without = np.where(phantom.image > 600, 400, phantom.image).astype(np.float32)
    change = quadratic_bias(phantom.image, phantom.brain) - quadratic_bias(without, phantom.brain)
    assert np.abs(change[phantom.brain]).max() < 0.02 * 300  # of the lesion's height


def test_a_brain_of_a_few_voxels_still_has_a_bias(phantom: Scan) -> None:
    few = np.zeros_like(phantom.brain)
    few[18:22, 20:24, 20:22] = True
    assert np.isfinite(quadratic_bias(phantom.image, few)).all()


def test_an_unknown_rule_is_refused_with_the_choices(phantom: Scan) -> None:
    with pytest.raises(ValueError, match="named 'max': choose one of minmax90, zscore, flat-iqr"):
        normalise(phantom.image, phantom.brain, "max")


@pytest.mark.parametrize("rule", ["zscore", "flat-iqr", "iqr"])
def test_a_brain_of_one_intensity_cannot_be_scaled(rule: str, phantom: Scan) -> None:
    with pytest.raises(ValueError, match=r"\(almost\) a single intensity, .*: check that"):
        normalise(np.full_like(phantom.image, 5), phantom.brain, rule)
