"""A voxel's story gives the numbers of each pass, and says when and why it left or stayed."""

import csv
import gc
import json
import weakref

import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.engine import card_of_callable
from napari_itermask.inspection.compared import compare
from napari_itermask.inspection.replayed import Replayed, replayed
from napari_itermask.inspection.story import region_story, story
from napari_itermask.method.threshold import Calibration
from napari_itermask.prepare import prepare

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)

SHAPE = (16, 16, 16)
BRAIN = np.zeros(SHAPE, bool)
BRAIN[3:13, 3:13, 3:13] = True
HERE, THERE, EDGE = (7, 7, 7), (7, 7, 9), (3, 7, 7)


@pytest.fixture(scope="module")
def scan():
    image = np.where(BRAIN, np.random.default_rng(0).normal(100, 10, SHAPE), 0)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    return itm.Scan(image.astype(np.float32), BRAIN, affine)


def run_of(
    scan,
    passes,
    *,
    darker=False,
    calibration=None,
    start=None,
    within=None,
    keep="maps",
    **changes,
):
    """A run with the errors of a script: one dict a pass, of some voxels; all others show 0."""
    shown = iter(passes)

    def scripted(masked, guide):
        difference = np.zeros(SHAPE, np.float32)
        for voxel, error in next(shown).items():
            difference[voxel] = np.sqrt(error) * (-1 if darker else 1)
        return grid.image - difference

    settings = itm.RefineSettings(threshold_rule="manual", max_passes=len(passes), min_change=1e-6)
    settings = settings.replace(**changes)
    card = card_of_callable(scripted, scan).model_copy(update={"calibration": calibration})
    grid = prepare(scan, card, settings)
    assert grid.image.shape == SHAPE  # the scan's own voxels, so that a script can name them
    more = {"card": card, "keep": keep, "start": start, "within": within}
    return itm.refine(scan, scripted, settings, search=False, **more)


def script(*errors, at=HERE):
    """Passes in which ``at`` shows ``errors``; a slab elsewhere shrinks, lest the run ends."""
    slab = [(x, y, 12) for x in range(3, 13) for y in (10, 11, 12)]
    return [{**dict.fromkeys(slab[: 30 - 2 * i], 4.0), at: error} for i, error in enumerate(errors)]


def drawn(*voxels):
    mask = np.zeros(SHAPE, bool)
    for voxel in voxels:
        mask[voxel] = True
    return mask


def test_a_voxel_that_stays_is_told_with_its_lowest_error(scan):
    told = story(run_of(scan, script(5.0, 2.0, 3.0)), HERE)
    assert told.outcome == "stayed"
    np.testing.assert_allclose(told.error, [5, 2, 3], rtol=1e-3)
    assert told.threshold.tolist() == [1, 1, 1]
    assert told.masked.tolist() == told.stays.tolist() == [1, 1, 1]
    assert told.sentence == (
        "It stayed masked through all 3 passes: its error stayed above the threshold (2 at its "
        "lowest, in pass 2, against 1), and in pass 3 it is larger than that of 97 % of the brain."
    )


def test_a_voxel_that_leaves_is_told_with_what_its_neighbours_showed(scan):
    passes = script(5.0, 0.5, 0.25)
    # Eight of its 26 neighbours are still hidden in the second pass.
    passes[0] |= {(6, y, z): 3.0 for y in (6, 7, 8) for z in (6, 7, 8) if (y, z) != (6, 6)}
    told = story(run_of(scan, passes), HERE)
    assert told.outcome == "left"
    np.testing.assert_allclose(told.shown, [0, 18 / 26, 1])
    assert told.sentence == (
        "It left in pass 2: its error 0.5 fell under the threshold 1 while 69 % of its neighbours "
        "were shown."
    )
    early = story(run_of(scan, script(0.5, 0.5)), HERE)
    assert early.sentence == (
        "It left in pass 1: its error 0.5 fell under the threshold 1 while none of its neighbours "
        "was shown, so it was repainted well from the start."
    )


