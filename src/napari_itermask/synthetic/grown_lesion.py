"""A lesion to be judged on, never to learn from: it grows through the tissue from a few seeds.

The lesions of ``lesion.py`` teach and calibrate models; figures measured on those same shapes would
flatter. These have another origin: a front that spreads from seeds through random resistance and
hardly into what is unlike tissue, up to a volume that is asked for in ml.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.ageing import pull
from napari_itermask.synthetic.shape import sample_at

Spacing = tuple[float, float, float]
Seed = tuple[int, int, int]


@dataclass(frozen=True)
class GrownDraw:
    """Every number that chance decides for one grown lesion.

    ``seeds`` in voxels; ``ml`` its whole volume, oedema included. ``resistance`` is the spread of
    the logarithm of the tissue's resistance, ``grain`` its scale in mm, ``obedience`` how strictly
    the front keeps to tissue. ``change`` is relative to the brain's median, ``opacity`` how much
    of the texture below is lost, ``texture`` the lesion's own. ``oedema`` and ``core`` are shares
    of the volume: the last and faintest (``oedema_change`` of the change), the first and darkest.
    ``push`` in mm moves the tissue around it.
    """

    seeds: tuple[Seed, ...]
    ml: float
    resistance: float
    grain: float
    obedience: float
    change: float
    opacity: float
    texture: float
    oedema: float
    oedema_change: float
    core: float
    push: float
    softness: float
    seed: int


def draw_grown(
    rng: np.random.Generator,
    brain: Mask,
    ml: float,
    where: Mask | None = None,
    change: tuple[float, float] = (0.15, 0.8),
    brighter: float = 0.95,
    most_seeds: int = 12,
) -> GrownDraw:
    """Draw one lesion of ``ml``, or several that share them, seeded in ``where`` within ``brain``.

    ``where`` None: at least four voxels inside the brain. Half of the draws have a single seed.
    ``change`` relative to the brain's median; a share ``brighter`` is brighter, the others darker.
    """
    if where is None:
        where = ndimage.binary_erosion(brain, iterations=4)
    places = np.flatnonzero(where & brain)
    if not len(places):
        places = np.flatnonzero(brain)
    count = 1 if rng.random() < 0.5 else int(rng.integers(2, most_seeds + 1))
    chosen = np.stack(np.unravel_index(rng.choice(places, count), brain.shape), axis=1)
    large = ml > 10 and count <= 3
    sign = 1.0 if rng.random() < brighter else -1.0
    return GrownDraw(
        seeds=tuple((int(a), int(b), int(c)) for a, b, c in chosen),
        ml=float(ml),
        resistance=float(rng.uniform(0.4, 1.2)),
        grain=float(rng.uniform(2.0, 8.0)),
        obedience=float(rng.uniform(1.0, 4.0)),
        change=sign * float(rng.uniform(*change)),
        opacity=float(rng.uniform(0.3, 0.9)),
        texture=float(rng.uniform(0.05, 0.35)),
        oedema=float(rng.uniform(0.2, 0.7)) if large and rng.random() < 0.6 else 0.0,
        oedema_change=float(rng.uniform(0.4, 0.8)),
        core=float(rng.uniform(0.05, 0.2)) if large and rng.random() < 0.4 else 0.0,
        push=float(rng.uniform(1.0, 5.0)) if large and rng.random() < 0.5 else 0.0,
        softness=float(rng.uniform(0.5, 1.5)),
        seed=int(rng.integers(2**31)),
    )


def add_grown_lesion(
    image: Volume, brain: Mask, draw: GrownDraw, spacing: Spacing
) -> tuple[Volume, Mask]:
    """Let the lesion grow in ``image`` ``(X, Y, Z)``; returns the new image and the lesion's mask.

    The mask holds the drawn volume to the voxel; the brain mask stays as it is, also where tissue
    is pushed. The same draw gives the same lesion.

    Raises
    ------
    ValueError
        If the drawn volume is less than half a voxel, or more than the brain around the seeds.
    """
    size = round(draw.ml * 1000 / float(np.prod(spacing)))
    if not 0 < size <= np.count_nonzero(brain):
        raise ValueError(
            f"a lesion of {draw.ml:g} ml does not fit: it must be between one voxel and the "
            f"whole brain ({np.count_nonzero(brain) * float(np.prod(spacing)) / 1000:.0f} ml)."
        )
    rng = np.random.default_rng(draw.seed)
    low, median, high = np.percentile(image[brain], [25, 50, 75])
    likeness = np.exp(-np.abs(image - median) / max(float(high - low), 1e-6) * draw.obedience / 2)
    uneven = np.exp(draw.resistance * _noise(rng, image.shape, draw.grain, spacing))
    voxels = _first_reached(uneven / np.maximum(likeness, 0.02), brain, draw.seeds, size, spacing)
    mask = np.zeros(brain.shape, bool)
    mask.ravel()[voxels] = True
    if draw.push:
        image = _pushed(image, brain, mask, draw.push, spacing)
    strength = np.zeros(brain.shape, np.float32)
    strength.ravel()[voxels] = _strengths(size, draw)
    sigma = [draw.softness / s for s in spacing]
    soft = _in_brain(mask.astype(np.float32), brain, sigma)
    strength = _in_brain(strength, brain, sigma)
    fine, rough = (_noise(rng, image.shape, scale, spacing) for scale in (1.5, 6.0))
    own = draw.texture * abs(draw.change) * (0.6 * fine + 0.8 * rough)
    level = np.float32(median) * (1 + draw.change * strength + own * soft)
    # Half of the softened border lies outside the mask: the tissue there is only touched.
    cover = np.clip(soft, 0, 1) * draw.opacity
    plain = image + np.float32(median) * (draw.change * strength + own * soft)
    mixed = (1 - cover) * plain + cover * level
    return np.where(brain, mixed, image).astype(np.float32), mask


def _strengths(size: int, draw: GrownDraw) -> NDArray[np.float32]:
    """Share of the change for the voxels in the order in which the front reached them."""
    order = (np.arange(size) + 0.5) / size
    out = np.where(order > 1 - draw.oedema, draw.oedema_change, 1.0)
    return np.where(order < draw.core, -0.5, out).astype(np.float32)


def _first_reached(
    cost: Volume, brain: Mask, seeds: tuple[Seed, ...], size: int, spacing: Spacing
) -> NDArray[np.intp]:
    """Flat indices of the ``size`` voxels of the brain that a front from the seeds reaches first.

    Shortest paths over the 26 neighbours, a step costing its length times the mean resistance.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    places = [_softest(cost, brain, seed) for seed in seeds]
    # A front needs only the neighbourhood: five times the radius of a ball of that volume.
    reach = 5 * (3 * size * float(np.prod(spacing)) / (4 * np.pi)) ** (1 / 3) + 10
    away = np.ones(brain.shape, bool)
    away[tuple(np.array(places).T)] = False
    near = brain & (ndimage.distance_transform_edt(away, sampling=spacing) <= reach)
    if np.count_nonzero(near) < 3 * size:
        near = brain
    number = np.full(brain.shape, -1, np.int64)
    number[near] = np.arange(np.count_nonzero(near))
    rows, columns, prices = [], [], []
    steps = [s for s in np.ndindex(3, 3, 3) if s > (1, 1, 1)]
    for step in steps:
        here, there = _shifted(tuple(v - 1 for v in step))
        joined = near[here] & near[there]
        length = float(np.linalg.norm([(v - 1) * s for v, s in zip(step, spacing, strict=True)]))
        rows.append(number[here][joined])
        columns.append(number[there][joined])
        prices.append((cost[here][joined] + cost[there][joined]) * np.float32(length / 2))
    count = int(np.count_nonzero(near))
    graph = coo_matrix(
        (np.concatenate(prices), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    ).tocsr()
    starts = np.unique([number[place] for place in places])
    times = dijkstra(graph, directed=False, indices=starts, min_only=True)
    if np.count_nonzero(np.isfinite(times)) < size:
        raise ValueError(
            f"only {np.count_nonzero(np.isfinite(times))} of {size} voxels are connected with the "
            "seeds: ask for a smaller lesion or other seeds."
        )
    first = np.argsort(times, kind="stable")[:size]
    return np.flatnonzero(near)[first]


def _softest(cost: Volume, brain: Mask, seed: Seed) -> Seed:
    """The voxel of the brain within three of ``seed`` that is most like tissue."""
    box = tuple(slice(max(0, c - 3), c + 4) for c in seed)
    inside = np.where(brain[box], cost[box], np.inf)
    best = np.unravel_index(int(np.argmin(inside)), inside.shape)
    a, b, c = (s.start + int(v) for s, v in zip(box, best, strict=True))
    return a, b, c


def _shifted(step: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of a volume and of the same volume one ``step`` further."""
    here = tuple(slice(max(0, -v), -v if v > 0 else None) for v in step)
    there = tuple(slice(max(0, v), v if v < 0 else None) for v in step)
    return here, there


def _pushed(image: Volume, brain: Mask, mask: Mask, push: float, spacing: Spacing) -> Volume:
    """The tissue around ``mask`` moved away by up to ``push`` mm, within the brain."""
    step = float(np.mean(spacing))
    moved = pull(mask, push / step, max(2.0 * push, 4.0) / step)
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    moved *= np.clip(depth / (2 * push), 0, 1).astype(np.float32)
    grid = np.indices(image.shape, np.float32)
    return np.where(brain, sample_at(image[None], grid + moved)[0], image)


def _in_brain(values: Volume, brain: Mask, sigma: list[float]) -> Volume:
    out: Volume = ndimage.gaussian_filter(values, sigma) * brain
    return out


def _noise(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, spacing: Spacing
) -> Volume:
    noise: Volume = ndimage.gaussian_filter(
        rng.standard_normal(shape, np.float32), [scale / s / 2 for s in spacing]
    )
    return noise / max(float(noise.std()), 1e-9)
