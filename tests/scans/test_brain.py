"""Is the brain of a stripped scan found whatever its background is, and a skull noticed?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_itermask import Scan, ScanError, load_scan
from napari_itermask.scans.brain import find_brain

VOXEL_ML = 4**3 / 1000  # of the phantom


def head(phantom: Scan, air: NDArray[Any] | float, scale: float = 1.25) -> NDArray[np.float32]:
    """The phantom's brain in a head ``scale`` times as wide: fluid, skull and scalp around it."""
    pad = 12
    image, brain = np.pad(phantom.image, pad), np.pad(phantom.brain, pad)
    affine = phantom.affine.copy()
    affine[:3, 3] -= pad * 4
    place = np.moveaxis(np.indices(image.shape), 0, -1) * 4 + affine[:3, 3]
    outer = ((place / (scale * np.array([60, 80, 60]))) ** 2).sum(-1) < 1
    texture = np.random.default_rng(1).normal(250, 40, image.shape)
    return np.where(brain, image, np.where(outer, texture, air)).astype(np.float32)


def test_with_background_0_the_brain_is_what_is_left(phantom: Scan) -> None:
    found = find_brain(phantom.image, VOXEL_ML)
    np.testing.assert_array_equal(found.mask, phantom.brain)
    assert (found.background, found.problem) == (0, "")


def test_a_brain_may_have_negative_values_around_a_background_of_0(phantom: Scan) -> None:
    inside = phantom.image[phantom.brain]
    image = np.where(phantom.brain, (phantom.image - inside.mean()) / inside.std(), 0)
    image[phantom.brain & (image == 0)] = 0.01
    found = find_brain(image.astype(np.float32), VOXEL_ML)
    assert (image < 0).sum() > 1000
    np.testing.assert_array_equal(found.mask, phantom.brain)
    assert found.background == 0


def test_the_background_may_be_the_minimum_far_below_0(phantom: Scan) -> None:
    inside = phantom.image[phantom.brain]
    image = ((phantom.image - inside.mean()) / inside.std()).astype(np.float32)
    image[~phantom.brain] = -3.6
    image[tuple(np.argwhere(phantom.brain)[5000])] = 0
    found = find_brain(image, VOXEL_ML)
    np.testing.assert_array_equal(found.mask, phantom.brain)
    assert found.background == np.float32(-3.6)


def test_the_background_may_be_the_brightest_value(phantom: Scan) -> None:
    image = np.where(phantom.brain, phantom.image, 4095).astype(np.float32)
    np.testing.assert_array_equal(find_brain(image, VOXEL_ML).mask, phantom.brain)


def test_zeros_inside_the_brain_are_brain(phantom: Scan) -> None:
    image = phantom.image.copy()
    image[18:22, 20:24, 20:24] = 0  # a ventricle that came out black
    image[20, 12, 20] = 0
    np.testing.assert_array_equal(find_brain(image, VOXEL_ML).mask, phantom.brain)


def test_specks_outside_the_brain_are_dropped(phantom: Scan) -> None:
    image = phantom.image.copy()
    image[1:4, 1:4, 1:4] = 300  # an eye that a stripper left
    image[38, 46, 40] = 5
    image[0, 0, 0] = 9
    np.testing.assert_array_equal(find_brain(image, VOXEL_ML).mask, phantom.brain)


def test_a_volume_cut_close_around_the_brain_is_fine(phantom: Scan) -> None:
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(phantom.brain))
    found = find_brain(phantom.image[box], VOXEL_ML)
    np.testing.assert_array_equal(found.mask, phantom.brain[box])
    assert found.problem == ""


@pytest.mark.parametrize("sigma", [0.5, 1.0, 8.0])
@pytest.mark.parametrize("whole", [True, False])
def test_a_head_in_noisy_air_is_no_stripped_brain(sigma: float, whole: bool, phantom: Scan) -> None:
    air = np.abs(np.random.default_rng(2).normal(0, sigma, (64, 72, 66)))
    found = find_brain(head(phantom, np.rint(air) if whole else air), VOXEL_ML)
    assert found.problem


def test_a_head_in_air_of_one_value_is_too_large_for_a_brain(phantom: Scan) -> None:
    found = find_brain(head(phantom, 0), VOXEL_ML)
    assert "measures 23" in found.problem
    assert "ml, more than a brain does" in found.problem


def test_a_scan_with_nothing_in_it_shows_no_brain(tmp_path: Path, phantom: Scan) -> None:
    image = np.zeros_like(phantom.image)
    image[0, :, :] = 1  # fills one face; the other five are 0, and all that is not is one slice
    found = find_brain(np.zeros_like(image), VOXEL_ML)
    assert not found.mask.any()
    nib.save(nib.Nifti1Image(image, phantom.affine), tmp_path / "s.nii.gz")
    with pytest.raises(ScanError, match=r"s.nii.gz shows one single value, 1"):
        load_scan(tmp_path / "s.nii.gz")


@pytest.mark.parametrize("case", ["0001", "0004", "0005"])
def test_on_real_gliomas_the_mask_that_comes_with_them_is_found(case: str, cases: Path) -> None:
    folder = cases / f"glioma-brats2013-{case}"
    scan = load_scan(folder / "flair.nii.gz")
    given = load_scan(folder / "flair.nii.gz", folder / "brainmask.nii.gz")
    assert np.count_nonzero(scan.brain ^ given.brain) <= 2
    assert scan.background == given.background < -3


@pytest.mark.parametrize(
    ("file", "background", "low", "high"),
    [
        ("ms-19/flair.nii.gz", 0, 1050, 1150),
        ("healthy-nfb-a00028185/t1.nii.gz", 0, 1250, 1400),
        ("glioma-tcga-du-7294/t2.nii.gz", 0, 1200, 1300),
    ],
)
def test_real_brains_are_found_at_a_plausible_size(
    file: str, background: float, low: float, high: float, cases: Path
) -> None:
    scan = load_scan(cases / file)
    assert low < scan.brain.sum() * scan.voxel_ml < high
    assert scan.background == background
    if file.startswith("ms"):
        assert (scan.image[scan.brain] < 0).sum() > 1000


def test_a_real_head_is_refused_with_both_ways_out(cases: Path) -> None:
    with pytest.raises(ScanError) as refused:
        load_scan(cases / "healthy-head-flair" / "flair.nii.gz")
    for words in ("does not look skull-stripped", "--brain-mask FILE", "--strip hd-bet"):
        assert words in str(refused.value)
