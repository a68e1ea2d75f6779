"""One engine behind every door: the same mask from Python, the shell and run.json, in any space."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

import napari_itermask as itm
from napari_itermask.cli import app
from napari_itermask.method.scores import overlap
from napari_itermask.run import Recorder
from napari_itermask.scans.files import load_mask
from napari_itermask.synthetic.patient import sample_files


@pytest.fixture(scope="module")
def model():
    return itm.load_model("flair-2mm")


@pytest.fixture(scope="module")
def scan():
    return itm.load_scan(sample_files().flair)


@pytest.fixture(scope="module")
def run(scan, model):
    """The sample, refined with the card's settings, without the search."""
    return itm.refine(scan, model, search=False)


def test_the_sample_patients_lesions_are_found(run, scan):
    truth = load_mask(sample_files().lesion, scan)
    assert overlap(run.mask, truth).dice > 0.6
    assert run.reconstruction[truth].mean() < scan.image[truth].mean()


def test_results_lie_on_the_scans_own_voxels(run, scan, tmp_path):
    run.save(tmp_path / "out")
    source = nib.load(scan.path)
    for name in ("mask", "reconstruction", "error"):
        image = nib.load(tmp_path / "out" / f"{name}.nii.gz")
        assert image.shape == source.shape
        np.testing.assert_array_equal(image.affine, source.affine)
        for code in ("qform_code", "sform_code", "xyzt_units"):
            assert image.header[code] == source.header[code]
    assert run.mask.dtype == bool
    assert not run.mask[~scan.brain].any()
    assert (run.reconstruction[~scan.brain] == scan.background).all()


def test_python_the_shell_and_replay_give_the_same_mask_bit_for_bit(run, tmp_path):
    again = itm.refine(
        itm.load_scan(sample_files().flair), itm.load_model("flair-2mm"), search=False
    )
    np.testing.assert_array_equal(again.mask, run.mask)
    np.testing.assert_array_equal(again.error, run.error)

    out = tmp_path / "shell"
    done = CliRunner().invoke(
        app, ["refine", str(sample_files().flair), "--no-search", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    shell = itm.load_run(out)
    np.testing.assert_array_equal(shell.mask, run.mask)
    assert json.loads(done.stdout)["threshold"] == run.threshold

    np.testing.assert_array_equal(itm.replay(out / "run.json").mask, run.mask)


@pytest.mark.filterwarnings("ignore:the tangent's fit was", "ignore:the curve's slope never")
def test_a_full_run_as_published_replays_too(scan, small_model, tmp_path):
    settings = itm.RefineSettings(gamma=0.01, seed=3)
    run = itm.refine(scan, small_model, settings)
    assert len(run.curve.thresholds) == 100
    run.save(tmp_path / "out")
    again = itm.replay(tmp_path / "out")
    np.testing.assert_array_equal(again.mask, run.mask)
    assert again.record.curve == run.record.curve
    assert again.settings == settings


def test_another_seed_is_another_run(scan, model, run):
    other = itm.refine(scan, model, model.card.settings.replace(seed=1), search=False)
    assert not np.array_equal(other.error, run.error)
    assert overlap(other.mask, run.mask).dice > 0.9


def rewritten(tmp_path: Path, code: str) -> Path:
    """The sample with its axes in another order and direction: the same brain in the same place."""
    image = nib.load(sample_files().flair)
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(image.affine), nib.orientations.axcodes2ornt(code)
    )
    nib.save(image.as_reoriented(turn), tmp_path / f"{code}.nii.gz")
    return tmp_path / f"{code}.nii.gz"


@pytest.mark.parametrize("code", ["LPS", "PIR", "ASL", "SRA"])
def test_permuted_and_flipped_axes_give_the_same_mask_in_their_own_space(
    run, model, tmp_path, code
):
    path = rewritten(tmp_path, code)
    turned = itm.refine(itm.load_scan(path), model, search=False)
    expected = nib.Nifti1Image(run.mask.astype(np.uint8), run.affine)
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(run.affine), nib.orientations.axcodes2ornt(code)
    )
    expected = np.asarray(expected.as_reoriented(turn).dataobj) > 0
    assert overlap(turned.mask, expected).dice >= 0.97


