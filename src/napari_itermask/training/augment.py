"""How a plain healthy scan is varied before it is learnt from: pose, blur, bias, contrast, noise.

Chance is drawn here, from our own generator, as plain numbers; the effects are those of TorchIO,
given those numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.healthy import BIAS, NOISE

ORDER = 2
TERMS = 10  # monomials up to order 2


@dataclass(frozen=True)
class AugmentDraw:
    """Every number that chance decides for one copy of a scan.

    ``degrees``, ``translation`` (mm) and ``scales`` of an affine map; ``blur`` (mm) along each
    axis; ``bias`` factors in the logarithm of a bias field; ``gamma`` the exponent of a contrast
    curve; ``noise`` as a share of the brain's range.
    """

    scales: tuple[float, ...]
    degrees: tuple[float, ...]
    translation: tuple[float, ...]
    flip: bool
    blur: tuple[float, ...]
    bias: tuple[float, ...]
    gamma: float
    noise: float
    seed: int


def draw_augment(
    rng: np.random.Generator, modality: str, spacing: tuple[float, float, float]
) -> AugmentDraw:
    """Draw one copy: turns of about 5 degrees, 8 % in size, half of them blurred, half biased."""
    blurred = np.where(rng.random() < 0.5, rng.uniform(0, 0.8, 3), 0.0) * spacing
    biased = rng.random() < 0.5
    return AugmentDraw(
        scales=_floats(rng.uniform(0.92, 1.08, 3)),
        degrees=_floats(rng.normal(0, 5, 3)),
        translation=_floats(rng.normal(0, 2, 3)),
        flip=bool(rng.random() < 0.5),
        blur=_floats(blurred),
        bias=_floats(rng.normal(0, BIAS.get(modality, 0.06), TERMS)) if biased else (),
        gamma=float(np.exp(rng.uniform(-0.25, 0.25))),
        noise=float(rng.uniform(0, NOISE.get(modality, 0.05))),
        seed=int(rng.integers(2**31)),
    )


def augment(
    image: Volume, brain: Mask, draw: AugmentDraw, spacing: tuple[float, float, float]
) -> tuple[Volume, Mask]:
    """The copy of a scan ``(X, Y, Z)`` that ``draw`` describes: float32, 0 outside; and its brain.

    Its noise is left to :func:`~napari_itermask.synthetic.acquire.with_noise`: TorchIO's would seed
    torch's one generator, which other threads draw from too.

    Image and brain are moved and blurred together and divided, so that the dark background never
    bleeds into the rim. Intensities come back between 0 and about 1.
    """
    import torch
    import torchio

    tio: Any = torchio  # typed in part only

    if draw.flip:
        image, brain = image[::-1], brain[::-1]
    low, high = (float(v) for v in np.percentile(image[brain], [0.1, 99.9]))
    share = np.where(brain, np.clip((image - low) / max(high - low, 1e-9), 0, None), 0)
    affine = np.diag([*spacing, 1.0])

    def volume(array: Any) -> Any:
        return tio.ScalarImage(
            tensor=torch.from_numpy(array.astype(np.float32))[None], affine=affine
        )

    subject = tio.Subject(image=volume(share), weight=volume(brain))
    subject = tio.Affine(
        scales=draw.scales,
        degrees=draw.degrees,
        translation=draw.translation,
        default_pad_value=0,
    )(subject)
    moved = subject["weight"].numpy()[0] > 0.5
    if any(draw.blur):
        subject = tio.Blur(draw.blur)(subject)
    weight = subject["weight"].numpy()[0]
    inside = np.where(moved, subject["image"].numpy()[0] / np.maximum(weight, 0.1), 0)
    changes: list[Any] = [tio.Gamma(draw.gamma)]
    if draw.bias:
        changes.append(tio.BiasField(list(draw.bias), ORDER))
    out: Volume = tio.Compose(changes)(volume(inside)).numpy()[0]
    return np.where(moved, out, 0).astype(np.float32), moved


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
