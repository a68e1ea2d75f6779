"""Does the sample patient ship whole, small and true, and can it be made again?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.synthetic.patient import make_patient, sample_files

Numbers = NDArray[np.uint8]


def _load(path: Path) -> Any:  # nibabel is typed in part only
    return nibabel.load(path)


def _read(path: Path) -> Numbers:
    return np.asarray(_load(path).dataobj)


@pytest.fixture(scope="module")
def flair() -> Numbers:
    return _read(sample_files().flair)


@pytest.fixture(scope="module")
def lesion() -> Numbers:
    return _read(sample_files().lesion)


def test_the_sample_is_smaller_than_500_kb() -> None:
    assert sum(path.stat().st_size for path in sample_files()) < 500_000


def test_scan_and_truth_lie_in_the_same_2_mm_space() -> None:
    scan, truth = (_load(path) for path in sample_files())
    assert scan.shape == truth.shape
    for image in (scan, truth):
        np.testing.assert_array_equal(image.get_sform(), scan.affine)
        np.testing.assert_allclose(image.get_qform(), scan.affine, atol=1e-5)
        assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 2
        assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(scan.affine[:3, :3], 2 * np.eye(3))  # RAS


def test_the_brain_is_one_piece_of_plausible_size_away_from_the_edges(flair: Numbers) -> None:
    brain = flair > 0
    assert ndimage.label(brain)[1] == 1
    assert 1.1e6 < brain.sum() * 8 < 1.7e6  # mm3
    assert not any(np.take(brain, end, axis).any() for axis in range(3) for end in (0, -1))


def test_ventricles_are_dark_and_no_voxel_is_saturated(flair: Numbers) -> None:
    brain = flair > 0
    white = np.median(flair[brain])  # grey and white lie close in FLAIR
    deep = ndimage.distance_transform_edt(brain) * 2 > 30
    assert 0.1 < np.percentile(flair[deep], 2) / white < 0.4
    assert flair.max() < 255


def test_lesions_are_one_large_and_five_small(lesion: Numbers) -> None:
    pieces, count = ndimage.label(lesion, np.ones((3, 3, 3)))
    volumes = np.sort(np.bincount(pieces.ravel())[1:] * 8 / 1000)  # ml
    assert set(np.unique(lesion)) == {0, 1}
    assert count == 6
    assert 8 < volumes[-1] < 15
    assert volumes[0] > 0.3
    assert volumes[-2] < 3
    assert 15 < volumes.sum() < 30


def test_every_lesion_is_in_the_brain_and_brighter_than_it(flair: Numbers, lesion: Numbers) -> None:
    brain = flair > 0
    assert brain[lesion > 0].all()
    typical = np.median(flair[brain & (lesion == 0)])
    pieces, count = ndimage.label(lesion)
    means = np.array([flair[pieces == k].mean() for k in range(1, count + 1)])
    assert np.all((means > 1.25 * typical) & (means < 1.8 * typical))


def test_the_patient_can_be_made_again_to_the_last_voxel(flair: Numbers, lesion: Numbers) -> None:
    pytest.importorskip("nilearn", reason="the MNI152 brain is nilearn's: pip install nilearn")
    patient = make_patient()
    np.testing.assert_array_equal(patient.image, flair)
    np.testing.assert_array_equal(patient.brain, flair > 0)
    np.testing.assert_array_equal(patient.lesion, lesion > 0)
    np.testing.assert_allclose(patient.affine, _load(sample_files().flair).affine)


def test_without_nilearn_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with pytest.raises(ImportError, match="pip install nilearn"):
        make_patient()
