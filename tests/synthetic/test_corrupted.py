"""Is a scan corrupted in its own space, whatever its axes, spacing and background?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import napari_itermask as itm
from napari_itermask.synthetic.effects import EFFECTS

every = pytest.mark.parametrize("name", EFFECTS)


def turned(scan: itm.Scan, axes: str) -> itm.Scan:
    """The same anatomy with other axes, as another converter would write it."""
    to = nib.orientations.axcodes2ornt(tuple(axes))
    image = nib.Nifti1Image(scan.image, scan.affine).as_reoriented(to)
    brain = nib.orientations.apply_orientation(scan.brain, to)
    return replace(scan, image=np.asarray(image.dataobj), brain=brain, affine=image.affine)


def as_ras(array: Any, scan: itm.Scan) -> Any:
    orientation = nib.orientations.io_orientation(scan.affine)
    return nib.orientations.apply_orientation(array, orientation)


@every
def test_a_pir_file_shows_the_same_anatomy_changed_as_its_ras_twin(
    name: str, phantom: itm.Scan
) -> None:
    pir = turned(phantom, "PIR")
    assert pir.image.shape != phantom.image.shape
    one, other = itm.corrupt(phantom, name, seed=3), itm.corrupt(pir, name, seed=3)
    assert other.scan.image.shape == pir.image.shape
    np.testing.assert_array_equal(as_ras(other.scan.image, pir), one.scan.image)
    np.testing.assert_array_equal(as_ras(other.truth, pir), one.truth)
    np.testing.assert_array_equal(other.scan.affine, pir.affine)


@every
def test_a_background_of_another_value_changes_nothing_else(name: str, phantom: itm.Scan) -> None:
    lifted = replace(phantom, image=phantom.image - 512, background=-512.0)
    one, other = itm.corrupt(phantom, name), itm.corrupt(lifted, name)
    np.testing.assert_allclose(other.scan.image + 512, one.scan.image, atol=1e-3)
    assert (other.truth != one.truth).mean() < 1e-3


@pytest.mark.parametrize("name", ["top_chunk", "bias_field", "gaussian_noise", "focal_lesion"])
def test_a_brain_with_values_under_its_background_keeps_both(name: str, phantom: itm.Scan) -> None:
    mean, spread = phantom.image[phantom.brain].mean(), phantom.image[phantom.brain].std()
    scored = np.where(phantom.brain, (phantom.image - mean) / spread, 0).astype(np.float32)
    scan = replace(phantom, image=scored)
    made = itm.corrupt(scan, name)
    assert made.truth.any()
    untouched = made.scan.image == scored
    assert untouched[0].all() == (name != "gaussian_noise")
    if name == "top_chunk":
        assert (made.scan.image[made.truth] == scored.min()).all()


def test_the_result_is_a_scan_of_its_own(phantom: itm.Scan, scan_file: Path) -> None:
    scan = itm.load_scan(scan_file)
    before = scan.image.copy()
    made = itm.corrupt(scan, "spike", severity=2, seed=7)
    np.testing.assert_array_equal(scan.image, before)
    np.testing.assert_array_equal(made.scan.brain, scan.brain)  # that of the clean scan
    assert (made.effect, made.severity, made.seed, made.source) == ("spike", 2.0, 7, scan_file)
    assert made.scan.path is None  # it is not what the file shows
    assert "synthetic: spike, severity 2, seed 7." in made.scan.notes


def test_a_brain_mask_given_for_it_takes_the_place_of_the_scans(phantom: itm.Scan) -> None:
    half = phantom.brain.copy()
    half[:20] = False
    made = itm.corrupt(phantom, "middle_chunk", brain=half)
    np.testing.assert_array_equal(made.scan.brain, half)
    assert not (made.truth & ~half).any()


@every
def test_thick_slices_take_every_effect(name: str, phantom: itm.Scan) -> None:
    thick = replace(
        phantom,
        image=phantom.image[..., ::2],
        brain=phantom.brain[..., ::2],
        affine=phantom.affine @ np.diag([1, 1, 2, 1]),
    )
    made = itm.corrupt(thick, name, 2)
    assert made.truth.any()
    assert np.isfinite(made.scan.image).all()


@every
def test_the_least_changes_little_and_the_most_stays_finite(name: str, phantom: itm.Scan) -> None:
    least, most = (itm.corrupt(phantom, name, severity) for severity in (0.001, 10))
    assert least.truth.sum() < 0.06 * phantom.brain.sum()  # a slice, where slices are what goes
    assert np.isfinite(most.scan.image).all()
    assert most.truth.sum() > least.truth.sum()


def test_the_name_of_a_t1_file_makes_its_lesion_dark(phantom: itm.Scan) -> None:
    named = replace(phantom, path=Path("sub-01_T1w.nii.gz"))
    made = itm.corrupt(named, "focal_lesion")
    assert made.draw["contrast"] == "t1"
    assert (made.scan.image - phantom.image)[made.truth].mean() < 0


@every
def test_a_draw_makes_the_same_again(name: str, phantom: itm.Scan) -> None:
    first = itm.corrupt(phantom, name, 1.7, seed=11)
    again = itm.corrupt(phantom, name, draw=first.draw)
    np.testing.assert_array_equal(again.scan.image, first.scan.image)
    assert again.severity == 1.7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"intensity": None}, "lacks 'intensity'"),
        ({"more": 1}, "has an unknown 'more'"),
        ({"intensity": "4"}, "has a wrong 'intensity'"),
        ({"intensity": float("nan")}, "has a wrong 'intensity'"),
        ({"position": [0.5, "x", 0.5]}, "has a wrong 'position'"),
        ({"position": [0.5, 0.5]}, "does not fit"),
        ({"severity": -1.0}, "severity -1.0 cannot be used"),
    ],
)
def test_a_draw_that_was_tampered_with_is_refused(
    change: dict[str, Any], said: str, phantom: itm.Scan
) -> None:
    draw = itm.corrupt(phantom, "spike").draw | change
    draw = {k: v for k, v in draw.items() if v is not None}
    with pytest.raises(ValueError, match=said):
        itm.corrupt(phantom, "spike", draw=draw)


def test_a_slice_beyond_the_scan_is_refused_in_a_sentence(phantom: itm.Scan) -> None:
    draw = itm.corrupt(phantom, "missing_slices").draw | {"slices": [4000]}
    with pytest.raises(ValueError, match=r"does not fit scan .*made on this scan, unchanged"):
        itm.corrupt(phantom, "missing_slices", draw=draw)


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_seed_that_is_no_whole_number_is_refused(seed: Any, phantom: itm.Scan) -> None:
    with pytest.raises(ValueError, match="give a whole number"):
        itm.corrupt(phantom, "spike", seed=seed)


def test_a_brain_mask_of_numbers_or_another_shape_is_refused(phantom: itm.Scan) -> None:
    with pytest.raises(ValueError, match="must be bool"):
        itm.corrupt(phantom, "spike", brain=phantom.image)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of the same shape"):
        itm.corrupt(phantom, "spike", brain=phantom.brain[1:])
