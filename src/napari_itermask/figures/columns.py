"""What can stand in a tile of a figure: which map, in which range, with which masks over it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.contours import (
    FALSE_ALARM,
    HIT,
    MASK,
    MISS,
    PASS,
    TRUTH,
    Outline,
    Pen,
    agreement,
)
from napari_itermask.figures.shown import BLACK, WHITE, Shown
from napari_itermask.figures.slices import GridMap
from napari_itermask.figures.style import FigureError, number

NAMES = ("input", "guide", "mask", "reconstruction", "error", "truth", "agreement")
PLAIN = ("input", "mask", "reconstruction", "error")
WITH_TRUTH = (*PLAIN, "truth", "agreement")
MAPS = ("input", "guide", "reconstruction", "error")
"""The columns that have a colour bar, and whose range can be given."""
_SHORT = {
    "reconstruction": ("recon-\nstruction", "recon."),
    "agreement": ("agree-\nment", "agr."),
}
_PENS: dict[str, tuple[Pen, ...]] = {
    "mask": (MASK,),
    "truth": (TRUTH,),
    "agreement": (HIT, MISS, FALSE_ALARM),
}


@dataclass(frozen=True)
class Column:
    """One of :data:`NAMES`, or the mask after a pass: ``phase`` "refine" or "search"."""

    name: str
    phase: str = ""
    number: int = 0

    @property
    def titles(self) -> tuple[str, ...]:
        """What stands above it, the longest first."""
        if self.phase == "search":
            return f"search at {self.number} %", f"search\n{self.number} %"
        if self.phase and self.number == 0:
            return "first mask", "first\nmask"
        if self.phase:
            return f"mask, pass {self.number}", f"mask\npass {self.number}", f"pass {self.number}"
        return self.name, *_SHORT.get(self.name, ())

    @property
    def pens(self) -> tuple[Pen, ...]:
        """What the key below the figure explains."""
        return (PASS,) if self.phase else _PENS.get(self.name, ())

    @property
    def needs_truth(self) -> bool:
        """Whether it shows nothing without a truth."""
        return self.name in ("truth", "agreement")


@dataclass(frozen=True)
class Range:
    """A column's colours: its map, from where to where, and what stands at the bar's ends.

    ``limits`` None: each scan's own percentiles, black and white.
    """

    colours: str
    limits: tuple[float, float] | None

    def ends(self, width_of: Callable[[str], float], width: float) -> tuple[str, str]:
        """Words at both ends of the colour bar, of as many digits as ``width`` has room for."""
        if self.limits is None:
            choices = [(f"{BLACK:g} %", f"{WHITE:g} %"), (f"{BLACK:g}", f"{WHITE:g}")]
        else:
            low, high = self.limits
            choices = [(number(low, d), number(high, d)) for d in (3, 2)]
            if low == -high:
                choices.append(("", f"±{number(high, 2)}"))
        fits = (c for c in choices if width_of("".join(c)) + 1 <= width)
        return next(fits, choices[-1])


@dataclass(frozen=True, eq=False)
class Picture:
    """What one tile shows. Arrays ``(X, Y, Z)`` in the scan's voxels; ``note``: words on it."""

    volume: NDArray[Any] | GridMap
    colours: str
    limits: tuple[float, float]
    outlines: tuple[Outline, ...] = ()
    note: str = ""


def parse_columns(text: str) -> tuple[Column, ...]:
    """Read columns: names of :data:`NAMES` with commas, and ``mask@5``, ``search@20``.

    ``mask@5`` is the mask after the fifth pass of the refinement (0: what it hid first),
    ``search@20`` the one that the threshold search set at 20 %.

    Raises
    ------
    FigureError
        If a word is none of these.
    """
    columns = [_column(word.strip().lower()) for word in text.split(",") if word.strip()]
    if not columns:
        raise FigureError(f"columns {text!r} name none: give some of {', '.join(NAMES)}.")
    return tuple(columns)


def default_columns(shown: Sequence[Shown]) -> tuple[Column, ...]:
    """What a panel shows unless it is told: with a truth, it too and the agreement with it."""
    truth = any(s.truth is not None for s in shown)
    return tuple(Column(name) for name in (WITH_TRUTH if truth else PLAIN))


