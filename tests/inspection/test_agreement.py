"""A run's scores are those of SimpleITK and scikit-learn; what is not defined is named, not NaN."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import ndimage
from sklearn import metrics

import napari_itermask as itm
from napari_itermask.inspection.agreement import COLUMNS, Agreement, agreement, mask_scores

SPACING = (0.9, 1.2, 3.3)


@pytest.fixture(scope="module")
def run(phantom, small_model):
    return itm.refine(phantom, small_model, search=False)


@pytest.fixture(scope="module")
def lesion(phantom):
    return phantom.image > 600


@pytest.fixture(scope="module")
def found(run, phantom, lesion):
    """The run as if it had found most of the lesion and some more, by an error map with ties."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(size=lesion.shape), 1.5)
    error = np.round((lesion + 1.5 * noise / noise.std()) ** 2, 2) * phantom.brain
    mask = (error > 4) & phantom.brain
    return replace(run, error=error.astype(np.float32), mask=mask)


def _pairs():
    """Masks of chance, one that touches the edges of the volume, one voxel, a solid and a shell."""
    rng = np.random.default_rng(1)
    shape = (31, 26, 17)
    one, two = (ndimage.gaussian_filter(rng.normal(size=shape), 1.5) > 0.12 for _ in range(2))
    edge, point, ball = np.zeros((3, *shape), bool)
    edge[:9, 20:, 4:] = True
    point[17, 3, 5] = True
    ball[8:20, 8:20, 3:12] = True
    shell = ball & ~ndimage.binary_erosion(ball, iterations=2)
    pairs = {"chance": (one, two), "edge": (edge, two), "point": (point, edge)}
    return pairs | {"inside": (shell, ball), "same": (ball, ball), "apart": (edge, ball & ~two)}


@pytest.mark.parametrize("name", _pairs())
def test_overlap_is_that_of_scikit_learn_and_of_itk(name):
    mask, truth = _pairs()[name]
    ours = mask_scores(mask, truth, SPACING)
    flat = truth.ravel(), mask.ravel()
    assert ours.dice == pytest.approx(metrics.f1_score(*flat), abs=1e-6)
    assert ours.iou == pytest.approx(metrics.jaccard_score(*flat), abs=1e-6)
    assert ours.sensitivity == pytest.approx(metrics.recall_score(*flat), abs=1e-6)
    assert ours.precision == pytest.approx(metrics.precision_score(*flat), abs=1e-6)
    assert ours.mask_ml == pytest.approx(mask.sum() * np.prod(SPACING) / 1000, abs=1e-6)
    sitk = pytest.importorskip("SimpleITK")
    theirs = sitk.LabelOverlapMeasuresImageFilter()
    theirs.Execute(_itk(sitk, mask), _itk(sitk, truth))
    assert ours.dice == pytest.approx(theirs.GetDiceCoefficient(), abs=1e-6)
    assert ours.iou == pytest.approx(theirs.GetJaccardCoefficient(), abs=1e-6)
    assert ours.sensitivity == pytest.approx(1 - theirs.GetFalseNegativeError(), abs=1e-6)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING])
@pytest.mark.parametrize("name", _pairs())
def test_distances_are_those_of_itk(name, spacing):
    sitk = pytest.importorskip("SimpleITK")
    mask, truth = _pairs()[name]
    ours = mask_scores(mask, truth, spacing)
    assert ours.assd_mm == pytest.approx(_surface_distance(sitk, mask, truth, spacing), abs=1e-3)
    theirs = sitk.HausdorffDistanceImageFilter()
    theirs.Execute(_itk(sitk, mask, spacing), _itk(sitk, truth, spacing))
    wanted = theirs.GetAverageHausdorffDistance()
    assert ours.average_hausdorff_mm == pytest.approx(wanted, abs=1e-6)


def _itk(sitk, mask, spacing=SPACING):
    image = sitk.GetImageFromArray(mask.T.astype(np.uint8))
    image.SetSpacing(spacing)
    return image


def _surface_distance(sitk, mask, truth, spacing):
    """With ITK's own surfaces and distances; padded, since ITK leaves the volume's edge open."""
    edges = [
        sitk.BinaryContour(sitk.ConstantPad(_itk(sitk, m, spacing), (1,) * 3, (1,) * 3))
        for m in (mask, truth)
    ]
    gaps = []
    for own, other in (edges, edges[::-1]):
        far = sitk.SignedMaurerDistanceMap(other, squaredDistance=False, useImageSpacing=True)
        inside = sitk.GetArrayFromImage(own) > 0
        gaps.append(np.maximum(sitk.GetArrayFromImage(far)[inside], 0))
    return np.concatenate(gaps).mean()


def test_the_ranking_of_the_brains_voxels_is_that_of_scikit_learn(found, lesion, phantom):
    met = agreement(found, lesion)
    real, error = lesion[phantom.brain], found.error[phantom.brain]
    assert len(np.unique(error)) < error.size / 10  # ties are many
    assert met.voxel_auroc == pytest.approx(metrics.roc_auc_score(real, error), abs=1e-6)
    wanted = metrics.average_precision_score(real, error)
    assert met.voxel_auprc == pytest.approx(wanted, abs=1e-6)


def test_the_oracle_is_the_best_of_all_cuts_and_stands_beside_the_own_mask(found, lesion, phantom):
    met = agreement(found, lesion)
    cuts = np.unique(found.error[phantom.brain])
    best = max(mask_scores((found.error > c) & phantom.brain, lesion).dice for c in cuts[::25])
    assert met.oracle.dice >= best
    cut = (found.error > met.oracle_threshold) & phantom.brain
    spacing = (4.0, 4.0, 4.0)
    assert met.oracle == mask_scores(cut, lesion, spacing)
    assert met.own == mask_scores(found.mask, lesion, spacing)
    assert met.own.dice < met.oracle.dice
    assert met.notes == ()


