"""Held-out healthy brains with lesions that we drew: what a threshold rule is chosen and judged on.

A trial is a healthy brain, as it is or as a worse scanner would give it, with a lesion or without
one, and its first repaint (whole brain masked). Repaints are kept on disk, so that rules can be
tried without a pass of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_itermask.method.guide import high_frequency
from napari_itermask.method.refinement import Reconstruct, seeded_noise
from napari_itermask.models.card import ModelCard
from napari_itermask.scans.intensity import Mask, Volume, normalise
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion

Spacing = tuple[float, float, float]
Place = Callable[[np.random.Generator, Volume, Mask, Spacing], tuple[Volume, Mask]]
"""Puts lesions into a healthy image: ``(rng, image, brain, spacing) -> (image, lesion)``."""

SMALL = (2.0, 9.0)
"""Radius in mm of lesions that come by the dozen."""
DEGRADED = ("plain", "noisy", "blurred", "biased", "curved", "all")
"""What a trial's copy suffered; ``curved`` is another contrast curve."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One brain on the model's grid, in its units: ``(X, Y, Z)``; ``lesion`` is empty if healthy.

    ``repaint`` is the network's first, with the whole brain masked behind the noise of ``seed``.
    """

    image: Volume
    brain: Mask
    lesion: Mask
    repaint: Volume
    degraded: str
    seed: int

    def guide(self, cutoff: float, spacing: Spacing) -> Volume:
        """The guide of the image as it is."""
        return high_frequency(self.image, cutoff, spacing)


def make_trials(
    healthy: Iterable[tuple[Volume, Mask]],
    reconstruct: Reconstruct,
    rng: np.random.Generator,
    card: ModelCard,
    place: Place | None = None,
    clean_every: int = 4,
    degradations: Sequence[str] = DEGRADED,
) -> Iterator[Trial]:
    """Turn healthy images ``(image, brain)`` into trials, degraded in turn.

    Every ``clean_every``-th stays healthy (0: none), the others get lesions by ``place`` (None:
    :func:`any_lesion`).
    """
    place = place or any_lesion
    spacing = card.grid.spacing
    for number, (clean, brain) in enumerate(healthy):
        image, lesion = clean, np.zeros_like(brain)
        if not clean_every or number % clean_every:
            image, lesion = place(rng, clean, brain, spacing)
        kind = degradations[int(rng.integers(len(degradations)))]
        image = degrade(image, brain, rng, kind)
        yield first_repaint(image, brain, lesion, reconstruct, card, kind, int(rng.integers(2**31)))


def first_repaint(
    image: Volume,
    brain: Mask,
    lesion: Mask,
    reconstruct: Reconstruct,
    card: ModelCard,
    kind: str,
    seed: int,
) -> Trial:
    """Scale an image by the card's rule and repaint it once, the whole brain masked."""
    scaled = _halved(normalise(image, brain, card.normalisation).image)
    guide = high_frequency(scaled, card.cutoff, card.grid.spacing)
    noise = seeded_noise(seed, image.shape)(0)
    repaint = reconstruct(np.where(brain, noise, scaled).astype(np.float32), guide)
    return Trial(scaled, brain, lesion, _halved(repaint), kind, seed)


def any_lesion(
    rng: np.random.Generator,
    image: Volume,
    brain: Mask,
    spacing: Spacing,
    radius: tuple[float, float] = (4.0, 38.0),
    contrast: tuple[float, float] = (1.5, 8.0),
    brighter: float = 1.0,
    scattered: float = 0.0,
) -> tuple[Volume, Mask]:
    """Put one to three lesions into ``image``: small ones as often as large ones.

    A share ``scattered`` of the images gets 8 to 40 small ones instead, as multiple sclerosis does.

    ``radius`` in mm before a lesion's own shape; ``contrast`` in half interquartile ranges of the
    brain; a share ``brighter`` of them is brighter than the brain, the others are darker.
    """
    first, middle, third = np.percentile(image[brain], [25, 50, 75])
    lesion = np.zeros_like(brain)
    fewest, most = 1, 4
    if scattered and rng.random() < scattered:
        radius, (fewest, most) = SMALL, (8, 41)
    while not lesion.any():
        for _ in range(rng.integers(fewest, most)):
            height = np.exp(rng.uniform(*np.log(contrast))) * (third - first) / 2 / abs(middle)
            change = (float(height),) * 2
            draw = draw_lesion(rng, brain, radius=radius, change=change, brighter=brighter)
            image, hit = add_lesion(image, brain, draw, spacing)
            lesion |= hit
    return image, lesion


