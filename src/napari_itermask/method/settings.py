"""Every number a user may turn: one frozen model for Python, the shell, the window and docs."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Price = Literal["free", "a few passes", "a hundred passes"]
Group = Literal["threshold", "guide", "refinement", "after"]


def _field(
    default: Any, description: str, *, group: Group, price: Price, unit: str = "", **limits: Any
) -> Any:
    return Field(
        default,
        description=description,
        json_schema_extra={"group": group, "price": price, "unit": unit},
        **limits,
    )


class RefineSettings(BaseModel):
    """Settings of one run; ``RefineSettings()`` alone is the method as published.

    Frozen: change a copy with :meth:`replace`. Each field carries its help, and in
    ``json_schema_extra`` its group, its unit and its price: ``free`` (the cached curve is read
    again), ``a few passes`` (the refinement runs again) or ``a hundred passes`` (a new search).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    threshold_rule: Literal["tangent", "calibrated", "manual"] = _field(
        "tangent",
        "How the error threshold is chosen: by the slope of the search's curve (the paper), by "
        "what healthy brains taught (the model's card), or by hand.",
        group="threshold",
        price="a few passes",
    )
    gamma: float = _field(
        0.05,
        "Tangent rule: the threshold is taken where the curve's slope first exceeds this.",
        group="threshold",
        price="a few passes",
        unit="error / %",
        gt=0,
        le=1000,
    )
    y_limit: float = _field(
        10.0,
        "Tangent rule: the tangent is fitted to the thresholds before the first above this.",
        group="threshold",
        price="a few passes",
        unit="error",
        gt=0,
        le=1e6,
    )
    manual_threshold: float = _field(
        1.0,
        "Manual rule: the error above which a voxel stays masked.",
        group="threshold",
        price="a few passes",
        unit="error",
        ge=0,
        le=1e6,
    )
    cutoff: float | None = _field(
        None,
        "Cutoff of the high-frequency guide; empty: the one the model was trained with.",
        group="guide",
        price="a hundred passes",
        unit="cycles/mm",
        gt=0,
        le=10,
    )
    start_mask: Literal["brain_mask", "best_threshold_mask"] = _field(
        "brain_mask",
        "Where the refinement starts: the whole brain (advised for 3D), or the search's mask at "
        "the chosen threshold.",
        group="refinement",
        price="a few passes",
    )
    stop_rule: Literal["code", "figure"] = _field(
        "code",
        "When it stops: once the mask shrinks by less than min_change or grows (the authors' "
        "code), or once it changes by less (their figure).",
        group="refinement",
        price="a few passes",
    )
    min_change: float = _field(
        0.01,
        "Relative change of the mask below which the refinement stops.",
        group="refinement",
        price="a few passes",
        unit="share",
        gt=0,
        lt=1,
    )
    max_passes: int = _field(
        100,
        "The refinement ends after this many passes, whatever the mask does.",
        group="refinement",
        price="a few passes",
        unit="passes",
        ge=1,
        le=10_000,
    )
    only_shrink: bool = _field(
        False,
        "A voxel that was unmasked stays so.",
        group="refinement",
        price="a few passes",
    )
    seed: int = _field(
        0,
        "Seed of the noise that hides the masked voxels.",
        group="refinement",
        price="a hundred passes",
        ge=0,
        le=2**32 - 1,
    )
    smoothing: float = _field(
        0.0,
        "Gaussian sigma that smooths the difference, within the brain, before it is squared.",
        group="after",
        price="a hundred passes",
        unit="mm",
        ge=0,
        le=20,
    )
    sign: Literal["both", "brighter", "darker"] = _field(
        "both",
        "Which differences count: both, only brighter than repainted, or only darker.",
        group="after",
        price="a hundred passes",
    )
    intensity_floor: float | None = _field(
        None,
        "Differences count only where the scaled image is above this; empty: everywhere.",
        group="after",
        price="a hundred passes",
        unit="scaled intensity",
        ge=-100,
        le=100,
    )
    max_difference: float | None = _field(
        None,
        "Larger differences count as this much before they are smoothed, so that a few voxels far "
        "off weigh no more than many a little off; empty: as they are.",
        group="after",
        price="a hundred passes",
        unit="scaled intensity",
        gt=0,
        le=1000,
    )
    expected_error: bool = _field(
        False,
        "Divide the difference by what healthy brains show at such a place (from the model).",
        group="after",
        price="a hundred passes",
    )
    rim: float = _field(
        0.0,
        "Depth of the brain's rim that is left out of the score.",
        group="after",
        price="a hundred passes",
        unit="mm",
        ge=0,
        le=50,
    )
    min_volume: float = _field(
        0.0,
        "Pieces of the final mask smaller than this are dropped.",
        group="after",
        price="free",
        unit="ml",
        ge=0,
        le=1000,
    )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, checked like any other."""
        return type(self).model_validate({**self.model_dump(), **changes})

    def same_score(self, other: RefineSettings) -> bool:
        """Whether both read the same error map, so that a search's curve still holds."""
        names = (
            "smoothing",
            "sign",
            "intensity_floor",
            "max_difference",
            "expected_error",
            "rim",
        )
        return all(getattr(self, n) == getattr(other, n) for n in names)

    def same_path(self, other: RefineSettings) -> bool:
        """Whether a refinement begun with one may go on with the other."""
        names = (
            "threshold_rule",
            "gamma",
            "y_limit",
            "manual_threshold",
            "start_mask",
            "only_shrink",
        )
        return self.same_score(other) and all(getattr(self, n) == getattr(other, n) for n in names)
