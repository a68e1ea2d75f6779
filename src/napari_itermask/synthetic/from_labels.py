"""What a healthy brain looks like that was never scanned: grown from a map of its regions alone.

One intensity for each region with some jitter, a random affine and elastic form, partial volume,
bias, blur and noise, as SynthSeg does it (Billot et al. 2023). These brains share neither scanner
nor texture with those of ``healthy.py``, so they tell whether a model has learnt more than those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.grid import Grid
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.acquire import AcquireDraw, acquire, draw_acquire
from napari_itermask.synthetic.healthy import BIAS, CONTRASTS, NOISE
from napari_itermask.synthetic.shape import (
    ShapeDraw,
    affine_places,
    draw_shape,
    pose,
    sample_at,
)

Contrast = Literal["any", "flair", "t1", "t2"]
Spacing = tuple[float, float, float]

FREESURFER: dict[str, tuple[int, ...]] = {
    "csf": (24, 30, 62),
    "ventricles": (4, 5, 14, 15, 43, 44, 72),
    "choroid plexus": (31, 63, 136, 137, 163, 164),
    "lobar white": (2, 41, 25, 57, 77),  # with the white-matter lesions of some maps: healed
    "callosum": (251, 252, 253, 254, 255),
    "cerebellar white": (7, 46),
    "cerebellar grey": (8, 47),
    "brainstem": (16, 28, 60, 85),
    "caudate": (11, 50, 26, 58),
    "putamen": (12, 51),
    "pallidum": (13, 52),
    "thalamus": (9, 10, 48, 49),
    "hippocampus": (17, 53, 18, 54),
    "cortex": (3, 42),
}
"""Regions of the brain in the numbering of FreeSurfer; all other numbers lie outside it."""
FLUID = ("csf",)
SULCUS = 6.0
"""Half the width in mm up to which fluid between tissue counts as brain; wider is left out."""
BEND = 20.0
"""Distance in mm between the nodes that carry the elastic form."""


@dataclass(frozen=True)
class LabelDraw:
    """Every number that chance decides for one brain made from a label map.

    ``levels`` and ``grains`` are each group's mean intensity and its spread from voxel to voxel;
    ``bend`` the spread in mm of the elastic shifts.
    """

    levels: Mapping[str, float]
    grains: Mapping[str, float]
    shape: ShapeDraw
    bend: float
    bend_seed: int
    grain_seed: int
    acquire: AcquireDraw


def draw_from_labels(rng: np.random.Generator, contrast: Contrast = "any") -> LabelDraw:
    """Draw one brain; "any" gives each group an intensity of its own, else a modality's range."""
    levels = dict.fromkeys(FREESURFER, 0.0)
    if contrast == "any":
        levels = {name: float(rng.uniform(0.1, 1.6)) for name in FREESURFER}
        levels["ventricles"] = levels["csf"]
    elif contrast in CONTRASTS:
        drawn = CONTRASTS[contrast](rng)
        levels = {name: drawn.levels.get(name, drawn.csf) for name in FREESURFER}
        mix = float(rng.uniform(0.3, 0.9))
        levels["choroid plexus"] = mix * drawn.levels["cortex"] + (1 - mix) * drawn.csf
    else:
        raise ValueError(
            f"there is no contrast named {contrast!r}: choose one of any, {', '.join(CONTRASTS)}."
        )
    return LabelDraw(
        levels=levels,
        grains={name: float(rng.uniform(0.01, 0.1)) for name in FREESURFER},
        shape=draw_shape(rng),
        bend=float(rng.uniform(0.5, 3.0)),
        bend_seed=int(rng.integers(2**31)),
        grain_seed=int(rng.integers(2**31)),
        acquire=draw_acquire(rng, BIAS.get(contrast, 0.06), NOISE.get(contrast, 0.05)),
    )


