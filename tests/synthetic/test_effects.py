"""Does each effect do what its name says, as strongly as asked, and the same each time?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from napari_itermask import Scan
from napari_itermask.synthetic.effects import EFFECTS, effect_named
from napari_itermask.synthetic.visible import visible_amount

PUBLISHED = (
    "top_chunk",
    "middle_chunk",
    "bias_field",
    "spike",
    "ghosting",
    "gaussian_noise",
    "zipper",
)
LOCAL = ("top_chunk", "middle_chunk", "focal_lesion", "cavity", "susceptibility", "missing_slices")
SPACING = (4.0, 4.0, 4.0)

# Of torchio 1.2.1 with torch 2.13.0 on cube(): eight voxels, and what they become.
GOLDEN_AT = np.array(
    [
        [7, 98, 12],
        [15, 6, 2],
        [13, 182, 3],
        [4, 166, 6],
        [4, 158, 4],
        [6, 123, 8],
        [1, 5, 13],
        [12, 160, 8],
    ]
)
GOLDEN = {
    "spike": [0.23099, -0.83896, -1.57866, 0.04428, 0.11706, 0.08866, 1.88923, -1.6188],
    "ghosting": [1.03331, 0.1956, 0.91622, 0.31627, 0.16718, 1.0208, 0.93377, 0.6751],
    "bias_field": [0.92268, 0.62246, 0.64956, 0.35787, 0.42132, 0.54166, 0.56336, 0.17804],
}

every = pytest.mark.parametrize("name", EFFECTS)


def made(name: str, scan: Scan, severity: float = 1.0, seed: int = 0) -> tuple[Any, Any, Any]:
    effect = EFFECTS[name]
    draw = effect.draw(np.random.default_rng(seed), severity, scan.brain, SPACING)
    return *effect.apply(scan.image, scan.brain, SPACING, draw), draw


def cube(n: int = 192, seed: int = 0) -> Any:
    """Values without structure, but exactly the published grid along axis 1."""
    return np.random.default_rng(seed).random((16, n, 16), np.float32)


def test_the_papers_seven_come_first_and_are_marked() -> None:
    assert tuple(EFFECTS)[:7] == PUBLISHED
    assert {name for name, effect in EFFECTS.items() if effect.published} == set(PUBLISHED)


@every
def test_it_changes_the_brain_visibly_and_says_where(name: str, phantom: Scan) -> None:
    image, truth, _ = made(name, phantom)
    change = np.abs(image - phantom.image)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert truth.dtype == bool
    assert truth.any()
    assert not (truth & ~phantom.brain).any()
    visible = visible_amount(phantom.image, phantom.brain)
    assert np.median(change[truth]) > visible
    if name in LOCAL:
        assert np.median(change[phantom.brain & ~truth]) < visible
    else:
        assert np.percentile(change[phantom.brain & ~truth], 99) <= 3 * visible


@every
def test_more_severity_is_more_change(name: str, phantom: Scan) -> None:
    changes = [
        float(np.abs(made(name, phantom, severity)[0] - phantom.image)[phantom.brain].mean())
        for severity in (0, 0.25, 0.5, 1, 2, 4, 8)
    ]
    assert changes[0] == 0
    assert changes[1] > 0
    assert (np.diff(changes) >= 0).all()
    assert changes[2] < changes[3] < changes[4] < changes[5]  # around the default truly more


@every
def test_severity_0_changes_nothing_to_the_last_bit(name: str, phantom: Scan) -> None:
    image, truth, _ = made(name, phantom, 0)
    np.testing.assert_array_equal(image, phantom.image)
    assert not truth.any()


@every
def test_the_same_draw_read_from_json_gives_the_same(name: str, phantom: Scan) -> None:
    before = phantom.image.copy()
    image, truth, draw = made(name, phantom, 1.3, seed=5)
    again = EFFECTS[name].apply(phantom.image, phantom.brain, SPACING, json.loads(json.dumps(draw)))
    np.testing.assert_array_equal(again[0], image)
    np.testing.assert_array_equal(again[1], truth)
    np.testing.assert_array_equal(phantom.image, before)  # the clean scan is left alone


@pytest.mark.parametrize(
    "name",
    [
        "gaussian_noise",
        "zipper",
        "focal_lesion",
        "cavity",
        "motion",
        "susceptibility",
        "missing_slices",
    ],
)
def test_another_seed_gives_another_result(name: str, phantom: Scan) -> None:
    assert not np.array_equal(made(name, phantom, seed=1)[0], made(name, phantom, seed=2)[0])


@pytest.mark.parametrize("name", [n for n in EFFECTS if n in LOCAL or n == "folding"])
def test_the_background_that_it_does_not_reach_is_kept(name: str, phantom: Scan) -> None:
    image, _, _ = made(name, phantom)
    kept = ~phantom.brain & (image == phantom.image)
    assert kept.sum() > 0.97 * np.count_nonzero(~phantom.brain)


@pytest.mark.parametrize("name", ["gibbs", "motion", "blur", "ghosting"])
def test_where_it_reaches_nothing_no_rounding_is_left(name: str) -> None:
    image = np.zeros((32, 40, 32), np.float32)
    image[8:24, 10:30, 8:24] = cube(20, 3)[:, :20] + 1
    brain = image > 0
    effect = EFFECTS[name]
    draw = effect.draw(np.random.default_rng(0), 0.5, brain, SPACING)
    after, _ = effect.apply(image, brain, SPACING, draw)
    corner = after[:2, :, :2]
    assert (corner[np.abs(corner) < 1e-6] == 0).all()
    assert not np.array_equal(after[brain], image[brain])


# The published formulas, on the published grid (method 9)


def test_top_chunk_takes_30_slices_from_the_brains_first() -> None:
    image, brain = cube(), np.zeros((16, 192, 16), bool)
    brain[4:12, 21:170, 4:12] = True
    draw = EFFECTS["top_chunk"].draw(np.random.default_rng(0), 1, brain, SPACING)
    after, truth = EFFECTS["top_chunk"].apply(image, brain, SPACING, draw)
    gone = np.flatnonzero((after == 0).all(axis=(0, 2)))
    np.testing.assert_array_equal(gone, np.arange(21, 51))
    np.testing.assert_array_equal(truth, brain & (np.arange(192) < 51)[:, None])


def test_middle_chunk_takes_slices_80_to_109() -> None:
    image, brain = cube(), np.ones((16, 192, 16), bool)
    draw = EFFECTS["middle_chunk"].draw(np.random.default_rng(0), 1, brain, SPACING)
    after, _ = EFFECTS["middle_chunk"].apply(image, brain, SPACING, draw)
    np.testing.assert_array_equal(np.flatnonzero((after == 0).all(axis=(0, 2))), np.arange(80, 110))


def test_zipper_fills_three_bands_of_five_rows_within_the_slices_range() -> None:
    image, brain = cube(), np.ones((16, 192, 16), bool)
    image *= np.linspace(0, 1, 16, dtype=np.float32)  # the first slice is empty
    draw = EFFECTS["zipper"].draw(np.random.default_rng(0), 1, brain, SPACING)
    after, _ = EFFECTS["zipper"].apply(image, brain, SPACING, draw)
    rows = np.flatnonzero((after != image).any(axis=(0, 2)))
    np.testing.assert_array_equal(rows, [*range(60, 65), *range(90, 95), *range(120, 125)])
    assert (after.max(axis=(0, 1)) <= image.max(axis=(0, 1)) + 1e-6).all()
    assert (after[..., 0] == 0).all()


def test_a_wider_zipper_keeps_the_narrow_one() -> None:
    image, brain = cube(), np.ones((16, 192, 16), bool)
    zipper = EFFECTS["zipper"]
    narrow, wide = (
        zipper.apply(
            image, brain, SPACING, zipper.draw(np.random.default_rng(0), s, brain, SPACING)
        )
        for s in (1, 2)
    )
    np.testing.assert_array_equal(wide[0][narrow[1]], narrow[0][narrow[1]])


def test_bias_field_is_the_exponential_of_the_sum_of_all_monomials() -> None:
    image = np.ones((5, 4, 3), np.float32)
    after, _ = EFFECTS["bias_field"].apply(
        image, image > 0, SPACING, {"severity": 1.0, "coefficient": 0.1, "order": 3}
    )
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape), indexing="ij")
    powers = [(i, j, k) for i in range(4) for j in range(4 - i) for k in range(4 - i - j)]
    assert len(powers) == 20
    expected = np.exp(0.1 * sum(x**i * y**j * z**k for i, j, k in powers))
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_noise_spares_two_central_rows_and_stays_below_its_amplitude() -> None:
    image, brain = cube(24), np.ones((16, 24, 16), bool)
    draw = EFFECTS["gaussian_noise"].draw(np.random.default_rng(0), 1, brain, SPACING)
    after, _ = EFFECTS["gaussian_noise"].apply(image, brain, SPACING, draw)
    noise = np.fft.fftshift(np.fft.fft2(after - image, axes=(0, 1)), axes=(0, 1))
    clean = np.fft.fftshift(np.fft.fft2(image, axes=(0, 1)), axes=(0, 1))
    # The real part of the image keeps half of a row's noise and half of its mirror row's; the
    # middle row (8) mirrors itself, row 7 mirrors row 9.
    assert np.abs(noise[8]).max() < 1e-4
    assert np.abs(noise[0]).max() > 0.1 * 0.003 * clean.real.max()
    assert (np.abs(noise.real).max((0, 1)) <= 0.0031 * np.abs(clean.real).max((0, 1))).all()


@pytest.mark.parametrize("name", GOLDEN)
def test_stripes_ghosts_and_bias_are_torchios(name: str) -> None:
    # Measured with tio.Spike([[0.45, 0.45, 0.45]], 4), tio.Ghosting(4, 1, 2.0, 0.01) and
    # tio.RandomBiasField((0.1, 0.1)); over the whole cube they differ from ours by 5e-6 at most.
    image, brain = cube(), np.ones((16, 192, 16), bool)
    draw = EFFECTS[name].draw(np.random.default_rng(0), 1, brain, SPACING)
    after, _ = EFFECTS[name].apply(image, brain, SPACING, draw)
    np.testing.assert_allclose(after[tuple(GOLDEN_AT.T)], GOLDEN[name], atol=2e-5)


def test_ghosting_keeps_the_brightness_on_a_grid_where_torchio_would_lose_it(
    phantom: Scan,
) -> None:
    image, _, _ = made("ghosting", phantom)  # 48 slices: 1 % of them is less than one
    assert image.mean() == pytest.approx(phantom.image.mean(), rel=1e-4)


# Ours


def mean_change(name: str, phantom: Scan, contrast: str, seed: int = 0) -> float:
    effect = EFFECTS[name]
    draw = effect.draw(np.random.default_rng(seed), 1, phantom.brain, SPACING)
    draw["contrast"] = contrast
    after, truth = effect.apply(phantom.image, phantom.brain, SPACING, draw)
    return float((after - phantom.image)[truth].mean())


def test_a_lesion_is_bright_on_flair_and_t2_and_dark_on_t1(phantom: Scan) -> None:
    assert mean_change("focal_lesion", phantom, "flair") > 50
    assert mean_change("focal_lesion", phantom, "t2") > 50
    assert mean_change("focal_lesion", phantom, "t1") < -50


def test_a_lesion_pushes_tissue_away_and_leaves_the_far_side_alone(phantom: Scan) -> None:
    effect = EFFECTS["focal_lesion"]
    draw = effect.draw(np.random.default_rng(0), 1, phantom.brain, SPACING)
    still, _ = effect.apply(phantom.image, phantom.brain, SPACING, {**draw, "push": 0.0})
    pushed, _ = effect.apply(phantom.image, phantom.brain, SPACING, {**draw, "push": 0.3})
    moved = np.argwhere(pushed != still)
    away = np.sqrt((((moved - draw["centre"]) * SPACING) ** 2).sum(1))
    assert moved.size
    assert away.max() < 4 * draw["radius"]


def test_pushing_carries_an_edge_outward() -> None:
    x = np.indices((40, 40, 40))[0]
    image = np.where(x > 24, 2, 1).astype(np.float32)
    brain = np.ones(image.shape, bool)
    lesion = EFFECTS["focal_lesion"]
    draw = lesion.draw(np.random.default_rng(0), 1, brain, (2.0, 2.0, 2.0))
    draw |= {"centre": [20.0, 20.0, 20.0], "radius": 10.0, "push": 0.3, "change": 0.0}
    after, _ = lesion.apply(image, brain, (2.0, 2.0, 2.0), draw)
    # The edge lay 10 mm from the centre; 10 * 0.3 mm are 1.5 voxels.
    assert after[25, 20, 20] == pytest.approx(1, abs=0.05)
    assert after[27, 20, 20] == pytest.approx(2, abs=0.05)
    assert image[25, 20, 20] == 2


def test_a_cavity_is_dark_and_its_volume_grows_with_severity(phantom: Scan) -> None:
    assert mean_change("cavity", phantom, "t1") < -50
    small, large = (np.count_nonzero(made("cavity", phantom, s)[1]) for s in (1, 3))
    assert 2 < large / small < 4


def test_gibbs_keeps_only_the_middle_of_k_space(phantom: Scan) -> None:
    after, _, _ = made("gibbs", phantom)
    spectrum = np.fft.fft(after, axis=1)
    outer = np.abs(np.fft.fftfreq(48)) > 0.5 * 4 / (4 + 2) + 0.01  # 6 mm instead of 4
    assert np.abs(spectrum[:, outer]).max() < 1e-3 * np.abs(spectrum).max()


def test_folding_brings_what_lay_outside_to_the_other_side(phantom: Scan) -> None:
    after, _, draw = made("folding", phantom)
    first, count = draw["first"], draw["count"]
    expected = phantom.image[:, first] + phantom.image[:, first + count]
    np.testing.assert_allclose(after[:, first], expected, rtol=1e-6)
    assert (after[:, :first] == 0).all()
    assert (after[:, first + count :] == 0).all()


def test_blur_is_as_wide_in_mm_on_every_axis() -> None:
    image = np.zeros((41, 41, 41), np.float32)
    image[20, 20, 20] = 1
    spacing = (1.0, 2.0, 3.0)
    after, _ = EFFECTS["blur"].apply(
        image, np.ones_like(image, bool), spacing, {"severity": 1.0, "sigma": 4.0}
    )
    for axis, size in enumerate(spacing):
        profile = after.sum(axis=tuple(a for a in range(3) if a != axis))
        sigma = size * np.sqrt((profile * (np.arange(41) - 20) ** 2).sum() / profile.sum())
        assert sigma == pytest.approx(4, rel=0.02)


def test_motion_leaves_the_head_where_it_is(phantom: Scan) -> None:
    after, _, _ = made("motion", phantom)
    middles = [
        np.average(np.indices(v.shape)[1], weights=np.abs(v)) for v in (phantom.image, after)
    ]
    assert abs(middles[0] - middles[1]) < 0.5  # voxels


def test_susceptibility_sits_at_the_underside(phantom: Scan) -> None:
    for seed in range(4):
        _, truth, _ = made("susceptibility", phantom, seed=seed)
        height = np.argwhere(truth)[:, 2].mean()
        assert height < np.argwhere(phantom.brain)[:, 2].mean()


def test_missing_slices_at_more_severity_hold_those_at_less(phantom: Scan) -> None:
    few, many = (set(made("missing_slices", phantom, s)[2]["slices"]) for s in (1, 4))
    assert few < many


# Refusals


@pytest.mark.parametrize("severity", [float("nan"), -1, 1e9, float("inf"), "much", None])
def test_a_severity_out_of_range_is_refused(severity: Any, phantom: Scan) -> None:
    with pytest.raises(ValueError, match=r"severity .* cannot be used: give a number from 0"):
        EFFECTS["spike"].draw(np.random.default_rng(0), severity, phantom.brain, SPACING)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("spik", "'spike'"),
        ("Bias-Field", "'bias_field'"),
        ("lesion", "'focal_lesion'"),
        ("chunk", "'top_chunk'"),
        ("qqq", "one of top_chunk, middle_chunk"),
    ],
)
def test_an_unknown_effect_is_refused_with_the_nearest_names(word: str, meant: str) -> None:
    with pytest.raises(ValueError, match="there is no effect") as said:
        effect_named(word)
    assert meant in str(said.value)