def degrade(image: Volume, brain: Mask, rng: np.random.Generator, kind: str) -> Volume:
    """A copy as another scanner might give it: one of :data:`DEGRADED`.

    Contrast curve: a power of 0.7 to 1.45; blur: sigma 0.4 to 1 voxel; bias: up to about 30 %
    across the brain; noise: 0.1 to 0.4 interquartile ranges. ``all``: all four, each at random.
    """
    out = image
    everything = kind == "all"
    low, high = np.percentile(image[brain], [25, 75])
    if kind == "curved" or everything:
        bottom, top = np.percentile(out[brain], [0.1, 99.9])
        share = np.clip((out - bottom) / (top - bottom), 0, None)
        out = share ** np.exp(rng.uniform(-0.37, 0.37)) * (top - bottom) + bottom
    if kind == "blurred" or everything:
        sigma = rng.uniform(0.0 if everything else 0.4, 1.0)
        weight = np.maximum(ndimage.gaussian_filter(brain.astype(np.float32), sigma), 1e-3)
        out = ndimage.gaussian_filter(np.where(brain, out, 0), sigma) / weight
    if kind == "biased" or everything:
        axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape), indexing="ij")
        x, y, z = axes
        terms = (x, y, z, x * x, y * y, z * z, x * y, x * z, y * z)
        field = sum(f * t for f, t in zip(rng.normal(0, 0.15, len(terms)), terms, strict=True))
        out = out * np.exp(field)
    if kind == "noisy" or everything:
        level = rng.uniform(0.0 if everything else 0.1, 0.4) * (high - low)
        out = out + rng.standard_normal(image.shape, np.float32) * level
    return np.where(brain, out, 0).astype(np.float32)


def save_trial(path: Path, trial: Trial) -> None:
    """Keep a trial in a few megabytes: floats of 16 bits, in the box of the brain."""
    np.savez_compressed(
        path,
        image=trial.image.astype(np.float16),
        repaint=trial.repaint.astype(np.float16),
        masks=np.packbits(np.stack([trial.brain, trial.lesion])),
        degraded=np.array(trial.degraded),
        seed=np.array(trial.seed),
    )


def read_trial(path: Path) -> Trial:
    """Read what :func:`save_trial` wrote."""
    with np.load(path) as file:
        image = file["image"].astype(np.float32)
        bits = np.unpackbits(file["masks"], count=2 * image.size).astype(bool)
        brain, lesion = bits.reshape(2, *image.shape)
        repaint = file["repaint"].astype(np.float32)
        return Trial(image, brain, lesion, repaint, str(file["degraded"]), int(file["seed"]))


def keep_trials(folder: Path, trials: Callable[[], Iterable[Trial]]) -> list[Trial]:
    """Read the trials of ``folder``; where they are not complete, make and keep them."""
    done = folder / "complete"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for number, trial in enumerate(trials()):
            save_trial(folder / f"{number:04d}.npz", trial)
        done.touch()
    return [read_trial(path) for path in sorted(folder.glob("*.npz"))]


def _halved(volume: Volume) -> Volume:
    """What is kept on disk is what was repainted: floats rounded to 16 bits."""
    return volume.astype(np.float16).astype(np.float32)
