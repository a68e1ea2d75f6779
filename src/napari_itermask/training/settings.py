"""Which numbers decide a training: one frozen model, kept with its state, checked on resume."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from napari_itermask.method.guide import PUBLISHED_CUTOFF
from napari_itermask.scans.grid import PUBLISHED_GRID, SIDE, Grid

Channels = tuple[int, int, int, int, int]

WIDTHS: dict[str, Channels] = {
    "quarter": (4, 8, 16, 32, 64),
    "half": (8, 16, 32, 64, 128),
    "published": (16, 32, 64, 128, 256),
}
EXTENT = (160.0, 192.0, 160.0)
"""What a grid holds unless it is the published one, in mm: every adult brain, posed upright."""
NORMALISATION = {"t1": "iqr"}
"""By modality, else flat-iqr: on T1 a bias field is an artefact that should stay to be found."""
NOISE_FREE = ("t1",)
"""Modalities whose noise is an artefact: shown in image and guide, it is not to be repainted."""
LESIONS = {"flair": 0.4}
"""By modality, else none: where the anomalies that matter are bright lesions."""
MAY_CHANGE = ("steps", "minutes", "validate_every")
"""What another line may set anew when it resumes a training."""


class TrainSettings(BaseModel):
    """Every number that changes what a network learns; the same settings and scans, the same loss.

    Frozen: change a copy with :meth:`replace`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    modality: str = Field(min_length=1, description="flair, t1, t2 ...")
    grid: Grid = Field(description="Spacing and shape of what the network sees.")
    normalisation: str = Field(description="Rule of scans/intensity.py.")
    cutoff: float = Field(PUBLISHED_CUTOFF, gt=0, description="Guide's cutoff in cycles/mm.")
    channels: Channels = Field(WIDTHS["half"], description="Channels of the five encoder stages.")
    steps: int = Field(3600, ge=1, description="Steps of the optimiser.")
    minutes: float | None = Field(None, gt=0, description="At most so long, over all calls.")
    batch: int = Field(2, ge=1, description="Samples of one step, over all devices together.")
    uses: int = Field(2, ge=1, description="Steps that use one drawn brain, each with own masks.")
    rate: float = Field(2e-3, gt=0, description="Adam's learning rate after the warm-up.")
    warmup: int = Field(100, ge=0, description="Steps until the rate is full.")
    average: float = Field(0.998, ge=0, lt=1, description="Decay of the weights' moving average.")
    smooth_loss: float = Field(3.0, ge=0, description="Weight of the smoothed difference's term.")
    statistics: int = Field(60, ge=1, description="Batches that settle the norms at the end.")
    whole: float = Field(0.4, ge=0, le=1, description="Share of masks that hide the whole brain.")
    noise_free: bool = Field(
        False, description="Whether the drawn noise is shown but not to be repainted."
    )
    lesions: float = Field(0.0, ge=0, le=1, description="Share of images with a drawn lesion.")
    validation: int | None = Field(None, ge=0, description="Scans held out; None: a tenth.")
    validate_every: int = Field(300, ge=1, description="Steps from one validation to the next.")
    start: str | None = Field(
        None, description="Name and hash of the model whose weights it starts from."
    )
    seed: int = Field(0, ge=0, description="Of weights, scans, masks and noise.")

    @classmethod
    def of(cls, modality: str, **given: Any) -> Self:
        """The settings of a modality: what is not given, or None, takes its default."""
        base = {
            "grid": grid_named("2mm"),
            "normalisation": NORMALISATION.get(modality, "flat-iqr"),
            "lesions": LESIONS.get(modality, 0.0),
            "noise_free": modality in NOISE_FREE,
        }
        chosen = {k: v for k, v in given.items() if v is not None}
        return cls(modality=modality, **{**base, **chosen})

    def replace(self, **changes: Any) -> Self:
        """A checked copy with some fields changed."""
        return self.model_validate({**self.model_dump(), **changes})

    def conflict(self, other: Self) -> str | None:
        """The first setting that a resumed training may not change and ``other`` has changed."""
        for name in type(self).model_fields:
            if name not in MAY_CHANGE and getattr(self, name) != getattr(other, name):
                return name
        return None

    def rate_at(self, share: float, step: int) -> float:
        """Learning rate of step ``step`` where ``share`` of the training lies behind: a cosine."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        first = min(self.warmup / self.steps, 0.99)
        done = min(max((share - first) / (1 - first), 0.0), 1.0)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def share(self, step: int, seconds: float) -> float:
        """How much of the training lies behind, by steps or by time, whichever is further."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return max(step / self.steps, by_time)


def grid_named(text: str) -> Grid:
    """The grid of a spacing such as "2mm"; "1mm" is the published one of 192^3 voxels.

    Raises
    ------
    ValueError
        If the text names no spacing from 0.5 to 8 mm.
    """
    try:
        spacing = float(text.strip().lower().removesuffix("mm"))
    except ValueError:
        spacing = math.nan
    if not 0.5 <= spacing <= 8:
        raise ValueError(f"--grid {text!r} is no grid: give a spacing from 0.5mm to 8mm, as 2mm.")
    if spacing == 1:
        return PUBLISHED_GRID
    # Not under two multiples: where the deepest level is one voxel wide, bfloat16 goes wrong.
    sides = [SIDE * max(2, math.ceil(e / spacing / SIDE)) for e in EXTENT]
    return Grid(spacing=(spacing,) * 3, shape=(sides[0], sides[1], sides[2]))


def channels_named(text: str) -> Channels:
    """The channels of a width: "half", "published", "quarter", or five even numbers with commas.

    Raises
    ------
    ValueError
        If the text is none of them.
    """
    if text in WIDTHS:
        return WIDTHS[text]
    parts = text.split(",")
    if len(parts) == 5 and all(p.strip().isdigit() and int(p) % 2 == 0 < int(p) for p in parts):
        one, two, three, four, five = (int(p) for p in parts)
        return one, two, three, four, five
    raise ValueError(
        f"--width {text!r} is no width: give {', '.join(WIDTHS)}, or five even numbers with commas."
    )