def test_a_voxel_that_comes_back_is_told_so_unless_the_mask_may_only_shrink(scan):
    passes = script(5.0, 0.5, 3.0, 4.0)
    told = story(run_of(scan, passes), HERE)
    assert told.outcome == "came back"
    assert told.sentence == (
        "It left in pass 2: its error 0.5 fell under the threshold 1 while all of its neighbours "
        "were shown; came back in pass 3: its error 3 rose above the threshold 1; stayed to the "
        "end."
    )
    kept = story(run_of(scan, passes, only_shrink=True), HERE)
    assert kept.outcome == "left"
    assert kept.sentence.endswith(
        "rose above the threshold again in pass 3 (3), but the mask may only shrink."
    )


def test_many_changes_are_counted_rather_than_told(scan):
    told = story(run_of(scan, script(0.5, 5, 0.5, 5, 0.5, 5)), HERE)
    assert told.sentence.count(" in pass ") == 4
    assert "; changed 2 times more; came back in pass 6: " in told.sentence


def test_a_piece_that_was_too_small_is_told_so(scan):
    told = story(run_of(scan, script(5.0, 4.0), min_volume=0.5), HERE)
    assert told.outcome == "removed"
    assert told.sentence == (
        "It was removed in pass 2, the last: its error 4 was above the threshold 1, but its piece "
        "was smaller than 0.5 ml."
    )


def test_what_the_settings_leave_out_is_told(scan):
    rim = story(run_of(scan, script(9.0, 9.0, at=EDGE), rim=4.0), EDGE)
    assert rim.outcome == "rim"
    assert rim.error.tolist() == [0, 0]
    assert "lying in the brain's rim of 4 mm, which the score leaves out," in rim.sentence
    inner = (4, 7, 7)
    assert story(run_of(scan, script(9.0, 9.0, at=inner), rim=4.0), inner).outcome == "stayed"
    darker = story(run_of(scan, script(9.0, 9.0), darker=True, sign="brighter"), HERE)
    assert darker.outcome == "left"
    assert "being darker than its repaint where only brighter counts," in darker.sentence
    dim = story(run_of(scan, script(9.0, 9.0), sign="brighter", intensity_floor=10.0), HERE)
    assert "being darker than the intensity floor of 10," in dim.sentence


def test_what_was_never_hidden_is_told(scan):
    start = drawn(THERE, *((x, y, 12) for x in range(3, 13) for y in (10, 11, 12)))
    lacks = story(run_of(scan, script(0.5, 0.5), start=start), HERE)
    assert lacks.outcome == "never masked"
    assert lacks.sentence == (
        "It was never hidden: the run began from a drawn mask, which lacks it, and its error never "
        "rose above the threshold."
    )
    bound = story(run_of(scan, script(9.0, 9.0), within=start), HERE)
    assert bound.sentence == "It was never hidden: the run was restricted to a region without it."
    late = story(run_of(scan, script(0.5, 9.0), start=start), HERE)
    assert late.outcome == "came back"
    assert late.sentence.startswith("It was not hidden at first (the run began from a drawn mask);")


def test_a_first_pass_that_only_read_the_threshold_is_told(scan):
    calibration = Calibration(factor=0.25, mirror=False)  # a quarter of the median error above 0
    slab = drawn(*((x, y, 12) for x in range(3, 13) for y in (10, 11, 12)))
    more = {"threshold_rule": "calibrated", "calibration": calibration}
    begun = story(run_of(scan, script(4.0, 0.5), start=slab, **more), HERE)
    assert begun.threshold.tolist() == [1, 1]
    assert begun.sentence == (
        "It left in pass 1, which only read the threshold: a drawn mask lacks it."
    )
    bound = story(run_of(scan, script(4.0, 4.0), within=slab, **more), HERE)
    assert bound.sentence == (
        "It left in pass 1, which only read the threshold: the drawn region lacks it; rose above "
        "the threshold again in pass 2 (4), but the run was restricted to a region without it."
    )