def brain_from_labels(
    labels: NDArray[np.integer], spacing: Spacing, draw: LabelDraw, grid: Grid
) -> tuple[Volume, Mask]:
    """Make one healthy brain out of a label map, centred on ``grid``.

    Parameters
    ----------
    labels
        ``(X, Y, Z)`` along RAS, FreeSurfer's numbers; the head around the brain may be there.
    spacing
        Voxel size of ``labels`` in mm.
    draw
        What chance decided (:func:`draw_from_labels`); the same draw gives the same brain.
    grid
        Spacing and shape of the result.

    Returns
    -------
    image, brain
        float32, background 0; bool: tissue, ventricles and the fluid in narrow sulci.

    Raises
    ------
    ValueError
        If the map has no region of the brain.
    """
    groups, brain = _brain_only(labels, spacing)
    rng = np.random.default_rng(draw.grain_seed)
    grain = rng.standard_normal(groups.shape, np.float32)
    means, spreads = (np.zeros(len(FREESURFER) + 1, np.float32) for _ in range(2))
    means[1:], spreads[1:] = (
        [table[name] for name in FREESURFER] for table in (draw.levels, draw.grains)
    )
    # A voxel of the grid averages over its own extent, so that borders mix and grain fades.
    sigma = [0.4 * g / s for g, s in zip(grid.spacing, spacing, strict=True)]
    weight = ndimage.gaussian_filter(brain.astype(np.float32), sigma, truncate=3)
    filled = (means[groups] + spreads[groups] * grain) * brain
    smooth = ndimage.gaussian_filter(filled, sigma, truncate=3)
    places = _places(brain, spacing, draw, grid)
    posed_weight, posed = sample_at(np.stack([weight, smooth]), places)
    brain_out = posed_weight > 0.5
    image = np.where(brain_out, posed / np.maximum(posed_weight, 0.5), 0).astype(np.float32)
    return acquire(image, brain_out, draw.acquire), brain_out


def _brain_only(labels: NDArray[np.integer], spacing: Spacing) -> tuple[NDArray[np.uint8], Mask]:
    """The groups of the voxels that a skull-stripper would leave, cut to them, and their mask."""
    number = {v: n for n, name in enumerate(FREESURFER, start=1) for v in FREESURFER[name]}
    table = np.zeros(max(int(labels.max()), *number) + 1, np.uint8)
    table[list(number)] = list(number.values())
    groups = table[np.asarray(labels, np.int64)]
    fluid = [list(FREESURFER).index(name) + 1 for name in FLUID]
    tissue = (groups > 0) & ~np.isin(groups, fluid)
    if not tissue.any():
        raise ValueError(
            "the label map has no region of the brain: its numbers must be those of FreeSurfer "
            "(2 and 41 white matter, 3 and 42 cortex, ...)."
        )
    reach = [int(np.ceil(SULCUS / s)) + 2 for s in spacing]
    box = tuple(
        slice(max(0, int(i.min()) - r), int(i.max()) + r + 1)
        for i, r in zip(np.nonzero(tissue), reach, strict=True)
    )
    groups, tissue = groups[box], tissue[box]
    far = ndimage.distance_transform_edt(~tissue, sampling=spacing)
    closed = ndimage.distance_transform_edt(far <= SULCUS, sampling=spacing) > SULCUS
    brain = ndimage.binary_fill_holes(tissue | (closed & (groups > 0)))
    groups[brain & (groups == 0)] = fluid[0]  # a cistern that the map leaves empty
    return groups * brain, brain


def _places(brain: Mask, spacing: Spacing, draw: LabelDraw, grid: Grid) -> Volume:
    """Which voxel of the map each voxel of the grid shows: ``(3, X, Y, Z)``."""
    matrix = np.diag(1 / np.array(spacing)) @ pose(draw.shape) @ np.diag(grid.spacing)
    offset = np.array(ndimage.center_of_mass(brain)) - matrix @ ((np.array(grid.shape) - 1) / 2)
    shifts = _shifts(draw, grid) / np.array(spacing, np.float32)[:, None, None, None]
    return affine_places(matrix, offset, grid.shape) + shifts


def _shifts(draw: LabelDraw, grid: Grid) -> Volume:
    """Smooth random shifts in mm: ``(3, X, Y, Z)``."""
    rng = np.random.default_rng(draw.bend_seed)
    nodes = [max(4, round(n * s / BEND) + 1) for n, s in zip(grid.shape, grid.spacing, strict=True)]
    coarse = draw.bend * rng.standard_normal((3, *nodes), np.float32)
    zoom = [n / c for n, c in zip(grid.shape, nodes, strict=True)]
    out: Volume = np.stack([ndimage.zoom(c, zoom, order=3) for c in coarse])
    return out