def test_the_psnr_of_the_healthy_part_is_that_of_its_mean_squared_error(found, lesion, phantom):
    healthy = phantom.brain & ~lesion
    image, repaint = (v[healthy].astype(float) for v in (phantom.image, found.reconstruction))
    wanted = 10 * np.log10(image.max() ** 2 / metrics.mean_squared_error(image, repaint))
    assert agreement(found, lesion).psnr_healthy == pytest.approx(wanted, abs=1e-6)
    raised = replace(phantom, image=phantom.image - 1000, background=-1000.0)
    lower = replace(found, scan=raised, reconstruction=found.reconstruction - 1000)
    assert agreement(lower, lesion).psnr_healthy == pytest.approx(wanted, abs=1e-3)


def test_the_table_shows_each_score_under_its_name_with_its_unit(found, lesion):
    met = agreement(found, lesion)
    rows = {name: (unit, own, oracle) for name, unit, own, oracle in met.table()}
    assert COLUMNS == ("own mask", "oracle threshold")
    assert rows["Dice"] == ("", met.own.dice, met.oracle.dice)
    assert rows["average symmetric surface distance"][:2] == ("mm", met.own.assd_mm)
    assert rows["average Hausdorff distance (ITK)"][2] == met.oracle.average_hausdorff_mm
    assert rows["truth volume"] == ("ml", met.truth_ml, met.truth_ml)
    assert rows["threshold"] == ("", found.threshold, met.oracle_threshold)
    assert met.truth_ml == pytest.approx(lesion.sum() * 0.064)
    assert met.own.mask_ml == pytest.approx(found.mask_ml)


def _plain(met: Agreement):
    """Strict JSON knows no NaN and no infinity: what it takes has none."""
    return json.loads(json.dumps(met.as_json(), allow_nan=False))


def test_an_empty_truth_and_an_empty_mask_give_named_results(found, lesion):
    none = np.zeros_like(lesion)
    blank = replace(found, mask=none)
    neither = agreement(blank, none)
    assert asdict(neither.own) == dict.fromkeys(asdict(neither.own)) | {"mask_ml": 0.0}
    assert neither.notes[0].startswith("the mask and the truth are both empty: they agree")

    healthy = agreement(found, none)
    assert (healthy.own.dice, healthy.own.precision, healthy.own.sensitivity) == (0, 0, None)
    assert (healthy.oracle, healthy.oracle_threshold, healthy.voxel_auroc) == (None, None, None)
    assert healthy.psnr_healthy > 0
    assert healthy.notes[0].startswith("the truth is empty: all that is masked is a false alarm")

    missed = agreement(blank, lesion)
    assert (missed.own.dice, missed.own.sensitivity, missed.own.precision) == (0, 0, None)
    assert (missed.own.assd_mm, missed.own.average_hausdorff_mm) == (None, None)
    assert missed.oracle.dice > 0
    assert len(missed.notes) == 1
    assert missed.notes[0].startswith("the mask is empty: the whole truth was missed")
    for met in (neither, healthy, missed):
        assert _plain(met)["own"]["dice"] == met.own.dice
        assert len(met.table()) == 12


def test_a_truth_that_the_brain_lacks_or_that_fills_it_gives_named_results(found, phantom):
    beside = agreement(found, ~phantom.brain)
    assert (beside.own.dice, beside.oracle, beside.voxel_auprc) == (0, None, None)
    assert beside.notes == (
        "no truth lies in the brain: there is no oracle and no ranking of its voxels.",
    )
    whole = agreement(found, phantom.brain)
    assert (whole.voxel_auroc, whole.psnr_healthy, whole.oracle_threshold) == (None, None, None)
    assert whole.oracle.dice == 1
    assert whole.notes == (
        "the oracle masks all of the brain: no threshold parts any of it.",
        "the truth covers the whole brain: nothing is healthy, nothing to rank.",
    )
    _plain(beside), _plain(whole)


def test_a_repaint_that_is_the_image_has_no_finite_psnr(found, lesion, phantom):
    met = agreement(replace(found, reconstruction=phantom.image), lesion)
    assert met.psnr_healthy is None
    assert "its PSNR is infinite" in met.notes[0]
    flat = replace(phantom, image=np.zeros_like(phantom.image))
    met = agreement(replace(found, scan=flat), lesion)
    assert met.psnr_healthy is None
    assert "nowhere above the background" in met.notes[0]


def test_a_run_loaded_without_its_scan_says_what_is_left_out(found, lesion, tmp_path):
    whole = agreement(found, lesion)
    found.save(tmp_path / "run")
    loaded = agreement(itm.load_run(tmp_path / "run"), lesion)
    assert loaded.own == whole.own
    assert loaded.oracle == whole.oracle
    assert loaded.oracle_threshold == whole.oracle_threshold
    assert (loaded.voxel_auroc, loaded.voxel_auprc, loaded.psnr_healthy) == (None, None, None)
    assert len(loaded.notes) == 1
    assert loaded.notes[0].startswith("the run was loaded without its scan: voxel AUROC and AUPRC")


def test_a_truth_of_another_shape_is_sent_to_where_it_is_brought_over(found, lesion):
    with pytest.raises(ValueError, match=r"\(40, 48, 41\), the run \(40, 48, 42\): load it onto"):
        agreement(found, lesion[..., 1:])
