"""The loop does what its settings say, can be steered, and never shares its arrays."""

import itertools

import numpy as np
import pytest

from napari_itermask.method import Calibration, ErrorMap, RefineSettings, drop_small, refine
from napari_itermask.method.refinement import Search

SHAPE = (20, 22, 24)
MANUAL = RefineSettings(threshold_rule="manual", manual_threshold=0.5)


@pytest.fixture
def brain():
    x, y, z = np.ogrid[-1:1:20j, -1:1:22j, -1:1:24j]
    return x**2 + y**2 + z**2 < 0.8


@pytest.fixture
def image(brain):
    """Tissue of 1, a lesion of 3, background 0."""
    out = brain.astype(np.float32)
    out[8:12, 8:12, 8:12] = 3
    return out


def healthy(masked, guide):
    """Repaints every brain as healthy, whatever it is shown."""
    return guide


@pytest.fixture
def run(image, brain):
    def start(settings=MANUAL, reconstruct=healthy, **more):
        return refine(image, brain, brain.astype(np.float32), reconstruct, settings, **more)

    return start


def test_what_is_never_repainted_well_is_what_remains(run, image):
    *_, last = run(search=False)
    assert last.phase == "refine"
    assert np.array_equal(last.mask, image == 3)
    assert last.mask_voxels == 64


def test_masked_voxels_are_hidden_behind_noise_and_the_rest_is_shown(image, brain):
    seen = []

    def watch(masked, guide):
        seen.append(masked)
        return guide

    list(refine(image, brain, brain.astype(np.float32), watch, MANUAL, search=False))
    assert not np.isclose(seen[0][brain], image[brain]).any()
    np.testing.assert_array_equal(seen[0][~brain], image[~brain])
    shown = brain & (image != 3)
    np.testing.assert_array_equal(seen[1][shown], image[shown])
    assert not np.isclose(seen[1][image == 3], 3).any()


def test_every_pass_has_noise_of_its_own_and_a_seed_gives_it_again(image, brain):
    asked = []

    def noise(k):
        asked.append(k)
        return np.zeros(SHAPE, np.float32)

    steps = list(refine(image, brain, brain.astype(np.float32), healthy, MANUAL, noise))
    assert asked == list(range(len(steps))) == [s.index for s in steps]
    assert [s.phase for s in steps][:100] == ["search"] * 100


def test_a_search_takes_a_hundred_passes_each_masking_one_percent_less(run, brain):
    def noisy(masked, guide):
        return guide + np.random.default_rng(0).normal(0, 0.1, SHAPE).astype(np.float32)

    steps = list(itertools.islice(run(reconstruct=noisy), 100))
    share = [s.mask_voxels / np.count_nonzero(brain) for s in steps]
    np.testing.assert_allclose(share, 1 - np.arange(1, 101) / 100, atol=2e-3)
    assert steps[98].search is None
    assert len(steps[99].search.thresholds) == 100
    np.testing.assert_array_equal(steps[99].search.mask(40), steps[40].mask)


def test_it_can_be_stopped_between_any_two_passes(run):
    steps = run(search=False)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_a_step_keeps_its_arrays_while_the_run_goes_on(run):
    steps = run()
    first = next(steps)
    before = [a.copy() for a in (first.masked, first.mask, first.reconstruction, first.error)]
    for _ in itertools.islice(steps, 5):
        pass
    for kept, now in zip(
        before, (first.masked, first.mask, first.reconstruction, first.error), strict=True
    ):
        np.testing.assert_array_equal(kept, now)
        with pytest.raises(ValueError, match="read-only"):
            now[0, 0, 0] = 1


def test_the_callers_brain_mask_stays_writable(run, brain):
    next(run(search=False))
    brain[0, 0, 0] = True


def test_a_new_threshold_starts_the_refinement_again_without_a_search(run):
    steps = run()
    for step in steps:
        if step.phase == "refine":
            break
    again = steps.send(MANUAL.replace(manual_threshold=1000.0))
    assert (again.phase, again.number, again.threshold) == ("refine", 1, 1000.0)
    assert again.index == step.index + 1
    assert again.mask_voxels == 0


