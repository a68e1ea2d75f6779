"""How a labelled T1 brain is given another contrast: one intensity curve for each region group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Volume
from napari_itermask.synthetic.regions import NAMES, TOP, WHITE, Labels, members

CURVES: dict[str, str] = {
    **dict.fromkeys((*WHITE, "brainstem", "pallidum"), "white"),
    **dict.fromkeys(("cerebellar grey", "caudate", "putamen", "thalamus"), "grey"),
    **dict.fromkeys(("hippocampus", "limbic", "cortex"), "grey"),
}
"""Groups that pass through grey on their way to CSF ("white"), and those that do not ("grey")."""
STEPS = 100  # of a curve, for one unit of the tissue coordinate


@dataclass(frozen=True)
class Contrast:
    """Every number that chance decides for one contrast; lobar white matter is near 1.

    ``levels`` by group, ``csf`` the intensity of CSF, ``white_slope`` how far white matter that is
    brighter than its group on T1 goes on away from grey, ``rim`` the bright lining of ventricles.
    """

    levels: Mapping[str, float]
    csf: float
    white_slope: float
    rim: float = 0.0


def draw_levels(
    rng: np.random.Generator, ranges: Mapping[str, tuple[str, float, float]], grey: float
) -> dict[str, float]:
    """One intensity for each group of ``ranges``: (relative to "white" or "grey", low, high)."""
    base = {"white": 1.0, "grey": grey}
    return {
        name: base[anchor] * float(rng.uniform(low, high))
        for name, (anchor, low, high) in ranges.items()
    }


def translate(u: Volume, groups: Labels, contrast: Contrast) -> Volume:
    """Intensities of ``contrast`` where the tissue coordinate is ``u``: ``(X, Y, Z)`` float32.

    Texture and partial volume of the T1 scan stay: each group's median goes to the group's level,
    CSF (``u`` = 0) to the CSF's, what lies between follows a curve.
    """
    position = np.rint(u * STEPS).astype(np.int32)
    size = int(TOP * STEPS) + 1
    counts = np.bincount(
        (groups * np.int32(size) + position).ravel(), minlength=(len(NAMES) + 1) * size
    )
    total = np.cumsum(counts.reshape(-1, size), axis=1)
    medians = (total < total[:, -1:] / 2).sum(axis=1) / STEPS
    curves = _curves(medians, contrast)
    near = ndimage.binary_dilation(members(groups, "ventricles"), iterations=2)
    rows = groups + np.uint8(len(NAMES) + 1) * near
    out: Volume = curves[rows, position]
    return out


def _curves(medians: NDArray[np.float64], contrast: Contrast) -> NDArray[np.float32]:
    """One row for each group, then one for each group next to a ventricle."""
    u = np.arange(int(TOP * STEPS) + 1) / STEPS
    grey, white = contrast.levels["cortex"], contrast.levels["lobar white"]
    plain = np.interp(u, [0, 1, 2], [contrast.csf, grey, white])
    away, beside = ([plain] * (len(NAMES) + 1) for _ in range(2))
    for number, name in enumerate(NAMES, start=1):
        if name not in contrast.levels:
            continue
        level = contrast.levels[name]
        if CURVES[name] == "grey":
            own = float(np.clip(medians[number], 0.6, 1.9))
            curve = np.interp(u, [0, own], [contrast.csf, level])
            curve += np.clip(u - own, 0, 0.6) * (white - level) / max(2 - own, 0.6)
            away[number] = beside[number] = curve
        else:
            own = float(np.clip(medians[number], 1.2, 2.4))
            slope = np.clip(u - own, 0, 0.6) * contrast.white_slope * (level - grey)
            away[number] = np.interp(u, [0, 1, own], [contrast.csf, grey, level]) + slope
            # Next to the ventricles white runs straight into CSF, with or without the bright
            # lining that FLAIR shows there.
            straight = np.interp(u, [0, own], [contrast.csf, level]) + slope
            beside[number] = straight + contrast.rim * np.clip(1 - np.abs(u - 1.6) / 0.6, 0, 1)
    return np.clip(np.stack(away + beside), 0.02, None).astype(np.float32)
