"""Which side of the body lies at which edge of a picture, and how does the camera set that?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

Plane = Literal["axial", "coronal", "sagittal", "3d"]
Convention = Literal["neurological", "radiological"]
"""Neurological: the patient's left at the left. Radiological: the patient's right at the left."""

Codes = tuple[str, str, str]
"""Where the viewer's last three world axes point to, a letter each."""

Vector = tuple[float, float, float]

CODES: Codes = ("S", "P", "R")
"""Of the world in which our layers lie unless they follow another plugin's: (S, -A, R)."""


@dataclass(frozen=True)
class Letters:
    """What lies at each edge of the canvas: "R", "L", "A", "P", "S", "I", or "" for nothing.

    On a turned 3-D view a direction between axes has several letters, the largest part first.
    """

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


def edge_letters(
    order: Sequence[int], ndisplay: int, horizontal: str, vertical: str, codes: Codes = CODES
) -> Letters:
    """The letters of a 2-D view; none in 3-D and where there are fewer than three axes.

    Parameters
    ----------
    order
        The viewer's ``dims.order``; of more than three axes the last three lie in the body.
    ndisplay
        The viewer's ``dims.ndisplay``.
    horizontal, vertical
        Where the displayed axes increase to: "left" or "right", "up" or "down".
    codes
        Where the world's axes point to in the body.
    """
    if ndisplay != 2 or len(order) < 3:
        return Letters()
    down, right = (_code(axis - (len(order) - 3), codes) for axis in order[-2:])
    if vertical == "up":
        down = _OPPOSITE[down]
    if horizontal == "left":
        right = _OPPOSITE[right]
    return Letters(left=_OPPOSITE[right], right=right, top=_OPPOSITE[down], bottom=down)


def space_letters(
    order: Sequence[int], right: Sequence[float], up: Sequence[float], codes: Codes = CODES
) -> Letters:
    """The letters of a 3-D view.

    Parameters
    ----------
    order
        The viewer's ``dims.order``.
    right, up
        Directions ``(3,)`` of the canvas in the world of the displayed axes.
    codes
        Where the world's axes point to in the body.
    """
    if len(order) < 3:
        return Letters()
    shown = [_code(axis - (len(order) - 3), codes) for axis in order[-3:]]
    return Letters(
        left=_mixed(-np.asarray(right), shown),
        right=_mixed(np.asarray(right), shown),
        top=_mixed(np.asarray(up), shown),
        bottom=_mixed(-np.asarray(up), shown),
    )


def upright(
    order: Sequence[int], ndisplay: int, convention: Convention, codes: Codes = CODES
) -> tuple[str, str, str]:
    """The camera's orientation (depth, vertical, horizontal) that shows a body as it should be.

    In 2-D: head or front at the top, in sagittal views the front at the left, else left and right
    as ``convention`` says. In 3-D: never mirrored.
    """
    depth, down, right = (_code(axis - (len(order) - 3), codes) for axis in order[-3:])
    if ndisplay == 3:
        axes = [_DIRECTION[code] for code in (depth, down, right) if code]
        mirrored = len(axes) == 3 and np.linalg.det(axes) < 0
        return "away" if mirrored else "towards", "down", "right"
    against = "L" if convention == "neurological" else "R"
    lies_on_its_side = down in ("R", "L")  # no convention has a view for that
    turned = right in (against, "A", "I") and not lies_on_its_side
    return "towards", "up" if down in ("S", "A") else "down", "left" if turned else "right"


def codes_of(view: NDArray[np.float64]) -> Codes:
    """Where the world's axes point to, if ``view`` ``(4, 4)`` brings RAS mm to that world."""
    first, second, third = aff2axcodes(np.linalg.inv(view))
    return str(first), str(second), str(third)


def axes_of(plane: Plane, codes: Codes = CODES) -> tuple[int, int, int]:
    """The world's axes (0, 1, 2) that a plane has across it, down and to the right."""
    across, down, right = (
        next(i for i, code in enumerate(codes) if code in both) for both in _AXES[plane]
    )
    return across, down, right


def plane_of(order: Sequence[int], ndisplay: int, codes: Codes = CODES) -> Plane | None:
    """The plane that a viewer shows; None where it shows none of the body's."""
    if len(order) < 3:
        return None
    if ndisplay == 3:
        return "3d"
    across, down, right = (_code(axis - (len(order) - 3), codes) for axis in order[-3:])
    if not (across and down and right):
        return None
    planes: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
    return next(plane for plane in planes if across in _AXES[plane][0])


def gaze(axes: Sequence[int], codes: Codes = CODES) -> tuple[Vector, Vector]:
    """Where to a 3-D view looks and which way is up, for displayed ``axes``: from the front."""
    shown = [codes[axis] for axis in axes]
    return _along({"P": 1.0, "I": 0.35, "R": 0.35}, shown), _along({"S": 1.0}, shown)


_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S", "": ""}
_DIRECTION = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}
_AXES: dict[Plane, tuple[str, str, str]] = {  # across the plane, down, to the right
    "axial": ("SI", "AP", "LR"),
    "coronal": ("AP", "SI", "LR"),
    "sagittal": ("LR", "SI", "AP"),
    "3d": ("SI", "AP", "LR"),
}


def _code(axis: int, codes: Codes) -> str:
    """The letter of a world axis, counted from the first that lies in the body."""
    return codes[axis] if axis >= 0 else ""


def _mixed(direction: Any, codes: Sequence[str]) -> str:
    """The letters of the axes that a direction follows within 67 degrees, the closest first."""
    pairs = zip(direction, codes, strict=True)
    ends = [(abs(d), code if d > 0 else _OPPOSITE[code]) for d, code in pairs]
    length = float(np.linalg.norm(direction)) or 1.0
    return "".join(code for size, code in sorted(ends, reverse=True) if size > 0.39 * length)


def _along(parts: dict[str, float], codes: Sequence[str]) -> Vector:
    """A direction in the body, as a vector of the world's axes."""
    first, second, third = (parts.get(c, 0.0) - parts.get(_OPPOSITE[c], 0.0) for c in codes)
    return first, second, third
