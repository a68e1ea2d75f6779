"""What a healthy brain looks like on FLAIR, T1 or T2: made out of a real T1 brain and its regions.

Nobody hands out stripped healthy FLAIR scans together with region labels, so a model learns from
real T1 brains whose intensities are translated: texture and anatomy stay real, each region group
gets an intensity that the contrast could show there, drawn anew for every sample. The form may
age, white matter may vary as in healthy old people, then the image is acquired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic import flair, t1, t2
from napari_itermask.synthetic.acquire import AcquireDraw, draw_acquire, with_noise, without_noise
from napari_itermask.synthetic.ageing import AgeingDraw, ageing_displacement, draw_ageing
from napari_itermask.synthetic.contrast import Contrast, translate
from napari_itermask.synthetic.regions import Labels, coil_field, groups_of, tissue_coordinate
from napari_itermask.synthetic.shape import ShapeDraw, draw_shape, reshape
from napari_itermask.synthetic.white_matter import (
    WhiteMatterDraw,
    draw_white_matter,
    vary_white_matter,
)

Modality = Literal["flair", "t1", "t2"]
CONTRASTS = {"flair": flair.draw_contrast, "t1": t1.draw_contrast, "t2": t2.draw_contrast}
BIAS = {"flair": 0.06, "t1": 0.015, "t2": 0.06}
"""Spread of the bias: mild on T1, where a bias field is an anomaly that a model should see."""
NOISE = {"flair": 0.05, "t1": 0.05, "t2": 0.05}
COIL = {"flair": (-0.3, 0.8), "t1": (0.6, 1.2), "t2": (-0.3, 0.8)}
"""Powers to which a scan's own coil field is left in: on T1 near 1, so that it is expected."""
AGED = 0.4
"""Share of the brains that age beyond their own years."""
VARIED = 0.5
"""Share of the FLAIR and T2 brains whose white matter varies."""


@dataclass(frozen=True)
class HealthyDraw:
    """Every number that chance decides for one healthy brain, part by part.

    ``coil``: the power to which the T1 scan's own coil field is left in.
    """

    modality: str
    contrast: Contrast
    coil: float
    ageing: AgeingDraw | None
    white_matter: WhiteMatterDraw | None
    shape: ShapeDraw
    acquire: AcquireDraw


def draw_healthy(rng: np.random.Generator, modality: Modality) -> HealthyDraw:
    """Draw one healthy brain of ``modality``: "flair", "t1" or "t2".

    Raises
    ------
    ValueError
        If there is no such modality.
    """
    if modality not in CONTRASTS:
        raise ValueError(
            f"there are no healthy brains of {modality!r}: choose one of "
            f"{', '.join(get_args(Modality))}."
        )
    varied = modality != "t1" and rng.random() < VARIED
    return HealthyDraw(
        modality=modality,
        contrast=CONTRASTS[modality](rng),
        coil=float(rng.uniform(*COIL[modality])),
        ageing=draw_ageing(rng) if rng.random() < AGED else None,
        white_matter=draw_white_matter(rng) if varied else None,
        shape=draw_shape(rng),
        acquire=draw_acquire(rng, BIAS[modality], NOISE[modality]),
    )


def healthy_brain(
    t1: Volume, labels: Labels, draw: HealthyDraw, shape: tuple[int, int, int]
) -> tuple[Volume, Mask]:
    """Make one healthy brain out of a stripped T1 brain, centred in ``shape``.

    Parameters
    ----------
    t1, labels
        ``(X, Y, Z)``, one grid along RAS; labels number the DLMUSE regions, above 0 is brain.
    draw
        What chance decided (:func:`draw_healthy`); the same draw gives the same brain.
    shape
        Size of the result in voxels of the same spacing.

    Returns
    -------
    image, brain
        float32 with white matter near 1 and background 0; bool.
    """
    image, brain = noiseless_brain(t1, labels, draw, shape)
    return with_noise(image, brain, draw.acquire.noise, draw.acquire.noise_seed), brain


def noiseless_brain(
    t1: Volume, labels: Labels, draw: HealthyDraw, shape: tuple[int, int, int]
) -> tuple[Volume, Mask]:
    """:func:`healthy_brain` before the drawn noise is added; the T1 scan's own noise stays."""
    groups = groups_of(labels)
    field = coil_field(t1, labels)
    image = translate(tissue_coordinate(t1 / field, labels), groups, draw.contrast)
    if draw.white_matter is not None:
        image = vary_white_matter(image, labels, groups, draw.white_matter)
    image = image * field ** np.float32(draw.coil)
    pull = None if draw.ageing is None else ageing_displacement(labels, groups, draw.ageing)
    posed, brain = reshape(image, labels > 0, draw.shape, shape, pull)
    return without_noise(posed, brain, draw.acquire), brain
