"""Training samples for a FLAIR model: a healthy brain, its guide, what is hidden of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.scans.intensity import Mask, Volume, normalise
from napari_itermask.synthetic.flair import Labels, draw_flair, flair_from_t1
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion
from napari_itermask.training.masks import hidden_region

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Brain:
    """A stripped T1 scan and its region labels, on one grid."""

    name: str
    t1: Volume
    labels: Labels


@dataclass(frozen=True)
class Sample:
    """What one step sees: network input ``(2, X, Y, Z)``, target and weight ``(X, Y, Z)``."""

    inputs: Volume
    target: Volume
    weight: Volume
    brain: Mask


def load_brains(folder: Path) -> list[Brain]:
    """Read every ``*_t1.nii.gz`` of ``folder`` that has a ``*_labels.nii.gz`` beside it."""
    brains = []
    for path in sorted(folder.glob("*_t1.nii.gz")):
        labels = path.with_name(path.name.replace("_t1", "_labels"))
        if labels.exists():
            t1 = np.asarray(nib.load(path).dataobj, np.float32)  # type: ignore[attr-defined]
            regions = np.asarray(nib.load(labels).dataobj, np.uint8)  # type: ignore[attr-defined]
            brains.append(Brain(path.name.split("_t1")[0], t1, regions))
    if not brains:
        raise ValueError(f"{folder} holds no *_t1.nii.gz with a *_labels.nii.gz beside it.")
    return brains


def samples(
    brains: Sequence[Brain],
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    spacing: Spacing,
    rule: str,
    cutoff: float,
    lesions: float = 0.4,
    uses: int = 2,
) -> Iterator[Sample]:
    """Draw samples without end, in shuffled rounds over ``brains``.

    A share ``lesions`` of them carries lesions in the image and in its guide, while the target
    stays the healthy brain. Each translated brain is used ``uses`` times with masks of its own.
    """
    while True:
        for index in rng.permutation(len(brains)):
            brain = brains[int(index)]
            healthy, mask = flair_from_t1(brain.t1, brain.labels, draw_flair(rng), shape)
            image = healthy
            if rng.random() < lesions:
                for _ in range(rng.integers(1, 4)):
                    image, _hit = add_lesion(image, mask, draw_lesion(rng, mask), spacing)
            scaled = normalise(image, mask, rule)
            target = _same_scale(healthy, mask, scaled.scale, scaled.offset, scaled.background)
            guide = high_frequency(scaled.image, cutoff, spacing)
            for _ in range(uses):
                yield _hide(rng, scaled.image, target, guide, mask, spacing)


def _same_scale(
    image: Volume, brain: Mask, scale: float, offset: Volume | float, background: float
) -> Volume:
    out = np.clip((image - offset) / np.float32(scale), -6, 12)
    return np.where(brain, out, background).astype(np.float32)


def _hide(
    rng: np.random.Generator,
    image: Volume,
    target: Volume,
    guide: Volume,
    brain: Mask,
    spacing: Spacing,
) -> Sample:
    hidden = hidden_region(rng, brain, spacing)
    noise = rng.standard_normal(image.shape, np.float32)
    weight = np.where(hidden, 1.0, np.where(brain, 0.4, 0.05)).astype(np.float32)
    return Sample(np.stack([np.where(hidden, noise, image), guide]), target, weight, brain)
