"""A run taken up from an earlier one, from a drawn mask or within bounds, is one like any other."""

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.lending import search_problem
from napari_itermask.run import Recorder

pytestmark = pytest.mark.filterwarnings(
    "ignore:the tangent's fit was", "ignore:the curve's slope never"
)


@pytest.fixture
def scan(scan_file):
    return itm.load_scan(scan_file)


@pytest.fixture
def lender(scan, small_model):
    return itm.refine(scan, small_model)


def numbers(run):
    """A record without what no two runs share: when it was made and how long it took."""
    record = run.record.model_dump(exclude={"created", "seconds"})
    return record | {"passes": [{**p, "seconds": 0} for p in record["passes"]]}


def front(scan):
    """The front half of the volume."""
    mask = np.zeros(scan.image.shape, bool)
    mask[:, scan.image.shape[1] // 2 :] = True
    return mask


def lesion(scan):
    return scan.image > 600


@pytest.mark.parametrize(
    "changes",
    [
        {"manual_threshold": 0.3},
        {"threshold_rule": "tangent", "gamma": 0.01, "start_mask": "best_threshold_mask"},
    ],
)
def test_a_run_after_another_is_that_of_a_fresh_one(scan, small_model, lender, changes, tmp_path):
    settings = small_model.card.settings.replace(**changes)
    seen = []
    run = itm.refine(scan, small_model, settings, lambda s: seen.append(s.phase), after=lender)
    fresh = itm.refine(scan, small_model, settings)
    assert set(seen) == {"refine"}
    assert numbers(run) == numbers(fresh)
    for name in ("mask", "reconstruction", "error"):
        np.testing.assert_array_equal(getattr(run, name), getattr(fresh, name))
    assert len(run.passes) == len(fresh.passes)
    np.testing.assert_array_equal(run.passes.mask(70), fresh.passes.mask(70))
    run.save(tmp_path / "out")
    np.testing.assert_array_equal(itm.replay(tmp_path / "out").mask, run.mask)


def test_a_calibrated_threshold_is_read_from_the_search_that_is_lent(scan, small_model, lender):
    card = small_model.card
    assert lender.search.calibrated is None
    from napari_itermask.method import Calibration

    model = itm.Model(
        card.model_copy(update={"calibration": Calibration(factor=3, percentile=50)}),
        small_model.weights,
    )
    first = itm.refine(scan, model)
    assert first.record.calibrated == first.search.calibrated > 0
    settings = card.settings.replace(threshold_rule="calibrated")
    run = itm.refine(scan, model, settings, after=first)
    assert run.threshold == first.search.calibrated
    np.testing.assert_array_equal(run.mask, itm.refine(scan, model, settings).mask)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 1}, "its seed was 0"),
        ({"cutoff": 0.05}, "its guide had another cutoff"),
        ({"sign": "brighter"}, "it thresholded another error map"),
    ],
)
def test_a_search_of_other_settings_is_refused(scan, small_model, lender, changes, words):
    settings = small_model.card.settings.replace(**changes)
    with pytest.raises(ValueError, match=f"cannot be taken over, {words}.*: make a new one"):
        itm.refine(scan, small_model, settings, after=lender)
    assert words in search_problem(lender, scan, small_model, settings)


def test_a_search_of_another_scan_model_or_none_is_refused(scan, small_model, lender, phantom):
    other = itm.Scan(image=phantom.image + phantom.brain, brain=phantom.brain, affine=scan.affine)
    with pytest.raises(ValueError, match="it refined another scan"):
        itm.refine(other, small_model, after=lender)
    card = small_model.card.model_copy(update={"normalisation": "zscore"})
    with pytest.raises(ValueError, match="it used another model"):
        itm.refine(scan, itm.Model(card, small_model.weights), after=lender)
    with pytest.raises(ValueError, match=r"it ran on cpu in .* and this one runs on cpu in plain"):
        itm.refine(scan, small_model, after=lender, precision="plain")
    without = itm.refine(scan, small_model, search=False)
    with pytest.raises(ValueError, match="it holds no finished search"):
        itm.refine(scan, small_model, after=without)


def test_a_search_of_the_same_scan_and_model_opened_again_is_taken(scan_file, small_model, lender):
    model = itm.load_model(small_model.weights.parent)
    run = itm.refine(itm.load_scan(scan_file), model, after=lender)
    np.testing.assert_array_equal(run.mask, lender.mask)


def test_new_settings_in_mid_search_begin_again_so_that_the_search_can_be_lent(scan, small_model):
    base = small_model.card.settings
    phases = []

    def steer(step):
        phases.append(step.index)
        return base.replace(sign="brighter") if len(phases) == 30 else None

    run = itm.refine(scan, small_model, base, steer)
    assert phases[30] == 0
    assert run.record.changes == ()
    assert search_problem(run, scan, small_model, base.replace(sign="brighter")) == ""


def test_a_run_that_begins_again_forgets_what_came_before(scan, small_model):
    recorder = Recorder(scan, small_model, maps_budget=1 << 20)
    steps = recorder.steps()
    for _ in range(5):
        next(steps)
    before = recorder.kept
    step = steps.send(small_model.card.settings.replace(seed=5))
    steps.close()
    assert step.index == 0
    assert len(recorder.kept) == len(recorder.passes) == 1
    assert recorder.kept is not before
    assert recorder.finish().settings.seed == 5


