"""How well are healthy scans held out repainted, and are spoilt copies of them told apart?

No lesion and no truth is looked at: the repaint error of the first pass (whole brain hidden), and
the AUROC of its mean between the scans and copies with a k-space spike, which are not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.method.guide import high_frequency
from napari_itermask.method.refinement import seeded_noise
from napari_itermask.scans.intensity import Mask, Volume, normalise
from napari_itermask.synthetic.effects import EFFECTS
from napari_itermask.training.prepared import Prepared
from napari_itermask.training.samples import HOLD_OUT, Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    Repaint = Callable[[Volume, Volume], Volume]

SPOILT_BY = "spike"


@dataclass(frozen=True, eq=False)
class Held:
    """A scan held out, or its spoilt copy, in the model's units: ``(X, Y, Z)``."""

    image: Volume
    brain: Mask
    guide: Volume
    seed: int


@dataclass(frozen=True)
class Validation:
    """What one validation found.

    Attributes
    ----------
    repaint_error
        Mean squared error within the brain, over the scans, in the model's units.
    unexplained
        The same as a share of each scan's own variance: 1 is what a flat repaint would give.
    spike_auroc
        Chance that a spoilt copy has the larger mean error.
    """

    repaint_error: float
    unexplained: float
    spike_auroc: float

    def values(self) -> dict[str, float | None]:
        """By name, for a log."""
        return asdict(self)


def hold(scans: Sequence[Prepared], samples: Samples) -> tuple[list[Held], list[Held]]:
    """One fixed variation of each scan held out, and its spoilt copy."""
    settings = samples.settings
    spacing = settings.grid.spacing
    clean: list[Held] = []
    spoilt: list[Held] = []
    for number, scan in enumerate(scans):
        rng = np.random.default_rng([settings.seed, HOLD_OUT, number])
        image, brain = samples.healthy(scan, rng)
        draw = EFFECTS[SPOILT_BY].draw(rng, 1.0, brain, spacing)
        worse, _ = EFFECTS[SPOILT_BY].apply(image, brain, spacing, draw)
        seed = int(rng.integers(2**31))
        for copy, into in ((image, clean), (worse, spoilt)):
            scaled = normalise(copy, brain, settings.normalisation).image
            guide = high_frequency(scaled, settings.cutoff, spacing)
            into.append(Held(scaled, brain, guide, seed))
    return clean, spoilt


def validate(
    repaint: Repaint, clean: Sequence[Held], spoilt: Sequence[Held]
) -> tuple[Validation, list[Volume]]:
    """Repaint every scan held out once; the numbers, and the repaints of the clean ones."""
    from sklearn.metrics import roc_auc_score

    repaints = [_first_pass(repaint, held) for held in clean]
    errors = [_error(held, out) for held, out in zip(clean, repaints, strict=True)]
    worse = [_error(held, _first_pass(repaint, held)) for held in spoilt]
    truth = [0] * len(errors) + [1] * len(worse)
    shares = [e / float(h.image[h.brain].var()) for e, h in zip(errors, clean, strict=True)]
    found = Validation(
        repaint_error=float(np.mean(errors)),
        unexplained=float(np.mean(shares)),
        spike_auroc=float(roc_auc_score(truth, errors + worse)),
    )
    return found, repaints


def repaint_with(network: Any, device: Any, autocast: Any) -> Repaint:
    """A plain ``(masked, guide) -> repaint`` of a network in eval mode on a device."""
    import torch

    def repaint(masked: Volume, guide: Volume) -> Volume:
        with torch.inference_mode(), autocast():
            x = torch.from_numpy(np.stack([masked, guide])[None]).to(device)
            out: Volume = network(x.contiguous(memory_format=torch.channels_last_3d))[0, 0]
            return out.float().cpu().numpy()  # type: ignore[attr-defined, no-any-return]

    return repaint


def _first_pass(repaint: Repaint, held: Held) -> Volume:
    noise = seeded_noise(held.seed, held.image.shape)(0)
    return repaint(np.where(held.brain, noise, held.image), held.guide)


def _error(held: Held, repaint: Volume) -> float:
    return float(((repaint - held.image)[held.brain] ** 2).mean())
