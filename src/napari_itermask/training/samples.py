"""What one step learns from: a healthy brain, its guide, what is hidden; pure in seed and place.

The sample of step k in slot s of the batch depends on the seed, k and s alone. So a training that
was killed goes on with the very samples it would have seen, and several devices, each with slots of
its own, see together what one device would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.scans.intensity import Mask, Volume, normalise
from napari_itermask.synthetic.acquire import with_noise
from napari_itermask.synthetic.healthy import draw_healthy, noiseless_brain
from napari_itermask.synthetic.lesion import add_lesion, draw_lesion
from napari_itermask.training.augment import augment, draw_augment
from napari_itermask.training.masks import hidden_region
from napari_itermask.training.prepared import Prepared
from napari_itermask.training.settings import TrainSettings

SHOWN, OUTSIDE = 0.4, 0.05
"""Weight of the loss where the brain is shown and outside it; 1 where it is hidden."""
LEARN, SETTLE, HOLD_OUT = 0, 1, 2
"""Streams of chance: for the steps, for the norms' statistics, for the validation."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Network input ``(2, X, Y, Z)``, target and weight ``(X, Y, Z)``, float32; the brain."""

    inputs: Volume
    target: Volume
    weight: Volume
    brain: Mask


@dataclass(frozen=True)
class Samples:
    """All samples that there can be of some scans."""

    scans: Sequence[Prepared]
    settings: TrainSettings

    def block(
        self, number: int, slots: Iterable[int], stream: int = LEARN, uses: int | None = None
    ) -> list[list[Sample]]:
        """The samples of a block of steps: one list for each step, in it one sample a slot.

        A brain is drawn once for a block of ``uses`` steps and hidden anew in each of them.
        """
        uses = uses or self.settings.uses
        columns = [self._slot(number, slot, stream, uses) for slot in slots]
        return [list(row) for row in zip(*columns, strict=True)]

    def healthy(self, scan: Prepared, rng: np.random.Generator) -> tuple[Volume, Mask]:
        """One variation of a healthy scan on the grid, 0 outside the brain, and its brain."""
        image, _, brain = self.drawn(scan, rng)
        return image, brain

    def drawn(self, scan: Prepared, rng: np.random.Generator) -> tuple[Volume, Volume, Mask]:
        """One variation of a healthy scan, the same before its drawn noise, and its brain."""
        settings = self.settings
        if scan.labelled:
            brain = scan.labelled_brain()
            draw = draw_healthy(rng, settings.modality)  # type: ignore[arg-type]
            clean, mask = noiseless_brain(brain.t1, brain.labels, draw, settings.grid.shape)
            noise, seed = draw.acquire.noise, draw.acquire.noise_seed
            return with_noise(clean, mask, noise, seed), clean, mask
        image, mask = scan.scan()
        spacing = settings.grid.spacing
        change = draw_augment(rng, settings.modality, spacing)
        clean, mask = augment(image, mask, change, spacing)
        return with_noise(clean, mask, change.noise, change.seed), clean, mask

    def _slot(self, number: int, slot: int, stream: int, uses: int) -> list[Sample]:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, stream, number, slot])
        scan = self._scan(number * settings.batch + slot, stream)
        image, clean, mask = self.drawn(scan, rng)
        aim = clean if settings.noise_free else image
        spacing = settings.grid.spacing
        if rng.random() < settings.lesions:
            for _ in range(rng.integers(1, 4)):
                image, _hit = add_lesion(image, mask, draw_lesion(rng, mask), spacing)
        scaled = normalise(image, mask, settings.normalisation)
        target = scaled.image
        if image is not aim:
            target = (aim - scaled.offset) / np.float32(scaled.scale)
            if settings.normalisation.endswith("iqr"):
                target = np.clip(target, -6, 12)
            target = np.where(mask, target, scaled.background).astype(np.float32)
        guide = high_frequency(scaled.image, settings.cutoff, spacing)
        return [_hide(rng, scaled.image, target, guide, mask, settings) for _ in range(uses)]

    def _scan(self, place: int, stream: int) -> Prepared:
        """The scan at ``place`` of the shuffled rounds over all scans."""
        turn, within = divmod(place, len(self.scans))
        order = np.random.default_rng([self.settings.seed, stream, 2**31 + turn])
        return self.scans[int(order.permutation(len(self.scans))[within])]


def _hide(
    rng: np.random.Generator,
    image: Volume,
    target: Volume,
    guide: Volume,
    brain: Mask,
    settings: TrainSettings,
) -> Sample:
    hidden = hidden_region(rng, brain, settings.grid.spacing, settings.whole)
    noise = rng.standard_normal(image.shape, np.float32)
    weight = np.where(hidden, 1.0, np.where(brain, SHOWN, OUTSIDE)).astype(np.float32)
    return Sample(np.stack([np.where(hidden, noise, image), guide]), target, weight, brain)
