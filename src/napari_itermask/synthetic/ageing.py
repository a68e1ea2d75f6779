"""How an old brain differs in form: wider ventricles and sulci, as a smooth deformation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.regions import Labels, members


@dataclass(frozen=True)
class AgeingDraw:
    """Every number that chance decides for one brain's atrophy.

    ``ventricles`` and ``sulci``: how far their walls move, in voxels; ``ventricle_reach`` and
    ``sulcus_reach``: how deep into the tissue that is felt, in voxels.
    """

    ventricles: float
    ventricle_reach: float
    sulci: float
    sulcus_reach: float


def draw_ageing(rng: np.random.Generator) -> AgeingDraw:
    """Draw an atrophy between hardly any and marked."""
    reach = float(rng.uniform(2.5, 4.5))
    sulcus_reach = float(rng.uniform(1.2, 2.0))
    return AgeingDraw(
        ventricles=reach * float(rng.uniform(0.1, 0.5)),
        ventricle_reach=reach,
        sulci=sulcus_reach * float(rng.uniform(0.0, 0.4)),
        sulcus_reach=sulcus_reach,
    )


def ageing_displacement(labels: Labels, groups: Labels, draw: AgeingDraw) -> Volume:
    """Where each place of an aged brain takes its intensity from: ``(3, X, Y, Z)``, in voxels.

    The pull goes up the slope of the blurred cavities, so that tissue beside a ventricle or sulcus
    shows what lies nearer to it. It is short against its reach, so nothing folds over.
    """
    ventricles = members(groups, "ventricles")
    outside = (labels == 0) | members(groups, "csf")
    inner = pull(ventricles, draw.ventricles, draw.ventricle_reach)
    outer = pull(outside, draw.sulci, draw.sulcus_reach)
    # The brain's own border stays where it is.
    outer *= labels > 0
    return inner + outer


def pull(cavity: Mask, length: float, reach: float) -> Volume:
    """Displacements ``(3, X, Y, Z)`` that widen ``cavity`` by ``length`` voxels, felt to ``reach``.

    They point into the cavity, where the tissue beside it then takes its intensity from. A length
    of at most half the reach folds nothing.
    """
    smooth = ndimage.gaussian_filter(cavity.astype(np.float32), reach, truncate=3)
    slope = np.stack(np.gradient(smooth))
    # The steepest places, but not a single voxel's, move by the full length; as the slope of a
    # Gaussian, it falls to nothing within two reaches.
    squares = np.square(slope[:, ::2, ::2]).sum(axis=0).ravel()
    few = min(125, squares.size // 1000 + 1)
    steepest = float(np.partition(squares, -few)[-few]) ** 0.5
    return np.asarray(slope * (length / max(steepest, 1e-6)), np.float32)
