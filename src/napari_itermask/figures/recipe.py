"""What is a figure made of? Everything that draws it again, in words and as plain values."""

from __future__ import annotations

import shlex
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_itermask.figures.style import FONT, Convention, FigureError, Plane

Kind = Literal["panel", "curve", "passes", "dice", "paired", "roc", "lightbox"]
KINDS: dict[Kind, str] = {
    "panel": "a row for each slice of each run, a column for each map or mask",
    "curve": "the threshold search with its fit, slope and crossing",
    "passes": "mask volume and error over the passes of the refinement",
    "dice": "Dice by volume",
    "paired": "Dice of each scan with two settings",
    "roc": "ROC and PR curves of the error, and where the run stopped",
    "lightbox": "many slices of one run",
}
NO_TRUTH = "none"
"""In a list of truths: this run has none."""
SLICED: tuple[Kind, ...] = ("panel", "lightbox")
COMPARED: tuple[Kind, ...] = ("dice", "paired")


def _of(*kinds: Kind) -> dict[str, Any]:
    return {"of": kinds}


class FigureRecipe(BaseModel):
    """Everything that a figure is made of; each field but the first two is an option of the shell.

    Paths are as a shell command takes them; those of runs name folders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    runs: tuple[str, ...] = Field(min_length=1)
    against: tuple[str, ...] = Field((), json_schema_extra=_of(*COMPARED))
    truth: tuple[str, ...] = Field((), json_schema_extra=_of(*SLICED, *COMPARED, "roc"))
    scan: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    set_name: tuple[str, ...] = Field((), json_schema_extra=_of(*COMPARED))
    columns: str = Field("", json_schema_extra=_of("panel"))
    slices: str = Field("", json_schema_extra=_of(*SLICED))
    show: str = Field("", json_schema_extra=_of("lightbox"))
    plane: Plane = Field("axial", json_schema_extra=_of("lightbox"))
    every: float = Field(8.0, gt=0, le=200, json_schema_extra=_of("lightbox"))
    convention: Convention = Field("neurological", json_schema_extra=_of(*SLICED))
    range: tuple[str, ...] = Field((), json_schema_extra=_of(*SLICED))
    full: bool = Field(False, json_schema_extra=_of("curve"))
    again: bool = Field(True, json_schema_extra=_of("passes"))
    by: Literal["scan", "lesion"] = Field("scan", json_schema_extra=_of("dice"))
    title: str = ""
    width: float = Field(180.0, ge=30, le=600)
    tallest: float = Field(225.0, ge=30, le=900, json_schema_extra=_of(*SLICED))
    dpi: int = Field(300, ge=50, le=1200)
    font: str = FONT
    font_size: float = Field(7.0, ge=4, le=20)

    def check(self) -> None:
        """Refuse what belongs to another kind of figure.

        Raises
        ------
        FigureError
            In one sentence.
        """
        for name, field in type(self).model_fields.items():
            about: Any = field.json_schema_extra or {}
            of = about.get("of", KINDS)
            if self.kind not in of and getattr(self, name) != field.default:
                raise FigureError(
                    f"--{_option(name)} belongs to {' and '.join(of)}, not to {self.kind}: leave "
                    "it out."
                )
        if self.kind == "lightbox" and len(self.runs) > 1:
            raise FigureError("a lightbox shows one run: give one.")
        if self.kind == "paired" and not self.against:
            raise FigureError(
                "paired compares two settings: give the runs of the other one too (--against RUN)."
            )
        if len(self.set_name) not in (0, 2):
            raise FigureError("two sets have two names: give --set-name twice.")

    def command(self) -> str:
        """The shell command that draws it; the output file is left out."""
        words = ["napari-itermask", "figure", self.kind, *self.runs]
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if name in ("kind", "runs") or value == field.default:
                continue
            option = f"--{_option(name)}"
            if isinstance(value, bool):
                words.append(option if value else f"--no-{_option(name)}")
            elif isinstance(value, tuple):
                words += [word for one in value for word in (option, one)]
            elif isinstance(value, str):
                words += [option, value]
            else:
                words += [option, str(int(value) if value == round(value) else value)]
        return shlex.join(words)


def _option(name: str) -> str:
    return {"again": "replay"}.get(name, name.replace("_", "-"))