def test_a_rule_that_needs_a_search_begins_again_with_one(scan, small_model):
    base = small_model.card.settings

    def steer(step):
        return base.replace(threshold_rule="tangent") if step.phase == "refine" else None

    run = itm.refine(scan, small_model, base, steer, search=False)
    fresh = itm.refine(scan, small_model, base.replace(threshold_rule="tangent"), search=False)
    np.testing.assert_array_equal(run.error, fresh.error)
    assert run.search is not None


def test_another_model_object_on_the_same_device_is_made_ready_once(small_model):
    first = small_model.reconstructor("cpu")
    assert small_model.reconstructor("cpu") is first
    assert small_model.reconstructor("cpu", first.precision) is first
    assert small_model.reconstructor("cpu", "plain") is not first


def test_a_start_in_the_scans_voxels_is_brought_to_the_grid(scan, small_model):
    run = itm.refine(scan, small_model, start=lesion(scan), search=False)
    assert run.start.shape == run.on_grid.brain.shape
    np.testing.assert_array_equal(run.start, run.on_grid.placement.mask_to_grid(lesion(scan)))
    np.testing.assert_array_equal(run.passes.masked(0), run.start & run.on_grid.brain)
    again = itm.refine(scan, small_model, start=run.start, search=False)
    np.testing.assert_array_equal(again.error, run.error)


def test_where_both_have_one_shape_the_scan_is_meant_unless_said(phantom, small_model):
    cut = np.s_[4:36, 8:40, 5:37]
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    scan = itm.Scan(image=phantom.image[cut], brain=phantom.brain[cut], affine=affine)
    mask = scan.image > 600
    recorder = Recorder(scan, small_model, start=mask)
    assert recorder.on_grid.placement.shape == mask.shape
    np.testing.assert_array_equal(recorder.start, recorder.on_grid.placement.mask_to_grid(mask))
    np.testing.assert_array_equal(
        Recorder(scan, small_model, start=mask, masks_on="grid").start, mask
    )


def test_a_mask_of_neither_shape_is_refused_in_words(scan, small_model):
    with pytest.raises(ValueError, match=r"within must be a bool mask of the shape .*\(scan\)"):
        Recorder(scan, small_model, within=np.ones((3, 3, 3), bool))
    with pytest.raises(ValueError, match="start must be a bool mask"):
        Recorder(scan, small_model, start=lesion(scan).astype(np.uint8))
    with pytest.raises(ValueError, match="within has no voxel in the brain: draw it on the brain"):
        Recorder(scan, small_model, within=~scan.brain)


def test_within_bounds_nothing_outside_is_found(scan, small_model):
    run = itm.refine(scan, small_model, within=front(scan), search=False)
    assert run.mask.any()
    outside = ~run.within & run.on_grid.brain
    assert not any(run.passes.mask(i)[outside].any() for i in range(len(run.passes)))


def test_a_start_and_bounds_lie_beside_the_run_and_replay_bit_for_bit(scan, small_model, tmp_path):
    run = itm.refine(scan, small_model, start=lesion(scan), within=front(scan))
    run.save(tmp_path / "out")
    for name in ("start", "within"):
        image = nib.load(tmp_path / "out" / f"{name}.nii.gz")
        assert image.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(np.asarray(image.dataobj) > 0, getattr(run, name))
        np.testing.assert_allclose(image.affine, run.on_grid.placement.affine)
        assert getattr(run.record, name).path == f"{name}.nii.gz"
    again = itm.replay(tmp_path / "out")
    np.testing.assert_array_equal(again.mask, run.mask)
    np.testing.assert_array_equal(again.error, run.error)
    again.save(tmp_path / "again")
    np.testing.assert_array_equal(itm.replay(tmp_path / "again" / "run.json").mask, run.mask)
    assert numbers(again) == numbers(run)
    with pytest.raises(itm.RunError, match="give the folder that it was saved in"):
        itm.replay(run.record)
    (tmp_path / "out" / "start.nii.gz").unlink()
    with pytest.raises(itm.RunError, match=r"start\.nii\.gz is gone"):
        itm.replay(tmp_path / "out")


def test_a_brain_mask_from_memory_lies_beside_the_run_too(scan_file, small_model, tmp_path):
    scan = itm.load_scan(scan_file)
    brain = scan.brain & ~lesion(scan)
    drawn = itm.Scan(
        image=scan.image, brain=brain, affine=scan.affine, header=scan.header, path=scan.path
    )
    run = itm.refine(drawn, small_model, search=False)
    run.save(tmp_path / "out")
    again = itm.replay(tmp_path / "out")
    np.testing.assert_array_equal(again.scan.brain, brain)
    np.testing.assert_array_equal(again.error, run.error)


def test_the_window_is_told_instead_of_warned(scan, small_model):
    told = []
    settings = itm.RefineSettings(cutoff=0.04, gamma=900)
    itm.refine(scan, small_model, settings, tell=told.append)
    assert any("the guide is cut at 0.04" in note for note in told)
    assert any("the curve's slope never exceeds" in note for note in told)


def test_a_warning_points_at_the_callers_line(scan, small_model):
    settings = small_model.card.settings.replace(cutoff=0.04)
    with pytest.warns(UserWarning, match="the guide is cut at") as warned:
        itm.refine(scan, small_model, settings, search=False)
    assert warned[0].filename == __file__
