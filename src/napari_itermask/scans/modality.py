"""Which MR contrast a scan seems to be, by its file's name and by its intensities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.scans.scan import Scan, stem

_SUFFIXES = {"flair": "flair", "t1w": "t1", "t1": "t1", "t2w": "t2", "t2": "t2", "t1c": "t1c"}

FEWEST = 1000
"""Voxels; a histogram of less shows nothing clearly."""


def modality_of_name(path: Path | None) -> str | None:
    """The modality that a BIDS-like file name states (``sub-01_T1w.nii.gz``: "t1"), if any."""
    if path is None:
        return None
    return _SUFFIXES.get(stem(path).lower().replace("-", "_").split("_")[-1])


def modality_of_intensities(image: Volume, brain: Mask) -> str | None:
    """ "t1" or "t2" where the brain's histogram clearly shows it, else None.

    On T2 the CSF is a long bright tail. On T1 grey and white lie far apart, so that neither tail
    reaches far in interquartile ranges; on FLAIR they lie close, and dark CSF is a long tail below.
    """
    inside = image[brain]
    if inside.size < FEWEST:
        return None
    low, first, middle, third, high = np.percentile(inside, [2, 25, 50, 75, 99.5])
    spread = float(third - first)
    if spread <= 0:
        return None
    skew = float(np.mean((inside - inside.mean()) ** 3) / max(float(inside.std()), 1e-12) ** 3)
    if skew > 1.5:
        return "t2"
    if (middle - low) / spread < 2.0 and (high - middle) / spread < 1.8:
        return "t1"
    return None


def modality_warning(scan: Scan, modality: str) -> str | None:
    """A sentence if ``scan`` looks like another modality than ``modality``, else None.

    A model of "any" modality (a plain callable) is warned about none.
    """
    if modality.lower() == "any":
        return None
    named = modality_of_name(scan.path)
    if named is not None:
        if named == modality.lower():
            return None
        return (
            f"{scan.path} is named as {named.upper()}, but this model learnt "
            f"{modality.upper()}: expect nonsense unless the name is wrong."
        )
    seen = modality_of_intensities(scan.image, scan.brain)
    if seen is None or seen == modality.lower():
        return None
    return (
        f"{scan.path or scan.name} looks like {seen.upper()} by its intensities, but this model "
        f"learnt {modality.upper()}: check that it is the right scan."
    )
