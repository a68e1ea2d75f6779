"""Healthy FLAIR-like brains out of real T1 brains and their region labels.

Nobody hands out stripped healthy FLAIR scans together with region labels, so a FLAIR model learns
from real T1 brains whose intensities are translated: the texture and the anatomy stay real, each
region group gets the intensity that FLAIR could show there, drawn anew for every sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume

Labels = NDArray[np.uint8]

# Region numbers of the DLMUSE atlas (145 regions), pooled into groups that FLAIR tells apart.
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

# Range of each group's intensity: (relative to, low, high); white matter is 1, grey drawn first.
RANGES: dict[str, tuple[str, float, float]] = {
    "lobar white": ("white", 0.96, 1.04),
    "callosum": ("white", 0.82, 1.02),
    "capsule": ("white", 0.92, 1.15),
    "cerebellar white": ("white", 0.86, 1.08),
    "cerebellar grey": ("grey", 0.82, 1.02),
    "brainstem": ("white", 0.88, 1.12),
    "caudate": ("grey", 0.88, 1.06),
    "putamen": ("grey", 0.84, 1.04),
    "pallidum": ("white", 0.68, 1.00),
    "thalamus": ("grey", 0.84, 1.02),
    "hippocampus": ("grey", 0.98, 1.18),
    "limbic": ("grey", 0.96, 1.14),
    "cortex": ("grey", 0.94, 1.06),
}


@dataclass(frozen=True)
class FlairDraw:
    """Every number that chance decides for one FLAIR-like brain."""

    levels: dict[str, float]
    csf: float
    white_slope: float
    rim: float
    matrix: tuple[tuple[float, ...], ...]
    flip: bool
    blur: float
    blur_axis: int
    sharpness: float
    bias: tuple[float, ...]
    noise: float
    noise_seed: int


def draw_flair(rng: np.random.Generator) -> FlairDraw:
    """Draw the contrast, the shape and the acquisition of one sample."""
    grey = rng.uniform(0.92, 1.36)
    base = {"white": 1.0, "grey": grey}
    levels = {
        name: base[anchor] * rng.uniform(low, high) for name, (anchor, low, high) in RANGES.items()
    }
    turn = rng.normal(0, np.radians(5), 3)
    zoom = rng.uniform(0.92, 1.08) * rng.uniform(0.96, 1.04, 3)
    shear = np.eye(3) + np.triu(rng.normal(0, 0.02, (3, 3)), 1)
    matrix = _rotation(turn) @ shear @ np.diag(1 / zoom)
    return FlairDraw(
        levels=levels,
        csf=rng.uniform(0.12, 0.6),
        white_slope=rng.uniform(0.2, 1.0),
        rim=rng.uniform(0.0, 0.3) if rng.random() < 0.7 else 0.0,
        matrix=tuple(tuple(float(v) for v in row) for row in matrix),
        flip=bool(rng.random() < 0.5),
        blur=float(rng.uniform(0.3, 1.1)) if rng.random() < 0.5 else 0.0,
        blur_axis=int(rng.integers(3)),
        sharpness=float(rng.uniform(0.0, 0.45)),
        bias=tuple(float(v) for v in rng.normal(0, 0.06, 12)),
        noise=float(rng.uniform(0.0, 0.05)),
        noise_seed=int(rng.integers(2**31)),
    )


def flair_from_t1(
    t1: Volume, labels: Labels, draw: FlairDraw, shape: tuple[int, int, int]
) -> tuple[Volume, Mask]:
    """Translate a stripped T1 brain into a FLAIR-like one, centred in ``shape``.

    Parameters
    ----------
    t1, labels
        ``(X, Y, Z)``, the same grid; labels number the DLMUSE regions, above 0 is brain.
    draw
        What chance decided (:func:`draw_flair`).
    shape
        Size of the result in voxels of the same spacing.

    Returns
    -------
    image, brain
        float32 with white matter near 1 and background 0; bool.
    """
    groups = _group_of_label()[labels]
    u = tissue_coordinate(t1, labels)
    contrast = _translate(u, groups, draw)
    brain = labels > 0
    matrix = np.array(draw.matrix)
    if draw.flip:
        matrix = matrix @ np.diag([-1.0, 1.0, 1.0])
    middle = np.array(ndimage.center_of_mass(brain))
    offset = middle - matrix @ ((np.array(shape) - 1) / 2)
    weight = ndimage.affine_transform(brain.astype(np.float32), matrix, offset, shape, order=1)
    image = ndimage.affine_transform(contrast * brain, matrix, offset, shape, order=1)
    brain_out = weight > 0.5
    # Dividing by the interpolated mask keeps the dark background out of the brain's rim.
    image = np.where(brain_out, image / np.maximum(weight, 0.5), 0).astype(np.float32)
    return _acquire(image, brain_out, draw), brain_out


def tissue_coordinate(t1: Volume, labels: Labels) -> Volume:
    """Where each voxel lies between the brain's own tissues: CSF 0, cortical grey 1, white 2.

    Piecewise linear in the T1 intensity, through the medians of the ventricles, the cortex and
    the lobar white matter of this very brain.
    """
    groups = _group_of_label()[labels]
    knots = [
        float(np.median(t1[np.isin(groups, [NAMES.index(n) + 1 for n in names])]))
        for names in (("ventricles",), ("cortex",), ("lobar white",))
    ]
    csf, grey, white = knots
    grey = max(grey, csf + 1e-3)
    white = max(white, grey + 1e-3)
    u = np.interp(t1, [csf, grey, white], [0.0, 1.0, 2.0])
    above = t1 > white
    u[above] = 2 + np.minimum((t1[above] - white) / (white - grey), 0.8)
    return u.astype(np.float32)


@cache
def _group_of_label() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[100:] = NAMES.index("cortex") + 1
    table[1:100] = NAMES.index("lobar white") + 1
    for number, name in enumerate(NAMES, start=1):
        table[list(GROUPS[name])] = number
    table[0] = 0
    return table


def _translate(u: Volume, groups: Labels, draw: FlairDraw) -> Volume:
    grey, white = draw.levels["cortex"], draw.levels["lobar white"]
    out = np.interp(u, [0, 1, 2], [draw.csf, grey, white]).astype(np.float32)
    near = ndimage.binary_dilation(groups == NAMES.index("ventricles") + 1, iterations=2)
    for number, name in enumerate(NAMES, start=1):
        inside = groups == number
        if name not in RANGES or not inside.any():
            continue
        level = draw.levels[name]
        coordinate = u[inside]
        if RANGES[name][0] == "grey":
            own = float(np.clip(np.median(coordinate), 0.6, 1.9))
            values = np.interp(coordinate, [0, own], [draw.csf, level])
            values += np.clip(coordinate - own, 0, 0.6) * (white - level) / max(2 - own, 0.6)
        else:
            own = float(np.clip(np.median(coordinate), 1.2, 2.4))
            # Grey that mixes into white passes through grey; next to the ventricles white runs
            # straight into CSF, with or without the bright rim that FLAIR shows there.
            through_grey = np.interp(coordinate, [0, 1, own], [draw.csf, grey, level])
            straight = np.interp(coordinate, [0, own], [draw.csf, level])
            straight += draw.rim * np.clip(1 - np.abs(coordinate - 1.6) / 0.6, 0, 1)
            values = np.where(near[inside], straight, through_grey)
            values += np.clip(coordinate - own, 0, 0.6) * draw.white_slope * (level - grey)
        out[inside] = values
    return np.clip(out, 0.02, None)


def _acquire(image: Volume, brain: Mask, draw: FlairDraw) -> Volume:
    sigma = np.full(3, draw.sharpness)
    sigma[draw.blur_axis] = np.hypot(draw.sharpness, draw.blur)
    if sigma.max() > 0.1:
        weight = ndimage.gaussian_filter(brain.astype(np.float32), sigma)
        image = ndimage.gaussian_filter(image, sigma) / np.maximum(weight, 1e-3)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape), indexing="ij", sparse=True)
    terms = (x, y, z, x * x, y * y, z * z, x * y, x * z, y * z, x**3, y**3, z**3)
    field = sum(factor * term for factor, term in zip(draw.bias, terms, strict=True))
    image = image * np.exp(field)
    noise = np.random.default_rng(draw.noise_seed).standard_normal(image.shape, np.float32)
    return np.where(brain, image + draw.noise * noise, 0).astype(np.float32)


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    out: NDArray[np.float64] = Rotation.from_euler("xyz", angles).as_matrix()
    return out
