"""Is a scan of another contrast than the model's noticed, and the right one left in peace?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_itermask import Scan, load_scan
from napari_itermask.scans.modality import (
    modality_of_intensities,
    modality_of_name,
    modality_warning,
)


@pytest.fixture(scope="module")
def t1_like(phantom: Scan) -> Scan:
    """Grey and white far apart, each a peak of its own."""
    rng = np.random.default_rng(0)
    tissue = np.where(rng.random(phantom.image.shape) < 0.5, 400, 700)
    return replace(phantom, image=np.where(phantom.brain, tissue, 0).astype(np.float32))


@pytest.fixture(scope="module")
def t2_like(phantom: Scan) -> Scan:
    """Tissue of one level, and fluid several times as bright in a tenth of the brain."""
    rng = np.random.default_rng(0)
    fluid = rng.random(phantom.image.shape) < 0.1
    image = rng.normal(300, 40, fluid.shape) + fluid * rng.uniform(200, 900, fluid.shape)
    return replace(phantom, image=np.where(phantom.brain, image, 0).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("sub-01_FLAIR.nii.gz", "flair"),
        ("sub-01_ses-2_T1w.nii.gz", "t1"),
        ("sub-01_acq-space_T2w.nii", "t2"),
        ("patient-7-t2.mgz", "t2"),
        ("t1c.nii.gz", "t1c"),
        ("flair.nii.gz", "flair"),
        ("sub-01_T2star.nii.gz", None),
        ("flair_brain.nii.gz", None),
        ("ms-19.nii.gz", None),
    ],
)
def test_a_bids_suffix_states_the_modality(name: str, modality: str | None) -> None:
    assert modality_of_name(Path("/data") / name) == modality


def test_a_name_of_another_modality_is_warned_about_whatever_the_voxels(phantom: Scan) -> None:
    scan = replace(phantom, path=Path("/data/sub-01_T1w.nii.gz"))
    assert modality_warning(scan, "flair") == (
        "/data/sub-01_T1w.nii.gz is named as T1, but this model learnt FLAIR: expect nonsense "
        "unless the name is wrong."
    )
    assert modality_warning(scan, "t1") is None


def test_intensities_of_another_modality_are_warned_about_if_the_name_says_none(
    t1_like: Scan, t2_like: Scan
) -> None:
    for scan, looks in ((t1_like, "T1"), (t2_like, "T2")):
        named = replace(scan, path=Path("/data/scan.nii.gz"))
        assert modality_warning(named, "flair") == (
            f"/data/scan.nii.gz looks like {looks} by its intensities, but this model learnt "
            "FLAIR: check that it is the right scan."
        )
        assert modality_warning(named, looks.lower()) is None


def test_a_name_outweighs_intensities(t2_like: Scan) -> None:
    scan = replace(t2_like, path=Path("/data/sub-01_FLAIR.nii.gz"))
    assert modality_warning(scan, "FLAIR") is None


def test_nothing_is_said_where_nothing_is_clear(phantom: Scan) -> None:
    assert modality_of_intensities(phantom.image, phantom.brain) is None
    for modality in ("flair", "t1", "t2"):
        assert modality_warning(phantom, modality) is None


def test_a_callable_of_any_modality_is_warned_about_none(t1_like: Scan) -> None:
    assert modality_warning(replace(t1_like, path=Path("sub-01_T1w.nii.gz")), "any") is None


def test_gain_and_offset_do_not_change_what_a_scan_looks_like(t1_like: Scan, t2_like: Scan) -> None:
    for scan in (t1_like, t2_like):
        seen = modality_of_intensities(scan.image, scan.brain)
        assert modality_of_intensities(0.01 * scan.image - 3, scan.brain) == seen


@pytest.mark.parametrize("case", ["ms-19", "glioma-tcga-du-7294", "glioma-gli00001"])
@pytest.mark.parametrize("contrast", ["flair", "t1"])
def test_no_real_scan_looks_like_a_modality_that_it_is_not(
    case: str, contrast: str, cases: Path
) -> None:
    scan = load_scan(cases / case / f"{contrast}.nii.gz")
    assert modality_warning(replace(scan, path=None), contrast) is None


def test_a_real_t1_and_t2_are_seen_as_such(cases: Path) -> None:
    for file in ("ms-19/t1.nii.gz", "glioma-tcga-du-7294/t2.nii.gz"):
        scan = load_scan(cases / file)
        assert modality_of_intensities(scan.image, scan.brain) == file[-9:-7]
