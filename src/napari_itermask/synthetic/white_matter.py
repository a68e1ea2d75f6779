"""How white matter of healthy, mostly older people varies: bright caps, rims, a faint haze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.regions import WHITE, Labels, members

LATERAL = (51, 52)  # the lateral ventricles in the DLMUSE numbering


@dataclass(frozen=True)
class WhiteMatterDraw:
    """Every number that chance decides; brightness relative to white matter, lengths in voxels.

    ``front`` and ``back`` are the caps at the ventricles' horns, ``rim`` the band along their
    walls, ``haze`` a patchy brightness of all deep white matter.
    """

    front: float
    back: float
    cap_reach: float
    rim: float
    rim_reach: float
    haze: float
    haze_seed: int


def draw_white_matter(rng: np.random.Generator) -> WhiteMatterDraw:
    """Draw caps in front and behind, a rim and a haze, each often near nothing."""
    front, back, rim, haze = (rng.uniform(0, 1, 4) ** 1.5 * (0.45, 0.45, 0.4, 0.15)).tolist()
    return WhiteMatterDraw(
        front=front,
        back=back,
        cap_reach=float(rng.uniform(1.2, 3.0)),
        rim=rim,
        rim_reach=float(rng.uniform(0.6, 1.6)),
        haze=haze,
        haze_seed=int(rng.integers(2**31)),
    )


def vary_white_matter(
    image: Volume, labels: Labels, groups: Labels, draw: WhiteMatterDraw
) -> Volume:
    """Brighten white matter ``(X, Y, Z)`` as drawn; all else stays. Labels must lie in RAS."""
    white = members(groups, *WHITE)
    ventricle = np.isin(labels, LATERAL)
    if not ventricle.any():
        return image
    change = draw.rim * _beside(ventricle, draw.rim_reach)
    front, back = _horns(ventricle)
    change += draw.front * _beside(front, draw.cap_reach) + draw.back * _beside(
        back, draw.cap_reach
    )
    change += draw.haze * _patches(labels.shape, draw.haze_seed)
    # Only as far as white matter fills the voxel, else rims would jump at the labels' border.
    share = ndimage.gaussian_filter(white.astype(np.float32), 0.6, truncate=3) * white
    return np.asarray(image + change * share, np.float32)


def _beside(place: Mask, reach: float) -> Volume:
    """Nearly 1 at the border of ``place``, falling to 0 within about twice ``reach``."""
    near = ndimage.gaussian_filter(place.astype(np.float32), reach, truncate=3)
    out: Volume = np.minimum(2.2 * near, 1.0)
    return out


def _horns(ventricle: Mask) -> tuple[Mask, Mask]:
    """The front and the back ends of the lateral ventricles, along the second axis."""
    along = np.flatnonzero(ventricle.any(axis=(0, 2)))
    first, last = int(along[0]), int(along[-1])
    depth = max(1, round(0.14 * (last - first)))
    front, back = np.zeros_like(ventricle), np.zeros_like(ventricle)
    front[:, last - depth :] = ventricle[:, last - depth :]
    back[:, : first + depth] = ventricle[:, : first + depth]
    return front, back


def _patches(shape: tuple[int, ...], seed: int) -> Volume:
    """A smooth field between 0 and 1, its grain about a tenth of the brain."""
    coarse = np.random.default_rng(seed).uniform(0, 1, (9, 10, 9)).astype(np.float32)
    zoom = [n / c for n, c in zip(shape, coarse.shape, strict=True)]
    out: Volume = ndimage.zoom(coarse, zoom, order=1)
    return out