def test_what_is_not_brain_has_no_story_and_beside_the_scan_is_refused(scan):
    run = run_of(scan, script(5.0, 5.0))
    told = story(run, (0, 0, 0))
    assert told.outcome == "outside"
    assert (
        told.sentence == "It lies outside the brain, where nothing is hidden and no error counts."
    )
    json.dumps(told.as_json(), allow_nan=False)
    for beside in ((16, 0, 0), (-1, 3, 3), (1, 2)):
        with pytest.raises(ValueError, match=r"lies outside the scan of \(16, 16, 16\) voxels"):
            story(run, beside)


def test_values_are_the_scans_own(scan):
    run = run_of(scan, script(5.0, 2.0))
    told = story(run, HERE)
    assert told.image == pytest.approx(scan.image[HERE], rel=1e-4)
    spread = scan.image[BRAIN].std()  # which z-scores are measured by
    np.testing.assert_allclose(told.image - told.repaint, np.sqrt([5, 2]) * spread, rtol=0.01)
    assert told.guide == run.on_grid.guide[HERE]
    assert told.place == (28.0, 28.0, 28.0)
    final = run.last.error[BRAIN]
    assert told.rank[-1] == np.mean(final < run.last.error[HERE])


def test_a_regions_story_is_the_mean_of_its_voxels(scan):
    passes = script(5.0, 0.5, 0.5)
    for step, error in zip(passes, (6.0, 2.0, 3.0), strict=True):
        step[THERE] = error
    run = run_of(scan, passes)
    both = region_story(run, drawn(HERE, THERE, (0, 0, 0)))
    each = [story(run, at) for at in (HERE, THERE)]
    for name in ("error", "masked", "stays", "rank", "repaint"):
        mean = np.mean([getattr(s, name) for s in each], axis=0)
        np.testing.assert_allclose(getattr(both, name), mean)
    assert both.voxels == 2
    assert both.sentence == (
        "50 % of the region stayed masked; 50 % left in pass 2; its mean error went from 5.5 to "
        "1.75 (threshold 1 in the last pass)."
    )
    with pytest.raises(ValueError, match="the region has no voxel in the brain"):
        region_story(run, drawn((0, 0, 0)))
    with pytest.raises(ValueError, match="a region is a bool mask of the scan's shape"):
        region_story(run, np.ones((3, 3, 3), bool))


def test_two_stories_are_set_side_by_side(scan):
    passes = script(5.0, 0.5, 0.25)
    for step in passes:
        step[THERE] = 2.0
    run = run_of(scan, passes)
    pair = compare(story(run, HERE), story(run, THERE))
    assert pair.sentence == (
        "Voxel 7, 7, 7 left in pass 2; voxel 7, 7, 9 stayed masked. Measured by the threshold, the "
        "first one's error is the larger in 1 of 3 passes; in the last that both have it is 0.25 "
        "times the threshold, the other's 2 times."
    )
    np.testing.assert_allclose(pair.pair("error"), [[5, 2], [0.5, 2], [0.25, 2]], rtol=1e-3)
    shorter = compare(story(run, HERE), story(run_of(scan, script(5.0, 3.0)), HERE))
    assert shorter.at.tolist() == [[0, 0], [1, 1]]
    json.dumps(pair.as_json(), allow_nan=False)


@pytest.fixture(scope="module")
def phantom_runs(phantom, small_model):
    """The same run twice: with the maps of all its passes, and with none."""
    settings = small_model.card.settings.replace(smoothing=6.0, sign="brighter", seed=3)
    return [itm.refine(phantom, small_model, settings, keep=keep) for keep in ("maps", "masks")]


VOXEL = (26, 31, 22)  # in the lesion


def test_errors_and_masks_agree_in_every_pass(phantom_runs):
    run = phantom_runs[0]
    for voxel in (VOXEL, (20, 24, 20), (12, 30, 25)):
        told = story(run, voxel)
        decided = slice(0, len(told.passes) - 1)  # the last pass also drops what is small
        np.testing.assert_array_equal(
            told.error[decided] > told.threshold[decided].astype(np.float32),
            told.stays[decided] == 1,
        )