def parse_ranges(given: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Read ``error=0,2`` and the like.

    Raises
    ------
    FigureError
        If one is no such words, names no map, or is empty.
    """
    found = {}
    for text in given:
        name, _, ends = text.partition("=")
        try:
            low, high = (float(end) for end in ends.split(","))
        except ValueError:
            low = high = np.nan
        if name not in MAPS or not low < high:
            raise FigureError(
                f"range {text!r}: give one of {', '.join(MAPS)} and two rising numbers, as in "
                "'error=0,2'."
            )
        found[name] = (low, high)
    return found


def ranges(
    shown: Sequence[Shown], columns: Sequence[Column], given: Mapping[str, tuple[float, float]]
) -> dict[str, Range]:
    """The range of each map that ``columns`` show, one for all ``shown``.

    Intensities of different scans have no common unit: unless a range is given, each is shown from
    its own 1st to its own 99.8th percentile.
    """
    found = {}
    for name in {c.name for c in columns} & set(MAPS) | {"input"}:
        # Masks are drawn on the scan, and a repaint is compared with it: one range for all of them.
        limits = given.get(name) or (given.get("input") if name == "reconstruction" else None)
        if limits is None and name == "error":
            limits = 0.0, _top_error(shown)
        elif limits is None and name == "guide":
            with ThreadPoolExecutor(4) as threads:
                grids = list(threads.map(lambda s: s.on_grid, shown))
            top = max(float(np.percentile(np.abs(g.guide[g.brain]), 99.5)) for g in grids)
            limits = -top, top
        elif limits is None and all(a.same == b.same for a, b in pairwise(shown)):
            limits = shown[0].grey
        found[name] = Range("inferno" if name == "error" else "gray", limits)
    return found


def picture(shown: Shown, column: Column, found: Mapping[str, Range]) -> Picture:
    """What a tile of ``column`` shows of a run."""
    name = column.name
    if name in MAPS and not (name == "input" and shown.image is None):
        return Picture(_map(shown, name), found[name].colours, found[name].limits or shown.grey)
    grey = Picture(shown.base, "gray", found["input"].limits or shown.grey)
    if name == "input":
        return Picture(np.zeros_like(shown.base), "gray", (0, 1), note="no scan")
    if column.phase:
        mask, reached = shown.mask_at(column.phase, column.number)
        ended = reached < column.number
        note = f"ended at {reached}" if ended else ""
        return Picture(grey.volume, "gray", grey.limits, (Outline(mask, PASS),), note)
    if column.needs_truth and shown.truth is None:
        return Picture(grey.volume, "gray", grey.limits, note="no truth")
    return Picture(grey.volume, "gray", grey.limits, _outlines(shown, name))


def _map(shown: Shown, name: str) -> NDArray[Any] | GridMap:
    if name == "guide":
        grid = shown.on_grid
        return GridMap(grid.guide, grid.placement, grid.brain)
    return {
        "input": shown.base,
        "reconstruction": shown.run.reconstruction,
        "error": shown.run.error,
    }[name]


def _outlines(shown: Shown, name: str) -> tuple[Outline, ...]:
    mask, truth = shown.run.mask, shown.truth
    if name == "mask":
        return (Outline(mask, MASK),)
    assert truth is not None  # see picture()
    return (Outline(truth, TRUTH),) if name == "truth" else agreement(mask, truth)


def _top_error(shown: Sequence[Shown]) -> float:
    """Four thresholds or the 99th percentile; of several runs the middle one, so that a large
    tumour does not leave small lesions black."""
    tops = [max(4 * s.run.threshold, float(np.percentile(s.run.error[s.brain], 99))) for s in shown]
    return max(float(np.median(tops)), *(1.5 * s.run.threshold for s in shown), 1e-6)


def _column(word: str) -> Column:
    name, at, count = word.partition("@")
    phase = {"mask": "refine", "search": "search"}.get(name, "")
    if at and phase and re.fullmatch(r"\d{1,6}", count):
        if phase == "search" and not 1 <= int(count) <= 100:
            raise FigureError(f"column {word!r}: the search has passes 1 to 100.")
        return Column("mask", phase, int(count))
    if at or name not in NAMES:
        raise FigureError(
            f"column {word!r} is not known: choose some of {', '.join(NAMES)}, or mask@5 (after "
            "pass 5), search@20 (the search's mask at 20 %)."
        )
    return Column(name)