def test_a_new_error_map_needs_a_new_search(run):
    steps = run()
    for _ in range(30):
        next(steps)
    step = steps.send(MANUAL.replace(sign="brighter"))
    assert (step.phase, step.number, step.index) == ("search", 1, 30)


def test_a_setting_that_changes_no_path_lets_the_refinement_go_on(run):
    def drifting(masked, guide):
        return guide + (masked == 0) * 0

    steps = run(reconstruct=drifting, search=False)
    next(steps)
    assert steps.send(MANUAL.replace(min_volume=1.0)).number == 2


def test_a_finished_search_is_used_again_as_if_the_run_had_made_it(run, brain):
    def noisy(masked, guide):
        return guide + masked / 20  # depends on every pass's noise

    rule = Calibration(factor=2.0, percentile=50)
    found = next(s for s in run(reconstruct=noisy, calibration=rule) if s.search).search
    for settings in (
        MANUAL.replace(manual_threshold=0.7),
        RefineSettings(threshold_rule="calibrated", start_mask="best_threshold_mask"),
    ):
        more = {"reconstruct": noisy, "calibration": rule}
        fresh = list(run(settings, **more))[100:]
        again = list(run(settings, search=found, **more))
        assert [s.index for s in again] == [s.index for s in fresh]
        assert again[0].index == 100
        for one, other in zip(fresh, again, strict=True):
            assert one.threshold == other.threshold
            np.testing.assert_array_equal(one.mask, other.mask)
            np.testing.assert_array_equal(one.error, other.error)


def test_a_search_that_does_not_hold_is_refused_in_words(run, image, brain):
    steps = list(itertools.islice(run(), 101))
    found = steps[-1].search
    with pytest.raises(ValueError, match="made without a calibration: make a new search"):
        next(
            run(
                RefineSettings(threshold_rule="calibrated"),
                search=found,
                calibration=Calibration(factor=1, percentile=50),
            )
        )
    with pytest.raises(ValueError, match="this search is not finished"):
        next(run(search=Search(brain)))
    with pytest.raises(ValueError, match="made in another brain"):
        next(refine(image, brain & (image < 3), image, healthy, MANUAL, search=found))


def test_the_refinement_may_start_from_any_mask(run, image, brain):
    start = image == 3
    start[0, 0, 0] = True  # what lies outside the brain is never masked
    first, *_ = run(search=False, start=start)
    np.testing.assert_array_equal(first.masked, start & brain)
    again = list(run(start=start))
    assert again[100].index == 100
    np.testing.assert_array_equal(again[100].masked, start & brain)
    np.testing.assert_array_equal(again[0].masked, brain)  # the search is not touched
    *_, last = run(search=False, start=np.zeros(SHAPE, bool))
    np.testing.assert_array_equal(last.mask, image == 3)  # nothing hidden, one pass looks


def test_no_mask_of_the_refinement_leaves_the_bounds(run, image, brain):
    def wrong(masked, guide):
        return guide + 2

    within = np.zeros(SHAPE, bool)
    within[:, :10] = True
    steps = list(run(within=within, reconstruct=wrong))
    assert all(not (s.masked | s.mask)[~within].any() for s in steps[100:])
    assert steps[0].masked[~within].any()  # the search is not restricted
    np.testing.assert_array_equal(steps[100].masked, brain & within)
    assert steps[-1].mask_voxels > 0
    both = next(run(search=False, start=image == 3, within=within))
    np.testing.assert_array_equal(both.masked, (image == 3) & within)


def test_bounds_hold_after_new_settings_too(run, image, brain):
    within = np.zeros(SHAPE, bool)
    within[:, :10] = True
    steps = run(search=False, within=within, start=image == 3)
    next(steps)
    again = steps.send(MANUAL.replace(manual_threshold=0.1, only_shrink=True))
    np.testing.assert_array_equal(again.masked, (image == 3) & within)
    for step in steps:
        assert not step.mask[~within].any()


