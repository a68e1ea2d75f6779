"""What does a field of the settings say of itself? Its words, help, range and price."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from napari_itermask.gui.refine.number_box import short
from napari_itermask.method.guide import PUBLISHED_CUTOFF
from napari_itermask.method.settings import Price, RefineSettings

MARKS: dict[Price, str] = {"free": "○", "a few passes": "◐", "a hundred passes": "●"}
"""What a change costs, told by shape and not by colour."""

LEGEND = "Price:  ○ free   ◐ few passes   ● hundred"

WORDS: dict[str, dict[str, str]] = {
    "threshold_rule": {
        "tangent": "slope of the curve",
        "calibrated": "healthy brains",
        "manual": "by hand",
    },
    "start_mask": {"brain_mask": "the whole brain", "best_threshold_mask": "the search's mask"},
    "stop_rule": {"code": "as in the code", "figure": "as in the figure"},
    "sign": {"both": "both", "brighter": "only brighter", "darker": "only darker"},
}
"""Choices as a person reads them."""

FALLBACKS = {"cutoff": PUBLISHED_CUTOFF, "intensity_floor": 0.0, "max_difference": 1.0}
"""What the box of an empty field shows, and what ticking it begins with."""


def label_of(name: str) -> str:
    """A field's name as it stands before its control."""
    return name.replace("_", " ")


def help_of(name: str) -> str:
    """A field's help, range and price, for its tooltip."""
    field = RefineSettings.model_fields[name]
    lines = [f"{name}: {field.description}"]
    allowed = range_words(name)
    if allowed:
        unit = extra_of(field)["unit"]
        lines.append(f"{allowed[0].upper()}{allowed[1:]}{f' {unit}' if unit else ''}.")
    price = extra_of(field)["price"]
    lines.append(f"Price of a change: {price}.")
    return "\n".join(lines)


def range_words(name: str) -> str:
    """The numbers that a field takes, in words; "" where it takes no number or any."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    said = [
        f"{word} {short(limit)}"
        for key, word in words.items()
        if (limit := _limits_of(RefineSettings.model_fields[name]).get(key)) is not None
    ]
    return " and ".join(said)


def kind_of(field: FieldInfo) -> tuple[Any, bool]:
    """The type of a field without None, and whether it may be None."""
    kind = field.annotation
    if get_origin(kind) in (Union, UnionType):
        inner = [one for one in get_args(kind) if one is not NoneType]
        return inner[0], len(inner) < len(get_args(kind))
    return kind, False


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """Its group, price and unit."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return dict(extra)


def _limits_of(field: FieldInfo) -> dict[str, float]:
    """What pydantic was told: gt, ge, lt, le."""
    return {
        key: float(limit)
        for one in field.metadata
        for key in ("gt", "ge", "lt", "le")
        if (limit := getattr(one, key, None)) is not None
    }


def ends_of(field: FieldInfo) -> tuple[float, float]:
    """Where stepping ends: on the limit if that is allowed, else just before it."""
    limits = _limits_of(field)
    low = limits.get("ge", limits.get("gt", -1e300) + _inside(limits, "gt"))
    high = limits.get("le", limits.get("lt", 1e300) - _inside(limits, "lt"))
    return low, high


def _inside(limits: dict[str, float], key: str) -> float:
    return 1e-6 if key in limits else 0.0


def unit_in_box(field: FieldInfo) -> str:
    """The unit as it fits behind the number; the help has it in full."""
    unit = str(extra_of(field)["unit"])
    return {"scaled intensity": "scaled"}.get(unit, unit)


def may_be_zero(field: FieldInfo) -> bool:
    """Whether 0 is in its range."""
    limits = _limits_of(field)
    return limits.get("ge", -1.0) <= 0 and "gt" not in limits
