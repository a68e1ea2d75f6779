"""Which voxels do the boxes of a file hold? Corners in voxels or mm, or x, y, width and height.

A file is CSV with a header, or JSON: a list of boxes, or one object of columns, either of them
also under the key ``boxes`` or ``bbox_gold`` (as in NOVA). The names say what the numbers are:

``x0 y0 z0 x1 y1 z1``
    Two opposite corners, voxels along the file's axes from 0, both included.
``x0_mm y0_mm z0_mm x1_mm y1_mm z1_mm``
    Two opposite corners in RAS mm of the scan's world: voxels whose centre lies between them.
``x y width height z [depth]``
    NOVA's boxes with the slice they were drawn on: the first voxel along each of the file's axes
    and how many; depth 1 if it is missing. ``slice`` is ``z``.

Other names (a label, a rater) are ignored.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from napari_itermask.scans.intensity import Mask

CORNERS = ("x0", "y0", "z0", "x1", "y1", "z1")
WRAPPED = ("boxes", "bbox_gold")
HAIR = 1e-3
"""Of a voxel: how far a corner may miss the centre that it means."""


@dataclass(frozen=True, eq=False)
class Box:
    """Two corners ``(3,)``, both included, in voxels or in RAS mm: between centres of voxels."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    in_mm: bool = False


def read_boxes(file: Path) -> list[Box]:
    """Read the boxes of a .csv or .json file.

    Raises
    ------
    ValueError
        In one sentence that names the file and the box.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = _rows_of_json(file, text) if file.suffix.lower() == ".json" else _rows_of_csv(text)
    except FileNotFoundError:
        raise ValueError(f"{file} does not exist: check the path.") from None
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{file} cannot be read ({reason}): give boxes as CSV or JSON.") from None
    return [_box(f"box {n} of {file}", row) for n, row in enumerate(rows, 1)]


def fill(
    boxes: list[Box], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> tuple[Mask, list[int]]:
    """The voxels in any box of a volume ``shape`` ``(X, Y, Z)``, and which boxes hold none, from 1.

    What lies beyond the volume is cut off. ``affine`` ``(4, 4)``: voxels to world, RAS mm.
    """
    out, outside = np.zeros(shape, bool), []
    for number, box in enumerate(boxes, 1):
        low, high = box.low, box.high
        if box.in_mm:
            corners = np.array(list(product(*zip(low, high, strict=True))))
            voxels = apply_affine(np.linalg.inv(affine), corners)
            low, high = voxels.min(0), voxels.max(0)
        # A hair, so that a corner given to a few digits still holds the voxel that it names.
        first = np.clip(np.ceil(low - HAIR), 0, shape).astype(int)
        stop = np.clip(np.floor(high + HAIR) + 1, first, shape).astype(int)
        within: Any = np.ones(stop - first, bool)
        if box.in_mm:  # the axes of the volume may be oblique to those of the world
            centres = apply_affine(affine, np.moveaxis(np.indices(stop - first), 0, -1) + first)
            near = HAIR * voxel_sizes(affine).max()
            within = ((centres >= box.low - near) & (centres <= box.high + near)).all(-1)
        out[tuple(slice(a, b) for a, b in zip(first, stop, strict=True))] |= within
        if not within.any():
            outside.append(number)
    return out, outside


def _rows_of_csv(text: str) -> list[Mapping[str, Any]]:
    lines = text.strip().splitlines()
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    return list(csv.DictReader(lines, delimiter=delimiter))


def _rows_of_json(file: Path, text: str) -> list[Mapping[str, Any]]:
    data = json.loads(text)
    for key in WRAPPED:
        if isinstance(data, dict) and key in data:
            data = data[key]
    if isinstance(data, dict):
        lengths = {len(v) for v in data.values() if isinstance(v, list)}
        if len(lengths) > 1:
            raise ValueError(f"{file} has columns of unequal length: give each box all numbers.")
        count = lengths.pop() if lengths else 1
        data = [
            {k: v[i] if isinstance(v, list) else v for k, v in data.items()} for i in range(count)
        ]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ValueError(f"{file} is no list of boxes: give each as an object with named numbers.")
    return data


def _box(called: str, row: Mapping[str, Any]) -> Box:
    named = {str(k).strip().lower(): v for k, v in row.items() if v is not None and v != ""}
    if "slice" in named:
        named.setdefault("z", named["slice"])
    for ending in ("", "_mm"):
        if all(c + ending in named for c in CORNERS):
            corners = np.array([_number(called, named, c + ending) for c in CORNERS]).reshape(2, 3)
            return Box(corners.min(0), corners.max(0), in_mm=bool(ending))
    if not {"x", "y", "width", "height"} <= named.keys():
        raise ValueError(
            f"{called} lacks its corners: name them x0, y0, z0, x1, y1, z1 (voxels), the same "
            "with _mm (RAS mm), or x, y, width, height and z."
        )
    if "z" not in named:
        raise ValueError(f"{called} is flat and names no slice: add its z.")
    named.setdefault("depth", 1)
    first, size = (
        np.array([_number(called, named, name) for name in names])
        for names in (("x", "y", "z"), ("width", "height", "depth"))
    )
    if (size <= 0).any():
        raise ValueError(f"{called} has a side of {size.min():g}: give sides above 0.")
    return Box(first, np.ceil(first + size) - 1)


def _number(called: str, named: Mapping[str, Any], name: str) -> float:
    try:
        value = float(named[name])
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{called} has {name} = {named[name]!r}: give a finite number.")
    return value