def test_without_a_search_the_calibrated_scale_is_that_of_the_whole_brain(run, image, brain):
    rule = Calibration(factor=2.0, percentile=50, mirror=False)
    calibrated = RefineSettings(threshold_rule="calibrated")
    start = np.zeros(SHAPE, bool)
    start[8:12, 8:12, 8:10] = True
    free = list(run(calibrated, calibration=rule, search=False))
    steps = list(run(calibrated, calibration=rule, search=False, start=start))
    assert steps[0].threshold == free[0].threshold
    np.testing.assert_array_equal(steps[0].masked, brain)
    np.testing.assert_array_equal(steps[0].mask, start)
    np.testing.assert_array_equal(steps[1].masked, start)


@pytest.mark.parametrize("name", ["start", "within"])
def test_a_start_or_bound_that_does_not_fit_is_refused_in_words(run, name):
    with pytest.raises(ValueError, match=f"{name} must be bool and of the brain's shape"):
        next(run(**{name: np.ones((4, 4, 4), bool)}))
    corner = np.zeros(SHAPE, bool)
    corner[0, 0, 0] = True
    with pytest.raises(ValueError, match=f"{name} has no voxel in the brain: draw it"):
        next(run(**{name: corner}))


def test_a_listener_is_told_what_would_be_warned_of(run):
    told = []
    list(run(RefineSettings(gamma=0.01), tell=told.append))
    assert any("the tangent's fit was refused" in note for note in told)


@pytest.mark.parametrize(("rule", "passes"), [("code", 2), ("figure", 4)])
def test_a_mask_that_grows_stops_the_code_but_not_the_figure(image, brain, rule, passes):
    errors = iter([0, 3, 0, 0, 0])  # the second repaint is wrong everywhere, the rest is right

    def repaint(masked, guide):
        return image + np.float32(next(errors))

    settings = MANUAL.replace(stop_rule=rule)
    first = list(refine(image, brain, image, repaint, settings, search=False))
    assert len(first) == passes


def test_only_shrink_lets_no_voxel_come_back(image, brain):
    errors = iter([0.0, 3.0])

    def repaint(masked, guide):
        return image + np.float32(next(errors))

    steps = list(
        refine(image, brain, image, repaint, MANUAL.replace(only_shrink=True), search=False)
    )
    assert steps[-1].mask_voxels == 0


def test_the_number_of_passes_is_limited(image, brain):
    flip = itertools.cycle([0.0, 3.0])

    def never_settles(masked, guide):
        return image + np.float32(next(flip))

    settings = MANUAL.replace(stop_rule="figure", max_passes=5)
    steps = list(refine(image, brain, image, never_settles, settings, search=False))
    assert len(steps) <= 5


def test_small_pieces_are_dropped_from_the_result_only(run):
    settings = MANUAL.replace(min_volume=0.065)  # the lesion has 64 voxels of 1 mm
    *_, before, last = run(settings, search=False)
    assert before.mask_voxels == 64
    assert last.mask_voxels == 0
    *_, last = run(settings.replace(min_volume=0.063), search=False)
    assert last.mask_voxels == 64


def test_a_piece_is_kept_by_its_volume_in_ml():
    mask = np.zeros((10, 10, 10), bool)
    mask[0, 0, 0] = mask[5, 5, 5] = mask[6, 6, 6] = True  # the last two touch by a corner
    assert drop_small(mask, 0.016, (2, 2, 2)).sum() == 2


def test_calibrated_reads_its_scale_from_the_first_pass(run, image, brain):
    rule = Calibration(factor=2.0, percentile=50, mirror=False)
    calibrated = RefineSettings(threshold_rule="calibrated")
    *_, last = run(calibrated, calibration=rule, search=False)
    assert last.threshold == pytest.approx(2 * 4.0)  # every error above 0 is (3 - 1)^2
    with pytest.raises(ValueError, match="holds no calibration"):
        list(run(calibrated, search=False))


