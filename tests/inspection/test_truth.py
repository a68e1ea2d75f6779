"""A truth comes onto its scan whole, from any grid of its space, or is refused in a sentence."""

import json

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.inspection.truth import Truth, TruthError, load_truth, truth_from_array

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.2, -0.1, 0.3) @ np.diag([-1.9, 2.3, 6.1]), (93.3, -77.7, -71.1)
)


@pytest.fixture(scope="module")
def scan(phantom, tmp_path_factory):
    """The phantom in a file that states its space."""
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    nib.save(_image(phantom.image, phantom.affine), path)
    return itm.load_scan(path)


@pytest.fixture
def lesion(scan):
    return scan.image > 600


def _image(voxels, affine, code=1):
    image = nib.Nifti1Image(voxels, affine)
    image.set_qform(affine, code)
    image.set_sform(affine, code)
    return image


def _ball(shape, affine, centre=(25, 35, 20), radius=14.0):
    """A ball in mm of the world, on any grid."""
    place = nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))
    return np.linalg.norm(place - centre, axis=-1) < radius


def _load(tmp_path, scan, voxels, affine=None, code=1):
    affine = scan.affine if affine is None else affine
    voxels = voxels.astype(np.uint8) if voxels.dtype == bool else voxels
    nib.save(_image(voxels, affine, code), tmp_path / "truth.nii.gz")
    return load_truth(tmp_path / "truth.nii.gz", scan)


def test_labels_on_the_scans_own_grid_come_as_they_are(scan, lesion, tmp_path):
    truth = _load(tmp_path, scan, lesion)
    assert isinstance(truth, Truth)
    np.testing.assert_array_equal(truth.mask, lesion)
    assert (truth.name, truth.kind, truth.notes) == ("truth", "voxels", ())
    assert truth.path == tmp_path / "truth.nii.gz"


def test_all_labels_above_0_are_truth_and_are_named(scan, lesion, tmp_path):
    labels = lesion.astype(np.int16)
    labels[lesion & (scan.image > 720)] = 4
    labels[0, 0, 0] = -1
    truth = _load(tmp_path, scan, labels)
    np.testing.assert_array_equal(truth.mask, lesion)
    assert truth.notes == (
        f"{truth.path} has the labels 1 and 4: all of them are taken as truth.",
        f"{truth.path} has labels below 0: they are not taken as truth.",
    )


