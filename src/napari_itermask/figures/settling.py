"""How did a run settle? The volume of its mask and its error, pass by pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.axes import (
    Box,
    Entry,
    Scale,
    corner,
    draw_rows,
    key_rows,
    level,
    plot_axes,
    two_boxes,
)
from napari_itermask.figures.sheet import Sheet, stroke
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.style import (
    BLUE,
    FAINT,
    INK,
    MARGIN,
    SERIES,
    VERMILION,
    FigureError,
    Look,
    marked,
    number,
)
from napari_itermask.notes import Tell, say

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_passes(
    shown: Sequence[Shown],
    look: Look | None = None,
    *,
    again: bool = True,
    title: str = "",
    tell: Tell | None = None,
) -> Figure:
    """Draw the mask's volume and the error over the passes of the refinement.

    Parameters
    ----------
    again
        Where a run did not keep the errors of its passes, make the passes again to know them.
    tell
        Called where a run's errors cannot be known, with the reason; None: a UserWarning.

    Raises
    ------
    FigureError
        If a run has no pass of the refinement.
    """
    look = look or Look()
    told = [_Told.of(one, again=again, tell=tell) for one in shown]
    head = look.headlines(title)
    top = MARGIN + look.line * len(head)
    volume_box, error_box = two_boxes(look, top)
    known = [t for t in told if t.errors]
    if not known:
        volume_box = replace(volume_box, width=min(look.inner, 90.0))
        error_box = volume_box
    drawn = error_box.top + error_box.height + 1
    rows = key_rows(look, _pass_entries(told))
    sheet = Sheet(look, drawn + look.line * len(rows) + MARGIN)
    sheet.head(head)
    _draw_volumes(sheet, volume_box, told)
    if known:
        _draw_errors(sheet, error_box, told)
    draw_rows(sheet, rows, MARGIN, drawn)
    return sheet.figure


@dataclass(frozen=True)
class _Told:
    """What the passes of one run gave: ml after each, from before the first; mean errors."""

    label: str
    volumes: list[float]
    errors: dict[str, list[float]]
    threshold: float

    @classmethod
    def of(cls, one: Shown, *, again: bool, tell: Tell | None) -> _Told:
        records = one.run.record.passes
        at = [i for i, p in enumerate(records) if p.phase == "refine"]
        if not at:
            raise FigureError(
                f"{one.called} has no pass of the refinement: refine it to the end first."
            )
        volumes = [records[i].mask_ml for i in at]
        passes = one.run.passes
        if len(passes):
            ml = records[at[0]].mask_ml / max(records[at[0]].mask_voxels, 1)
            ml = ml or float(np.prod(one.placement.spacing)) / 1000
            volumes.insert(0, float(np.count_nonzero(passes.masked(at[0]))) * ml)
        else:
            volumes.insert(0, np.nan)
        try:
            errors = _mean_errors(one, at, again=again)
        except ValueError as error:
            say(f"{one.called} is drawn without its errors: {error}", tell)
            errors = {}
        return cls(one.label, volumes, errors, one.run.threshold)


def _mean_errors(one: Shown, at: Sequence[int], *, again: bool) -> dict[str, list[float]]:
    """The mean error of each pass in the brain, in the last mask, and in the rest of the brain."""
    from napari_itermask.inspection.replayed import replayed

    run = one.run
    if run.scan is None or run.on_grid is None:
        run = replace(run, scan=one.scan, on_grid=one.on_grid)
    brain = one.on_grid.brain
    source = replayed(run)
    final = source.passes.mask(at[-1])[brain]
    parts = {"brain": np.ones_like(final), "final mask": final, "rest of the brain": ~final}
    found: dict[str, list[float]] = {name: [] for name, part in parts.items() if part.any()}
    for _, maps in source.each(at, at if again else ()):
        if maps is None:
            raise FigureError(source.problem or "its passes did not keep their errors.")
        error = maps[1].astype(np.float64)
        for name, values in found.items():
            values.append(float(error[parts[name]].mean()))
    return found


_PARTS = {
    "final mask": (VERMILION, "dashed", "s"),
    "brain": (INK, "solid", "o"),
    "rest of the brain": (BLUE, "dashdot", "^"),
}
_MARKERS = "os^Dv<>p"


def _pass_entries(told: Sequence[_Told]) -> list[Entry]:
    if len(told) > 1:
        return [
            Entry(t.label, *SERIES[i % len(SERIES)], _MARKERS[i % len(_MARKERS)])
            for i, t in enumerate(told)
        ]
    if not told[0].errors:
        return []
    names = [f"mean error in the {name}" for name in told[0].errors]
    parts = [_PARTS[name] for name in told[0].errors]
    entries = [Entry(n, c, s, m) for n, (c, s, m) in zip(names, parts, strict=True)]
    return [*entries, Entry("threshold", FAINT, "dashed")]


def _draw_volumes(sheet: Sheet, box: Box, told: Sequence[_Told]) -> None:
    values = np.concatenate([t.volumes for t in told])
    values = values[np.isfinite(values)]
    log = bool(values.min() > 0 and values.max() > 20 * values.min())
    # Where a mask ends empty there is no logarithm: the start would hide all that follows.
    first = 0 if log or values.min() > 0 else 1
    values = np.concatenate([t.volumes[first:] for t in told])
    values = values[np.isfinite(values)]
    low, high = (values.min() / 1.5, values.max() * 1.5) if log else (0.0, values.max() * 1.08)
    last = max(len(t.volumes) for t in told) - 1
    y = Scale("mask (ml)", float(low), float(high) or 1.0, log)
    ax = plot_axes(sheet, box, _pass_scale(first, last), y)
    for i, t in enumerate(told):
        colour, style = SERIES[i % len(SERIES)] if len(told) > 1 else (INK, "solid")
        marker = _MARKERS[i % len(_MARKERS)] if len(told) > 1 else "o"
        passes = range(first, len(t.volumes))
        stroke(ax, passes, t.volumes[first:], colour, style, **marked(colour, marker))
    words = [f"start: {number(max(t.volumes[0] for t in told))} ml"] if first else []
    if len(told) == 1:
        words.append(f"end: {number(told[0].volumes[-1])} ml")
    corner(ax, sheet.look, "\n".join(words), right=True)


def _draw_errors(sheet: Sheet, box: Box, told: Sequence[_Told]) -> None:
    lines = []
    for i, t in enumerate(told):
        if len(told) > 1:
            colour, style = SERIES[i % len(SERIES)]
            lines += [
                (t.errors[n], colour, style, _MARKERS[i % 8]) for n in t.errors if n == "brain"
            ]
        else:
            lines += [(values, *_PARTS[name]) for name, values in t.errors.items()]
    alone = [[told[0].threshold]] if len(told) == 1 else []
    values = np.concatenate([line[0] for line in lines] + alone)
    above = values[values > 0]
    y = Scale("mean error", float(above.min()) / 1.5, float(above.max()) * 1.5, log=True)
    words = "mean error in the brain" if len(told) > 1 else "mean error"
    ax = plot_axes(
        sheet, box, _pass_scale(1, max(len(v) for v, *_ in lines)), replace(y, words=words)
    )
    for line, colour, style, marker in lines:
        stroke(ax, range(1, len(line) + 1), line, colour, style, **marked(colour, marker))
    if len(told) == 1:
        level(ax, told[0].threshold)


def _pass_scale(first: int, last: int) -> Scale:
    step = max(1, (last - first + 7) // 8)
    ticks = tuple((float(k), "start" if k == 0 else str(k)) for k in range(first, last + 1, step))
    return Scale("pass of the refinement", first - 0.3, last + 0.3, ticks=ticks)