def test_best_threshold_mask_starts_where_the_search_was(run):
    settings = RefineSettings(start_mask="best_threshold_mask", gamma=0.01)
    with pytest.warns(UserWarning, match="fit was refused"):
        steps = list(run(settings))
    search: Search = steps[-1].search
    index = search.curve.choose(settings.gamma, settings.y_limit).index
    np.testing.assert_array_equal(steps[100].masked, search.mask(index))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"guide": np.zeros((4, 4, 4), np.float32)}, "of one shape"),
        ({"brain": np.zeros(SHAPE, bool)}, "empty"),
        ({"brain": np.ones(SHAPE, np.uint8)}, "must be bool"),
        ({"image": np.full(SHAPE, np.nan, np.float32)}, "must be finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(image, brain, change, words):
    arrays = {"image": image, "brain": brain, "guide": image} | change
    with pytest.raises(ValueError, match=words):
        next(refine(**arrays, reconstruct=healthy))


class TestErrorMap:
    def test_as_published_it_is_the_squared_difference_in_the_brain(self, image, brain):
        error = ErrorMap(image, brain)(np.zeros(SHAPE, np.float32))
        np.testing.assert_allclose(error, brain * image**2)

    def test_one_sign_counts_only_what_is_brighter_or_darker(self, image, brain):
        bright = ErrorMap(image, brain, settings=RefineSettings(sign="brighter"))
        dark = ErrorMap(image, brain, settings=RefineSettings(sign="darker"))
        twos = np.full(SHAPE, 2, np.float32)
        np.testing.assert_array_equal(bright(twos) > 0, image == 3)
        np.testing.assert_array_equal(dark(twos) > 0, brain & (image == 1))

    def test_the_rim_is_left_out_to_its_depth_in_mm(self, image, brain):
        from scipy.ndimage import distance_transform_edt

        kept = ErrorMap(image, brain, (2, 2, 2), RefineSettings(rim=5))(image - 1) > 0
        depth = distance_transform_edt(brain, sampling=(2, 2, 2))
        np.testing.assert_array_equal(kept, depth > 5)

    def test_smoothing_keeps_a_constant_difference_up_to_the_rim(self, image, brain):
        error = ErrorMap(image, brain, settings=RefineSettings(smoothing=3))(image - 2)
        np.testing.assert_allclose(error[brain], 4, rtol=1e-4)
        assert not error[~brain].any()

    def test_below_the_floor_nothing_counts(self, image, brain):
        error = ErrorMap(image, brain, settings=RefineSettings(intensity_floor=2))(image - 1)
        np.testing.assert_array_equal(error > 0, image == 3)

    def test_far_off_voxels_count_no_more_than_the_limit(self, image, brain):
        settings = RefineSettings(max_difference=0.5)
        error = ErrorMap(image, brain, settings=settings)(image + np.where(image == 3, 0.2, 40))
        np.testing.assert_allclose(error[brain & (image == 3)], 0.04, rtol=1e-5)
        np.testing.assert_allclose(error[brain & (image != 3)], 0.25, rtol=1e-5)

    def test_expected_errors_divide_and_are_asked_for(self, image, brain):
        on = RefineSettings(expected_error=True)
        twice = np.full(SHAPE, 2, np.float32)
        np.testing.assert_allclose(
            ErrorMap(image, brain, settings=on, expected=twice)(image - 4)[brain], 4
        )
        with pytest.raises(ValueError, match="carries no table of expected errors"):
            ErrorMap(image, brain, settings=on)


def test_a_bright_lesion_of_any_size_hardly_moves_the_mirrored_scale(image, brain):
    rng = np.random.default_rng(0)
    texture = np.where(brain, rng.normal(0, 1, SHAPE), 0).astype(np.float32)
    bright = RefineSettings(sign="brighter")

    def scale(lesioned, mirror):
        rule = Calibration(factor=1, percentile=85, mirror=mirror)
        return rule.scale(ErrorMap(lesioned, brain, settings=bright), np.zeros(SHAPE, np.float32))

    third = texture + 8 * (brain & (np.arange(24) < 9))
    assert scale(third, True) == pytest.approx(scale(texture, True), rel=0.1)
    assert scale(third, False) > 5 * scale(texture, False)