def test_an_oblique_scan_gives_the_same_mask_in_its_own_space(run, scan, model, tmp_path):
    from nibabel.processing import resample_from_to
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial.transform import Rotation

    image = nib.load(sample_files().flair)
    oblique = np.eye(4)
    oblique[:3, :3] = Rotation.from_euler("xyz", [8, -6, 10], degrees=True).as_matrix() * 2
    shape = np.array(image.shape) + 24
    middle = image.affine @ [*(np.array(image.shape) / 2), 1]
    oblique[:3, 3] = middle[:3] - oblique[:3, :3] @ (shape / 2)
    target = (tuple(int(n) for n in shape), oblique)
    # As a scanner would have seen it: the rim is not mixed with the background of a stripped file.
    nearest = distance_transform_edt(~scan.brain, return_distances=False, return_indices=True)
    filled = nib.Nifti1Image(scan.image[tuple(nearest)], image.affine)
    inside = nib.Nifti1Image(scan.brain.astype(np.float32), image.affine)
    voxels = np.asarray(resample_from_to(filled, target, order=3, mode="nearest").dataobj)
    voxels = voxels * (np.asarray(resample_from_to(inside, target, order=1).dataobj) > 0.5)
    nib.save(nib.Nifti1Image(voxels.astype(np.float32), oblique), tmp_path / "oblique.nii.gz")
    turned = itm.refine(itm.load_scan(tmp_path / "oblique.nii.gz"), model, search=False)
    flat = nib.Nifti1Image(run.mask.astype(np.float32), run.affine)
    expected = np.asarray(resample_from_to(flat, target, order=1).dataobj) > 0.5
    assert overlap(turned.mask, expected).dice >= 0.9


def test_thick_slices_give_a_mask_in_their_own_space(model, tmp_path):
    image = nib.load(sample_files().flair)
    voxels = np.asarray(image.dataobj, np.float32)
    thick = voxels.reshape(84, 104, 42, 2).mean(-1)[..., :40].reshape(84, 104, 20, 2).mean(-1)
    affine = image.affine @ np.diag([1, 1, 4, 1])
    affine[:3, 3] += image.affine[:3, 2] * 1.5
    nib.save(nib.Nifti1Image(thick, affine), tmp_path / "thick.nii.gz")
    with pytest.warns(UserWarning, match="slices 8 mm thick"):
        scan = itm.load_scan(tmp_path / "thick.nii.gz")
    run = itm.refine(scan, model, search=False)
    assert run.mask.shape == thick.shape
    assert run.mask.any()


def test_settings_sent_in_mid_run_are_recorded_and_replayed(scan, small_model, tmp_path):
    base = small_model.card.settings

    def steer(step):
        return base.replace(manual_threshold=0.3) if step.index == 0 else None

    run = itm.refine(scan, small_model, base, steer, search=False)
    assert run.threshold == 0.3
    assert [c.index for c in run.record.changes] == [0]
    run.save(tmp_path / "out")
    np.testing.assert_array_equal(itm.replay(tmp_path / "out").mask, run.mask)


def test_a_new_cutoff_makes_a_new_guide_and_begins_again(scan, small_model):
    base = small_model.card.settings
    phases = []

    def steer(step):
        phases.append(step.index)
        return base.replace(cutoff=0.04) if len(phases) == 1 else None

    with pytest.warns(UserWarning, match="the guide is cut at 0.04"):
        run = itm.refine(scan, small_model, base, steer, search=False)
    assert phases[:2] == [0, 0]
    assert run.settings.cutoff == 0.04
    assert len(run.record.passes) == len(phases) - 1


