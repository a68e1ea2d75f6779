"""Two results of one scan: where they differ, by how much, in words, and seen by turns."""

from dataclasses import dataclass
from itertools import pairwise

import nibabel as nib
import numpy as np
import pytest

from napari_itermask.gui.runs.compare import (
    BOTH,
    COLOURS,
    ONLY_A,
    ONLY_B,
    Flicker,
    Side,
    difference,
    load_map,
)
from napari_itermask.scans.reading import ScanError

SHAPE, AFFINE = (6, 7, 8), np.diag([2.0, 2.0, 5.0, 1.0])


def side(name, *voxels, affine=AFFINE, shape=SHAPE):
    mask = np.zeros(shape, bool)
    for voxel in voxels:
        mask[voxel] = True
    return Side(name, mask, affine, mask.astype(np.float32))


def test_each_voxel_says_whose_it_is_and_the_words_say_how_much():
    found = difference(side("run 1", (0, 0, 0), (1, 1, 1)), side("run 2", (1, 1, 1), (2, 2, 2)))
    assert found.labels[0, 0, 0] == ONLY_A
    assert found.labels[2, 2, 2] == ONLY_B
    assert found.labels[1, 1, 1] == BOTH
    assert np.count_nonzero(found.labels) == 3
    assert found.ml == pytest.approx({ONLY_A: 0.02, ONLY_B: 0.02, BOTH: 0.02})
    assert found.words == "Dice 0.500: run 1 0.04 ml, run 2 0.04 ml."
    assert found.names == {ONLY_A: "only run 1", ONLY_B: "only run 2", BOTH: "both"}


def test_two_empty_masks_are_said_to_be_empty():
    found = difference(side("run 1"), side("run 2"))
    assert found.words.startswith("Both masks are empty")
    assert np.isnan(found.dice)


@pytest.mark.parametrize(
    "other",
    [
        side("run 2", shape=(6, 7, 9)),
        side("run 2", affine=AFFINE + np.diag([0, 0, 0.5, 0])),
    ],
    ids=["shape", "place"],
)
def test_results_of_different_scans_are_refused_in_words(other):
    with pytest.raises(ValueError, match="run 1 and run 2 lie on different voxels"):
        difference(side("run 1"), other)


def test_the_colours_stay_apart_in_grey():
    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    levels = sorted(lightness(colour) for colour in COLOURS.values())
    assert min(b / a for a, b in pairwise(levels)) > 1.5


# Another method's map ---------------------------------------------------------------------------


def written(path, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


@pytest.fixture
def values():
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


def test_a_map_is_cut_at_any_threshold(values, tmp_path):
    found = load_map(written(tmp_path / "map.nii.gz", values), AFFINE, SHAPE, "scan.nii.gz")
    assert not found.is_mask
    np.testing.assert_array_equal(found.side(0.3).mask, values > 0.3)
    assert found.side(0.3).name == "map.nii.gz"
    assert np.count_nonzero(found.side(found.threshold_of_volume(17)).mask) == 17


def test_a_mask_of_labels_needs_no_threshold(values, tmp_path):
    labels = (values * 4).astype(np.uint8)
    found = load_map(written(tmp_path / "mask.nii.gz", labels), AFFINE, SHAPE, "scan.nii.gz")
    assert found.is_mask
    np.testing.assert_array_equal(found.side(0).mask, labels > 0)


@pytest.mark.parametrize("code", ["LPS", "SAR", "PIR"])
def test_a_map_whose_axes_run_otherwise_is_turned_to_the_scans(values, tmp_path, code):
    image = nib.Nifti1Image(values, AFFINE)
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(AFFINE), nib.orientations.axcodes2ornt(code)
    )
    nib.save(image.as_reoriented(turn), tmp_path / "map.nii.gz")
    found = load_map(tmp_path / "map.nii.gz", AFFINE, SHAPE, "scan.nii.gz")
    np.testing.assert_array_equal(found.values, values)


def test_what_does_not_lie_on_the_scan_is_refused_in_words(values, tmp_path):
    moved = AFFINE.copy()
    moved[0, 3] = 7
    cases = {
        "has 6 x 7 x 7 voxels, scan.nii.gz 6 x 7 x 8": (values[..., :7], AFFINE),
        r"lies elsewhere than scan.nii.gz \(their corners are up to 7 mm apart": (values, moved),
        "is 0 everywhere": (np.zeros(SHAPE, np.float32), AFFINE),
    }
    for words, (data, affine) in cases.items():
        path = written(tmp_path / "map.nii.gz", data, affine)
        with pytest.raises(ScanError, match=words):
            load_map(path, AFFINE, SHAPE, "scan.nii.gz")


# Seen by turns ----------------------------------------------------------------------------------


@dataclass
class Layer:
    visible: bool


def test_one_side_is_seen_at_a_time_and_the_end_shows_what_was_before():
    a, b, over, other = Layer(False), Layer(True), Layer(True), Layer(True)
    flicker = Flicker([a], [b], [over])
    assert (a.visible, b.visible, over.visible, other.visible) == (True, False, False, True)
    flicker.swap()
    assert (a.visible, b.visible) == (False, True)
    flicker.swap()
    assert (a.visible, b.visible) == (True, False)
    flicker.end()
    assert (a.visible, b.visible, over.visible, other.visible) == (False, True, True, True)
