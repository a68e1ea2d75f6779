"""What a model is and may be used for: its card, and the README that is made from it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_itermask.method.guide import PUBLISHED_CUTOFF
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import Calibration
from napari_itermask.scans.grid import PUBLISHED_GRID, Grid


class Measured(BaseModel):
    """One measured number of a card, with the command that measures it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float
    unit: str = ""
    data: str = ""


class ModelCard(BaseModel):
    """Everything about a model that its weights do not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    name: str
    summary: str = ""
    modality: str = Field(description='"flair", "t1", "t2", ...')
    grid: Grid = PUBLISHED_GRID
    normalisation: str = Field(
        description="Rule of scans/intensity.py: minmax90, zscore, flat-iqr."
    )
    cutoff: float = Field(PUBLISHED_CUTOFF, gt=0, description="Guide's cutoff in cycles/mm.")
    settings: RefineSettings = Field(
        default_factory=RefineSettings, description="The settings that measured best."
    )
    calibration: Calibration | None = None
    training: str = ""
    training_data: tuple[str, ...] = ()
    licence: str = ""
    attribution: str = ""
    scope: str = ""
    limits: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()
    measured_by: str = Field("", description="The command that measures these numbers.")

    def readme(self) -> str:
        """The card as a Hugging Face model card (README.md)."""
        front = {
            "license": self.licence or "other",
            "library_name": "napari-itermask",
            "pipeline_tag": "image-segmentation",
            "tags": ["medical", "brain", "mri", "anomaly-detection", self.modality],
        }
        parts = ["---", *_yaml(front), "---", "", f"# {self.name}", "", self.summary, ""]
        parts += [
            "For research only, not for diagnosis.",
            "",
            "## Use",
            "",
            "```python",
            "import napari_itermask as itm",
            "",
            f'run = itm.refine(itm.load_scan("scan.nii.gz"), itm.load_model("{self.name}"))',
            'run.save("out")',
            "```",
            "",
            f"- Modality: {self.modality.upper()}",
            f"- Grid: {_times(self.grid.spacing)} mm, {_times(self.grid.shape)} voxels",
            f"- Normalisation: {self.normalisation}",
            f"- Cutoff of the guide: {self.cutoff:g} cycles/mm",
        ]
        for title, text in (
            ("Scope", self.scope),
            ("Training", self.training),
            ("Attribution", self.attribution),
        ):
            if text:
                parts += ["", f"## {title}", "", text]
        if self.training_data:
            parts += ["", "## Training data", "", *(f"- {line}" for line in self.training_data)]
        if self.limits:
            parts += ["", "## Known limits", "", *(f"- {line}" for line in self.limits)]
        if self.measured:
            parts += ["", "## Evaluation", ""]
            if self.measured_by:
                parts += [f"Measured by `{self.measured_by}`.", ""]
            parts += ["| what | data | value |", "|---|---|---|"]
            parts += [f"| {m.name} | {m.data} | {m.value:g} {m.unit} |" for m in self.measured]
        changed = {
            k: v for k, v in self.settings.model_dump().items() if v != getattr(RefineSettings(), k)
        }
        parts += ["", "## Settings that measured best", ""]
        parts += [f"- {k}: {v}" for k, v in changed.items()] or ["- as published"]
        return "\n".join(parts) + "\n"


def first_problem(error: ValidationError) -> str:
    """The first thing that a checked file has wrong, and where: ``cutoff: Input should be ...``."""
    first = error.errors()[0]
    return f"{'.'.join(str(p) for p in first['loc']) or 'the file'}: {first['msg']}"


def _times(values: tuple[Any, ...]) -> str:
    return " x ".join(f"{v:g}" for v in values)


def _yaml(front: dict[str, Any]) -> list[str]:
    lines = []
    for key, value in front.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"- {v}" for v in value)]
        else:
            lines.append(f"{key}: {value}")
    return lines
