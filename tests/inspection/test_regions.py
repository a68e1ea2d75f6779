"""A label map gives places their names, whatever its voxels and table; what is none is refused."""

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.inspection.region_names import DLMUSE, FREESURFER
from napari_itermask.inspection.regions import Regions, load_regions, read_names
from napari_itermask.synthetic.from_labels import FREESURFER as GROUPS
from napari_itermask.synthetic.regions import GROUPS as MUSE_GROUPS


@pytest.fixture
def labels(phantom):
    """Left and right of the phantom's brain, in FreeSurfer's numbers, a ventricle in the middle."""
    right = np.indices(phantom.brain.shape)[0] > 19
    out = np.where(right, 41, 2) * phantom.brain
    out[18:22, 20:28, 18:22] = 14
    return out.astype(np.int16)


def saved(path, labels, affine):
    nib.save(nib.Nifti1Image(labels, affine), path)
    return path


def test_a_map_in_the_scans_own_voxels_keeps_its_numbers(phantom, labels, tmp_path):
    regions = load_regions(saved(tmp_path / "aseg.nii.gz", labels, phantom.affine), phantom)
    np.testing.assert_array_equal(regions.labels, labels)
    assert regions.name_of(2) == "left cerebral white matter"
    assert regions.name_of(999) == "region 999"
    assert regions.name_of(0) is None
    assert regions.fluid & {2, 14, 41} == {14}
    assert regions.notes == ()


def test_a_map_of_finer_voxels_and_other_axes_is_laid_on_the_scan(phantom, labels, tmp_path):
    fine = labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    affine = phantom.affine @ np.diag([0.5, 0.5, 0.5, 1])
    affine[:3, 3] -= 1.0  # the corner stays where it was
    image = nib.Nifti1Image(fine, affine)
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt("PIR")
    )
    nib.save(image.as_reoriented(turn), tmp_path / "fine.nii.gz")
    regions = load_regions(tmp_path / "fine.nii.gz", phantom)
    assert (regions.labels == labels).mean() > 0.98
    assert regions.notes == (
        "fine.nii.gz was resampled from voxels of 2 x 2 x 2 mm, each to its nearest.",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.tsv", "index\tname\tabbreviation\n2\tleft half\tl\n41\tright half\tr\n"),
        ("names.csv", "Name,Label,Volume\nleft half,2,5\nright half,41,6\n"),
        ("names.csv", "id;region\n2;left half\n41;right half\n"),
        ("names.txt", "#No. Label Name: R G B A\n\n2 left_half 1 2 3 0\n41 right_half 1 2 3 0\n"),
        ("names.csv", "2,left_half\n41,right_half\n"),
    ],
)
def test_tables_of_names(tmp_path, name, text):
    table = tmp_path / name
    table.write_text(text)
    assert [n.replace("_", " ") for n in read_names(table).values()] == ["left half", "right half"]
    assert list(read_names(table)) == [2, 41]


def test_a_table_beside_the_map_is_found_and_a_given_one_comes_first(phantom, labels, tmp_path):
    file = saved(tmp_path / "sub-1_dseg.nii.gz", labels, phantom.affine)
    (tmp_path / "sub-1_dseg.tsv").write_text("index\tname\n2\tbeside\n")
    (tmp_path / "other.csv").write_text("index,name\n2,given\n")
    assert load_regions(file, phantom).name_of(2) == "beside"
    assert load_regions(file, phantom, tmp_path / "other.csv").name_of(2) == "given"
    assert load_regions(file, phantom, {2: "mapped"}).name_of(2) == "mapped"


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ((2, 41, 14), ("left cerebral white matter", "right cerebral white matter")),
        ((82, 81, 4), ("left frontal white matter", "right frontal white matter")),
        ((1, 2, 3), ("region 1", "region 2")),
    ],
)
def test_known_numberings_are_recognised(phantom, labels, tmp_path, numbers, names):
    renamed = np.select([labels == n for n in (2, 41, 14)], numbers).astype(np.int16)
    regions = load_regions(saved(tmp_path / "r.nii.gz", renamed, phantom.affine), phantom)
    assert (regions.name_of(numbers[0]), regions.name_of(numbers[1])) == names


@pytest.mark.parametrize(
    ("table", "groups"), [(FREESURFER, GROUPS), (DLMUSE, MUSE_GROUPS)], ids=["FreeSurfer", "DLMUSE"]
)
def test_the_known_names_agree_with_the_groups_that_brains_are_made_of(table, groups):
    fluid = {n for g in ("csf", "ventricles") for n in groups[g]} & set(table)
    assert fluid - {30, 62} <= Regions(np.zeros((1, 1, 1), np.int32), table).fluid
    for n in groups["hippocampus"]:
        assert "ventricle" not in table.get(n, "")
    for n in (*groups["thalamus"], *groups["putamen"]):
        assert table[n].split()[-1] in ("thalamus", "putamen")
    left = [name for name in table.values() if name.startswith("left ")]
    assert all("right " + name.removeprefix("left ") in table.values() for name in left)


def test_what_is_no_label_map_or_lies_elsewhere_is_refused(phantom, labels, tmp_path):
    half = saved(tmp_path / "half.nii.gz", labels.astype(np.float32) + 0.5, phantom.affine)
    with pytest.raises(itm.ScanError, match=r"half.nii.gz is no label map: its voxels are"):
        load_regions(half, phantom)
    away = phantom.affine.copy()
    away[:3, 3] += 500
    with pytest.raises(itm.ScanError, match=r"no region of .*away.nii.gz lies in this brain"):
        load_regions(saved(tmp_path / "away.nii.gz", labels, away), phantom)
    file = saved(tmp_path / "good.nii.gz", labels, phantom.affine)
    with pytest.raises(itm.ScanError, match=r"missing.csv cannot be read .No such file"):
        load_regions(file, phantom, tmp_path / "missing.csv")
    (tmp_path / "bad.csv").write_text("a,b\nx,y\n")
    with pytest.raises(itm.ScanError, match=r"bad.csv holds no names of regions"):
        load_regions(file, phantom, tmp_path / "bad.csv")