def test_a_run_may_end_at_any_step_and_replays_up_to_it(small_model, tmp_path):
    path = tmp_path / "scan.nii.gz"
    shutil.copy(sample_files().flair, path)
    recorder = Recorder(itm.load_scan(path), small_model)
    steps = recorder.steps()
    for _ in range(7):
        step = next(steps)
    steps.close()
    run = recorder.finish()
    assert run.record.passes[-1].index == step.index == 6
    assert len(run.passes) == 7
    assert not run.record.complete
    run.save(tmp_path / "out")
    again = itm.replay(tmp_path / "out")
    assert again.record.passes[-1].index == 6
    np.testing.assert_array_equal(again.mask, run.mask)


def test_any_callable_can_be_explored(scan):
    def blank(masked, guide):
        return np.zeros_like(masked)

    settings = itm.RefineSettings(threshold_rule="manual", manual_threshold=4)
    run = itm.refine(scan, blank, settings, search=False)
    assert run.card.name == "blank"
    brain = scan.image[scan.brain]
    expected = scan.brain & (np.abs(scan.image - brain.mean()) > 2 * brain.std())
    assert overlap(run.mask, expected).dice > 0.99


def test_a_saved_run_loads_as_it_was(run, tmp_path):
    run.save(tmp_path / "out", passes=True)
    loaded = itm.load_run(tmp_path / "out" / "run.json")
    np.testing.assert_array_equal(loaded.mask, run.mask)
    np.testing.assert_array_equal(loaded.reconstruction, run.reconstruction)
    assert loaded.record == run.record
    assert loaded.mask_ml == pytest.approx(run.mask_ml)
    np.testing.assert_array_equal(loaded.passes.mask(-1), run.last.mask)
    loaded.save(tmp_path / "copy")
    np.testing.assert_array_equal(itm.load_run(tmp_path / "copy").mask, run.mask)


def test_what_is_there_is_not_replaced_unless_asked(run, tmp_path):
    run.save(tmp_path)
    with pytest.raises(FileExistsError, match="holds results already"):
        run.save(tmp_path)
    run.save(tmp_path, overwrite=True, passes=True)
    assert itm.load_run(tmp_path).passes
    run.save(tmp_path, overwrite=True)
    assert not itm.load_run(tmp_path).passes  # of the run that was replaced nothing is left


def test_a_run_that_fails_to_save_is_no_run_and_leaves_no_scraps(run, tmp_path, monkeypatch):
    real, calls = nib.save, []

    def fails_at_the_second(image, path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(image, path)

    monkeypatch.setattr(nib, "save", fails_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        run.save(tmp_path / "out")
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["mask.nii.gz"]
    with pytest.raises(itm.RunError, match="is not a run"):
        itm.load_run(tmp_path / "out")


def test_a_moved_scan_is_asked_for_and_a_changed_one_refused(small_model, tmp_path):
    path = tmp_path / "scan.nii.gz"
    shutil.copy(sample_files().flair, path)
    run = itm.refine(itm.load_scan(path), small_model, search=False)
    run.save(tmp_path / "out")
    path.rename(tmp_path / "moved.nii.gz")
    with pytest.raises(itm.RunError, match=r"scan\.nii\.gz is gone"):
        itm.replay(tmp_path / "out")
    again = itm.replay(tmp_path / "out", scan=tmp_path / "moved.nii.gz")
    np.testing.assert_array_equal(again.mask, run.mask)
    with pytest.raises(itm.RunError, match="no longer the file that was refined"):
        itm.replay(tmp_path / "out", scan=sample_files().lesion)


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is not the record of a run"), ("{}", "Field required"), ('{"created": 1}', "created")],
)
def test_a_record_that_is_none_is_refused_in_words(tmp_path, content, words):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(itm.RunError, match=words):
        itm.load_run(tmp_path)