def test_labels_of_another_grid_lie_where_itk_puts_them(scan, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    ball = _ball((70, 60, 30), OBLIQUE)
    truth = _load(tmp_path, scan, ball, OBLIQUE, code=2)
    theirs = sitk.Resample(
        sitk.ReadImage(str(tmp_path / "truth.nii.gz")),
        sitk.ReadImage(str(scan.path)),
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
    )
    np.testing.assert_array_equal(truth.mask, sitk.GetArrayFromImage(theirs).T > 0)
    assert truth.mask.any()
    became = (
        f"{ball.sum() * 1.9 * 2.3 * 6.1 / 1000:.3g} ml became {truth.mask.sum() * 0.064:.3g} ml."
    )
    about = "resampled from 1.9 x 2.3 x 6.1 mm, each voxel taking the nearest label: "
    assert truth.notes == (about + became,)


def test_the_same_voxels_in_another_order_come_back_exactly(scan, lesion, tmp_path):
    turned = nib.Nifti1Image(lesion.astype(np.uint8), scan.affine)
    turned = turned.as_reoriented(nib.orientations.axcodes2ornt("PIR"))
    nib.save(nib.MGHImage(np.asarray(turned.dataobj), turned.affine), tmp_path / "t.mgz")
    truth = load_truth(tmp_path / "t.mgz", scan)
    np.testing.assert_array_equal(truth.mask, lesion)
    assert truth.name == "t"


def test_labels_at_the_edge_of_their_volume_keep_their_last_half_voxel(scan):
    affine = scan.affine @ np.diag([4, 4, 4, 1])
    affine[:3, 3] = scan.affine[:3, 3] + 6  # the centre of voxel 0 is that of voxels 0 to 3
    truth = truth_from_array(np.ones((2, 2, 2)), scan, affine=affine)
    assert np.argwhere(truth.mask).min(0).tolist() == [0, 0, 0]
    assert np.argwhere(truth.mask).max(0).tolist() == [7, 7, 7]


def test_what_lies_outside_the_scan_is_cut_off_and_said(scan, tmp_path):
    ball = _ball((30, 30, 30), scan.affine, centre=(-78, -30, 0))
    affine = scan.affine.copy()
    truth = _load(tmp_path, scan, np.pad(ball, ((9, 0), (0, 0), (0, 0)), "reflect"), affine)
    assert truth.mask.any()
    affine[0, 3] -= 36
    truth = _load(tmp_path, scan, np.pad(ball, ((9, 0), (0, 0), (0, 0)), "reflect"), affine)
    assert any("% of it lies outside the volume of scan." in note for note in truth.notes)


def _shifted(scan, mm):
    affine = scan.affine.copy()
    affine[:3, 3] += mm
    return affine


def test_spaces_that_do_not_meet_are_refused(scan, lesion, tmp_path):
    with pytest.raises(TruthError, match=r"truth\.nii\.gz lies nowhere on scan: they share no sp"):
        _load(tmp_path, scan, lesion, _shifted(scan, (400, 0, 0)))
    with pytest.raises(TruthError, match=r"all of .*truth\.nii\.gz lies outside the volume of sc"):
        _load(tmp_path, scan, lesion, _shifted(scan, (-150, 0, 0)))
    with pytest.raises(TruthError, match=r"states MNI space, scan scanner space: register the one"):
        _load(tmp_path, scan, lesion, _shifted(scan, (8, 0, 0)), code=4)


def test_on_the_same_grid_the_name_of_the_space_does_not_matter(scan, lesion, tmp_path):
    np.testing.assert_array_equal(_load(tmp_path, scan, lesion, code=4).mask, lesion)


def test_without_a_stated_space_only_the_scans_own_grid_is_taken(scan, lesion, tmp_path):
    with pytest.raises(TruthError, match=r"truth\.nii\.gz states neither sform nor qform, so noth"):
        _load(tmp_path, scan, lesion, code=0)
    silent = nib.Nifti1Image(scan.image, None)
    silent.header.set_zooms((4, 4, 4))
    nib.save(silent, tmp_path / "silent.nii.gz")
    with pytest.warns(UserWarning, match="states neither qform nor sform"):
        other = itm.load_scan(tmp_path / "silent.nii.gz")
    with pytest.raises(TruthError, match=r"silent\.nii\.gz states neither sform nor qform"):
        _load(tmp_path, other, lesion, scan.affine)
    np.testing.assert_array_equal(_load(tmp_path, other, lesion, code=0).mask, lesion)


def test_a_lesion_too_small_for_the_scans_voxels_is_not_lost_in_silence(scan, tmp_path):
    fine = np.zeros((5, 5, 5), bool)
    fine[1, 1, 1] = True
    affine = np.diag([0.5, 0.5, 0.5, 1.0])
    affine[:3, 3] = scan.affine[:3, 3] + 80
    with pytest.raises(TruthError, match="marks so little that no voxel of scan is nearest to it"):
        _load(tmp_path, scan, fine, affine)


def test_an_empty_truth_is_a_truth(scan, tmp_path):
    empty = np.zeros(scan.image.shape, bool)
    for truth in (
        _load(tmp_path, scan, empty),
        _load(tmp_path, scan, empty, _shifted(scan, (8, 0, 0))),
        _load(tmp_path, scan, np.full(scan.image.shape, np.nan)),
    ):
        assert not truth.mask.any()
        assert truth.notes[-1] == "it is empty: everything that is found counts as a false alarm."


def test_nan_is_no_truth_and_counted(scan, lesion, tmp_path):
    labels = lesion.astype(np.float32)
    labels[0, 0, :5] = (np.nan, np.inf, -np.inf, np.nan, np.nan)
    truth = _load(tmp_path, scan, labels)
    np.testing.assert_array_equal(truth.mask, lesion)
    assert truth.notes == (f"{truth.path} has 5 voxels that are NaN or infinite: none is truth.",)


def test_shares_are_cut_at_a_half_and_an_image_is_refused(scan, lesion, tmp_path):
    shares = np.where(lesion, 0.7, 0.3).astype(np.float32)
    truth = _load(tmp_path, scan, shares)
    np.testing.assert_array_equal(truth.mask, lesion)
    assert "holds shares between 0 and 1, no labels: above 0.5 is" in truth.notes[0]
    with pytest.raises(TruthError, match=r"holds values from 0 to .* so it is an image rather"):
        _load(tmp_path, scan, scan.image / 7)


def test_labels_that_were_stored_scaled_are_still_whole(scan, lesion, tmp_path):
    truth = _load(tmp_path, scan, np.where(lesion, 1.0000305, 0).astype(np.float32))
    np.testing.assert_array_equal(truth.mask, lesion)
    assert truth.notes == ()


def test_a_truth_that_does_not_look_like_one_is_questioned(scan, tmp_path):
    air = np.zeros(scan.image.shape, bool)
    air[:3, :3, :3] = True
    note = "no voxel of it lies in the brain of scan: does it belong to this scan?"
    assert _load(tmp_path, scan, air).notes == (note,)
    assert _load(tmp_path, scan, scan.brain).notes == (
        "it covers 100 % of the brain: is it a lesion's mask?",
    )
    half = (scan.brain & (scan.image > 600)) | air
    assert _load(tmp_path, scan, half).notes[0].endswith("where nothing is found.")
    with pytest.raises(TruthError, match="is above 0 in the whole volume"):
        _load(tmp_path, scan, np.ones(scan.image.shape, bool))


def test_files_that_are_no_truth_are_refused_by_name(scan, lesion, tmp_path):
    with pytest.raises(TruthError, match=r"none\.nii\.gz does not exist"):
        load_truth(tmp_path / "none.nii.gz", scan)
    with pytest.raises(TruthError, match="holds several volumes"):
        _load(tmp_path, scan, np.stack([lesion, lesion], -1))
    with pytest.raises(TruthError, match="single slice"):
        _load(tmp_path, scan, lesion[:, :, :1])


def test_a_layers_labels_need_the_scans_shape_or_an_affine(scan, lesion):
    np.testing.assert_array_equal(truth_from_array(lesion[..., None], scan).mask, lesion)
    cut, affine = lesion[2:, :, 1:], scan.affine.copy()
    affine[:3, 3] += (8, 0, 4)
    truth = truth_from_array(cut, scan, affine=affine, name="Labels")
    np.testing.assert_array_equal(truth.mask, lesion)
    assert (truth.name, truth.path) == ("Labels", None)
    with pytest.raises(TruthError, match=r"Labels has the shape \(38, 48, 41\), scan \(40, 48, 42"):
        truth_from_array(cut, scan, name="Labels")
    with pytest.raises(TruthError, match=r"shape \(40, 48\), which is no volume"):
        truth_from_array(lesion[:, :, 0], scan)
    with pytest.raises(TruthError, match="holds complex128, not labels"):
        truth_from_array(lesion.astype(complex), scan)
    with pytest.raises(TruthError, match="an affine that places no voxels"):
        truth_from_array(lesion, scan, affine=np.zeros((4, 4)))


def test_a_truth_does_not_change_with_the_layer_it_came_from(scan, lesion):
    truth = truth_from_array(lesion, scan)
    lesion[:] = False
    assert truth.mask.any()


CORNERS = ["x0", "y0", "z0", "x1", "y1", "z1"]
IN_MM = [f"{name}_mm" for name in CORNERS]


def _boxes(tmp_path, scan, content, name="boxes.json"):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load_truth(tmp_path / name, scan)


def test_boxes_in_voxels_mm_and_novas_columns_are_the_same_truth(scan, tmp_path):
    low, high = np.array([20, 22, 18]), np.array([24, 30, 19])
    wanted = np.zeros(scan.image.shape, bool)
    wanted[20:25, 22:31, 18:20] = True
    corners = [int(n) for n in (*low, *high)]
    in_mm = [float(n) for n in (*(scan.affine[:3, 3] + 4 * high), *(scan.affine[:3, 3] + 4 * low))]
    nova = {"x": [20, 20], "y": [22, 22], "width": [5, 5], "height": [9, 9], "slice": [18, 19]}
    deep = {"x": 20, "y": 22, "z": 18, "width": 5, "height": 9, "depth": 2}
    for content in (
        [dict(zip(CORNERS, corners, strict=True), label="tumour")],
        {"boxes": [dict(zip(IN_MM, in_mm, strict=True))]},
        {"bbox_gold": nova},
        deep,
    ):
        truth = _boxes(tmp_path, scan, content)
        np.testing.assert_array_equal(truth.mask, wanted)
        assert truth.kind == "boxes"
        assert "filled: a mask that follows the lesion itself cannot reach" in truth.notes[0]
    table = ";".join(CORNERS) + "\n" + ";".join(map(str, corners)) + "\n"
    np.testing.assert_array_equal(_boxes(tmp_path, scan, table, "b.csv").mask, wanted)


def test_a_box_in_mm_follows_the_world_where_the_scan_lies_oblique(scan, tmp_path):
    shape = (70, 60, 30)
    image = np.ones(shape, np.float32)
    oblique = itm.Scan(image=image, brain=image > 0, affine=OBLIQUE)
    low, high = (0.6, 0.3, 0.0), (9.0, 11.8, 22.9)  # mm; no centre lies on a face
    truth = _boxes(tmp_path, oblique, [dict(zip(IN_MM, (*low, *high), strict=True))])
    place = nib.affines.apply_affine(OBLIQUE, np.moveaxis(np.indices(shape), 0, -1))
    np.testing.assert_array_equal(truth.mask, ((place >= low) & (place <= high)).all(-1))


def test_boxes_beyond_the_scan_are_cut_named_or_refused(scan, tmp_path):
    over = dict(zip(CORNERS, (35, 40, 40, 99, 99, 99), strict=True))
    away = dict(zip(CORNERS, (50, 50, 50, 60, 60, 60), strict=True))
    truth = _boxes(tmp_path, scan, [over, away])
    assert truth.mask.sum() == 5 * 8 * 2
    assert "of boxes.json, box 2 holds no voxel of scan." in truth.notes
    with pytest.raises(TruthError, match=r"no box of .*boxes\.json holds a voxel of scan"):
        _boxes(tmp_path, scan, [away])
    assert not _boxes(tmp_path, scan, []).mask.any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([{"x": 1, "y": 2}], r"box 1 of .* lacks its corners: name them x0"),
        ([{"x": 1, "y": 2, "width": 3, "height": 4}], r"box 1 of .* is flat and names no slice"),
        (
            [{"x": 1, "y": 2, "z": 3, "width": 0, "height": 4}],
            r"box 1 of .* has a side of 0: give sides above 0",
        ),
        (
            [dict.fromkeys(CORNERS, 3), dict.fromkeys(CORNERS, "three")],
            r"box 2 of .* has x0 = 'three': give a finite number",
        ),
        ({"x": [1, 2], "y": [1]}, "columns of unequal length"),
        ([[1, 2, 3, 4, 5, 6]], "is no list of boxes"),
        ("{", r"boxes\.json cannot be read"),
    ],
)
def test_boxes_that_cannot_be_understood_are_refused_by_number(content, reason, scan, tmp_path):
    with pytest.raises(TruthError, match=reason):
        _boxes(tmp_path, scan, content)


def test_a_missing_file_of_boxes_is_named(scan, tmp_path):
    with pytest.raises(TruthError, match=r"b\.csv does not exist"):
        load_truth(tmp_path / "b.csv", scan)