def test_passes_that_were_not_kept_are_made_again_bit_for_bit(phantom_runs):
    kept, bare = (story(run, VOXEL, replay="all") for run in phantom_runs)
    assert len(kept.passes) == 102
    for name in ("error", "rank", "repaint", "masked", "shown"):
        np.testing.assert_array_equal(getattr(bare, name), getattr(kept, name))
    assert bare.sentence == kept.sentence
    assert bare.notes == ()


def test_only_what_is_asked_for_is_made_again_once_for_all_voxels(phantom, phantom_runs):
    lender = phantom_runs[1]
    run = itm.refine(phantom, lender.model, lender.settings, after=lender)
    seen = []
    none = story(run, VOXEL, replay="nothing", on_pass=lambda *n: seen.append(n))
    assert np.isnan(none.error).all()
    assert not none.complete
    assert "was not kept" in none.sentence
    assert none.as_json()["passes"][0]["error"] is None
    stopped = story(run, VOXEL, stop=lambda: len(seen) == 1, on_pass=lambda *n: seen.append(n))
    assert seen == [(1, 2)]
    assert np.isfinite(stopped.error).sum() == 1
    first = story(run, VOXEL, on_pass=lambda *n: seen.append(n))
    assert seen == [(1, 2), (1, 1)]
    assert first.complete
    assert np.isnan(first.error[:100]).all()
    story(run, (20, 24, 20), on_pass=lambda *n: seen.append(n))
    assert len(seen) == 2


def test_maps_made_again_take_no_more_than_their_budget_and_go_with_the_run(phantom_runs):
    run = phantom_runs[1]
    one = 4 * np.count_nonzero(run.on_grid.brain)
    held = Replayed(run, budget=one)
    for _ in range(2):
        given = dict(held.each(range(100, 102), range(100, 102)))
        assert held.bytes_in_memory == one
        for position, maps in given.items():
            np.testing.assert_array_equal(maps, phantom_runs[0].passes.maps(position))
    passing = itm.refine(run.scan, run.model, run.settings, search=False)
    gone = weakref.ref(replayed(passing))
    assert replayed(passing) is gone()
    del passing
    gc.collect()
    assert gone() is None


@pytest.fixture
def saved(scan_file, small_model, tmp_path):
    itm.refine(itm.load_scan(scan_file), small_model, search=False).save(
        tmp_path / "run", passes=True
    )
    return tmp_path / "run"


def test_a_loaded_run_says_what_it_lacks(saved, scan_file):
    scan = itm.load_scan(scan_file)
    told = story(itm.load_run(saved, scan), VOXEL)
    assert told.complete
    with pytest.raises(ValueError, match="this run was loaded without its scan: load it with"):
        story(itm.load_run(saved), VOXEL)
    (saved / "passes.npz").unlink()
    with pytest.raises(ValueError, match="saved without the masks of its passes: make it again"):
        story(itm.load_run(saved, scan), VOXEL)


def test_without_its_model_a_run_still_tells_what_its_masks_show(saved, scan_file):
    record = (saved / "run.json").read_text()
    (saved / "run.json").write_text(record.replace("model.safetensors", "gone.safetensors"))
    told = story(itm.load_run(saved, itm.load_scan(scan_file)), VOXEL)
    assert np.isnan(told.error).all()
    assert told.masked[0] == 1
    assert len(told.notes) == 1
    assert told.notes[0].startswith("Its error was not kept and cannot be made again: ")


def test_a_story_is_written_whole(scan, tmp_path):
    told = story(run_of(scan, script(5.0, 0.5), keep="masks"), HERE, replay="nothing")
    with told.save_csv(tmp_path / "story.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["masked"] for row in rows] == ["1.0", "1.0"]
    assert rows[0]["error"] == ""
    assert float(rows[1]["image"]) == told.image
    plain = json.loads(told.save_json(tmp_path / "story.json").read_text())
    assert plain == told.as_json()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["story.csv", "story.json"]
