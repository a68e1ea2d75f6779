"""A whole brain at a glance: many slices of one run, one map, with masks over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_itermask.figures.columns import MAPS, Column, picture, ranges
from napari_itermask.figures.sheet import Sheet
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.slices import Slice, View, parse_slices
from napari_itermask.figures.style import MARGIN, Convention, Look, Plane
from napari_itermask.figures.tiles import (
    GAP,
    TALLEST,
    Footer,
    bar_height,
    draw_bar,
    draw_letters,
    draw_tile,
    draw_word,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROWEST = 19.0
"""mm of a tile, so that its place can be read on it."""
EVERY = 8.0
"""mm between slices."""


def draw_lightbox(
    shown: Shown,
    look: Look | None = None,
    *,
    show: Column | None = None,
    slices: str = "",
    plane: Plane = "axial",
    every: float = EVERY,
    convention: Convention = "neurological",
    given: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    tallest: float = TALLEST,
) -> Figure:
    """Draw many slices of one run, in rows.

    Parameters
    ----------
    show
        What each shows; None: the agreement with the truth, without one the mask.
    slices
        See :func:`parse_slices`: in rows as it says, or if it has a single row, as many beside each
        other as make a block. "": a slice of ``plane`` every ``every`` mm over the whole brain.
    look, convention, given, title, tallest
        As in :func:`draw_panel`.

    Raises
    ------
    FigureError
        If the run lacks what is shown, or a slice lies outside its scan.
    """
    look = look or Look()
    show = show or Column("mask" if shown.truth is None else "agreement")
    view = shown.view(convention)
    found = ranges([shown], [show], given or {})
    title = title or shown.label
    head = look.headlines(title)
    bars = bar_height(look) + 0.5 if show.name in MAPS else 0.0
    lines = _lines(view, slices, plane, every, look)
    plan = _plan(view, lines, look, look.line * len(head), bars, tallest)
    footer = Footer(look, plan.scale, convention, show.pens)
    sheet = Sheet(look, plan.bottom + bars + footer.height + MARGIN)
    sheet.head(head)
    what = picture(shown, show, found)
    lesion = shown.run.mask if shown.truth is None else shown.truth
    for i, line in enumerate(lines):
        for j, piece in enumerate(line):
            left = plan.left + j * (plan.size[0] + GAP)
            top = plan.top + i * (plan.size[1] + GAP)
            sheet.box(left, top, *plan.size, "black")
            ax = sheet.axes(left, top, *plan.size)
            index = view.index(piece, shown.called, lesion)
            draw_tile(ax, view, piece.plane, index, what, plan.head)
            if j == 0 and (i == 0 or piece.plane != lines[i - 1][0].plane):
                draw_letters(ax, look, view, piece.plane, plan.size)
            if piece.labelled:
                place = view.place(piece.plane, index)
                draw_word(ax, look, (0.03, 0.98), place, ha="left", va="top")
    if bars:
        draw_bar(sheet, MARGIN, plan.bottom, min(50.0, look.inner), found[show.name], show.name)
    footer.draw(sheet, plan.bottom + bars)
    return sheet.figure


@dataclass(frozen=True)
class _Plan:
    """Where the tiles lie: mm on the page; ``head``: width and height of one in mm of the head."""

    scale: float
    head: tuple[float, float]
    left: float
    top: float
    bottom: float

    @property
    def size(self) -> tuple[float, float]:
        return self.head[0] * self.scale, self.head[1] * self.scale


def _lines(
    view: View, slices: str, plane: Plane, every: float, look: Look
) -> Sequence[Sequence[Slice]]:
    if slices:
        lines = parse_slices(slices)
    else:
        lines = (tuple(Slice(plane, mm) for mm in view.evenly(plane, every)),)
    if len(lines) > 1:
        return lines
    line = lines[0]
    wide, high = _widest(view, lines)
    square = round((len(line) * high / wide) ** 0.5)  # a block about as high as wide
    across = max(1, min(len(line), square, int((look.inner + GAP) / (NARROWEST + GAP))))
    return [line[i : i + across] for i in range(0, len(line), across)]


def _plan(
    view: View,
    lines: Sequence[Sequence[Slice]],
    look: Look,
    head: float,
    bars: float,
    tallest: float,
) -> _Plan:
    wide, high = _widest(view, lines)
    across = max(map(len, lines))
    top = MARGIN + head + (0.5 if head else 0)
    rest = top + GAP * len(lines) + bars + 4 * look.line + MARGIN  # a footer of three lines
    scale = min(
        ((look.inner + GAP) / across - GAP) / wide,
        max((tallest - rest) / len(lines) / high, 0.02),
    )
    left = (look.width + GAP - across * (wide * scale + GAP)) / 2
    bottom = top + len(lines) * (high * scale + GAP) + 0.5
    return _Plan(scale, (wide, high), left, top, bottom)


def _widest(view: View, lines: Sequence[Sequence[Slice]]) -> tuple[float, float]:
    sizes = [view.size(piece.plane) for line in lines for piece in line]
    return max(s[0] for s in sizes), max(s[1] for s in sizes)
