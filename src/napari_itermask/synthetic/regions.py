"""Which kind of tissue each voxel of a labelled T1 brain is: region groups, and how CSF-like it is.

The region numbers are those of the DLMUSE atlas (145 regions); they are pooled into groups that MR
contrasts tell apart.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume

Labels = NDArray[np.uint8]

GROUPS: dict[str, tuple[int, ...]] = {
    "csf": (1, 46),
    "ventricles": (4, 11, 49, 50, 51, 52),
    "lobar white": (81, 82, 83, 84, 85, 86, 87, 88),
    "callosum": (95, 89, 90),
    "capsule": (91, 92, 93, 94),
    "cerebellar white": (40, 41),
    "cerebellar grey": (38, 39, 71, 72, 73),
    "brainstem": (35, 61, 62, 69),
    "caudate": (36, 37, 23, 30),
    "putamen": (57, 58),
    "pallidum": (55, 56),
    "thalamus": (59, 60),
    "hippocampus": (31, 32, 47, 48, 75, 76, 116, 117, 170, 171),
    "limbic": (100, 101, 102, 103, 138, 139, 166, 167, 172, 173),
    "cortex": (),  # every other number from 100 on
}
NAMES = tuple(GROUPS)
WHITE = ("lobar white", "callosum", "capsule", "cerebellar white")
TOP = 2.8
"""Largest tissue coordinate: what is brighter still on T1 is a vessel or noise."""


def groups_of(labels: Labels) -> Labels:
    """Number of each voxel's group, 1 for the first of :data:`NAMES`; 0 is outside the brain."""
    return _group_of_label()[labels]


def members(groups: Labels, *names: str) -> Mask:
    """Voxels of the groups of these names: ``(X, Y, Z)`` bool."""
    wanted = np.zeros(len(NAMES) + 1, bool)
    wanted[[NAMES.index(name) + 1 for name in names]] = True
    return wanted[groups]


def tissue_coordinate(t1: Volume, labels: Labels) -> Volume:
    """Where each voxel lies between the brain's own tissues: CSF 0, cortical grey 1, white 2.

    Piecewise linear in the T1 intensity, through the medians of the ventricles, the cortex and
    the lobar white matter of this very brain; brighter than white goes on to :data:`TOP`.
    """
    groups = groups_of(labels)
    csf, grey, white = (
        float(np.median(t1[groups == NAMES.index(name) + 1]))
        for name in ("ventricles", "cortex", "lobar white")
    )
    grey = max(grey, csf + 1e-3)
    white = max(white, grey + 1e-3)
    u = np.where(t1 < grey, (t1 - csf) / (grey - csf), 1 + (t1 - grey) / (white - grey))
    return np.clip(u, 0, TOP).astype(np.float32)


def coil_field(t1: Volume, labels: Labels) -> Volume:
    """How bright the coil made each place of a T1 brain: ``(X, Y, Z)``, about 1 in white matter.

    The exponential of a quadratic polynomial, fitted to the white matter's interior, where a T1
    scan without bias is flat; two rounds without outliers, so that old lesions do not bend it.
    """
    inside = ndimage.binary_erosion(members(groups_of(labels), "lobar white", "cerebellar white"))
    inside &= t1 > 0
    if np.count_nonzero(inside) < 200:
        return np.ones_like(t1)
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in t1.shape]
    points = [axis[where] for axis, where in zip(axes, np.nonzero(inside), strict=True)]
    design = np.stack(list(_monomials(*points)), axis=1).astype(np.float64)
    values = np.log(t1[inside].astype(np.float64))
    keep = np.ones(len(values), bool)
    fit = np.zeros(design.shape[1])
    for _ in range(3):
        fit = np.linalg.lstsq(design[keep], values[keep], rcond=None)[0]
        residual = values - design @ fit
        keep = np.abs(residual) < 2.5 * 1.4826 * np.median(np.abs(residual)) + 1e-6
    mesh = np.meshgrid(*axes, indexing="ij", sparse=True)
    power = sum(np.float32(f) * term for f, term in zip(fit, _monomials(*mesh), strict=True))
    level = float(np.median(values))
    field: Volume = np.exp(np.broadcast_to(power, t1.shape) - np.float32(level))
    return np.clip(field, 0.5, 2.0)


def _monomials(x: Volume, y: Volume, z: Volume) -> tuple[Volume, ...]:
    return (np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z)


@cache
def _group_of_label() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[100:] = NAMES.index("cortex") + 1
    table[1:100] = NAMES.index("lobar white") + 1
    for number, name in enumerate(NAMES, start=1):
        table[list(GROUPS[name])] = number
    table[0] = 0
    return table
