"""Where does each tile of a panel lie, and what is written beside it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_itermask.figures.columns import (
    MAPS,
    Column,
)
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.slices import Slice, View
from napari_itermask.figures.style import MARGIN, Convention, Look
from napari_itermask.figures.tiles import (
    GAP,
    Footer,
    bar_height,
)
from napari_itermask.notes import Tell, say


@dataclass(frozen=True, eq=False)
class Row:
    """A slice of a run; ``index``: which canonical one it is."""

    shown: Shown
    view: View
    piece: Slice
    index: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm of the head."""
        return self.view.size(self.piece.plane)

    @property
    def places(self) -> tuple[str, ...]:
        """Its plane's axis and mm, the longest first; none if it is not to be written."""
        if not self.piece.labelled:
            return ()
        place = self.view.place(self.piece.plane, self.index)
        return f"{place} mm", place


@dataclass(frozen=True, eq=False)
class Plan:
    """Where everything lies, in mm on the page; ``scale``: of them for a mm of the head."""

    scale: float
    lefts: list[float]
    width: float
    tops: list[float]
    bottom: float
    titles: list[str]
    title_top: float
    head: list[str]
    bars: float
    footer: Footer
    height: float


def rows_of(
    shown: Sequence[Shown],
    slices: Sequence[Sequence[Slice]],
    convention: Convention,
    tell: Tell | None,
) -> list[Row]:
    """A row for each slice of each run; runs of one scan are shown in the same slices."""
    rows: list[Row] = []
    known: dict[tuple[str, Slice], int] = {}
    for one in shown:
        view = one.view(convention)
        lesion = one.run.mask if one.truth is None else one.truth
        for piece in (piece for row in slices for piece in row):
            key = one.same, piece
            if key not in known:
                known[key] = view.index(piece, one.called, lesion)
                if piece.mm is None and not lesion.any():
                    say(
                        f"{one.called} has no lesion: its slice lies in the middle of the brain.",
                        tell,
                    )
            rows.append(Row(one, view, piece, known[key]))
    return rows


def plan_of(
    rows: Sequence[Row],
    columns: Sequence[Column],
    look: Look,
    title: str,
    tallest: float,
    convention: Convention,
    *,
    by_scan: bool,
) -> Plan:
    """Lay tiles out at one scale, as large as width and ``tallest`` allow, with all words.

    ``by_scan``: whether each scan's grey has its own range, which is stated then.
    """
    gutter = look.line * (any(r.shown.label for r in rows) + any(r.places for r in rows))
    count = len(columns)
    space = look.inner - gutter - GAP * (count - 1)
    head = look.headlines(title)
    widest = max(r.size[0] for r in rows)
    bars = bar_height(look) + 0.5 if any(c.name in MAPS for c in columns) else 0.0
    pens = [pen for c in columns for pen in c.pens]
    notes = _notes(rows, by_scan=by_scan)

    def planned(scale: float) -> Plan:
        width = widest * scale
        titles = [look.fitting(c.titles, width + GAP / 2) for c in columns]
        title_top = MARGIN + look.line * len(head)
        top = title_top + look.line * max(t.count("\n") + 1 for t in titles) + 0.3
        tops = []
        for row in rows:
            tops.append(top)
            top += row.size[1] * scale + GAP
        footer = Footer(look, scale, convention, pens, notes)
        left = MARGIN + gutter + (space - count * width) / 2
        return Plan(
            scale,
            [left + i * (width + GAP) for i in range(count)],
            width,
            tops,
            top - GAP,
            titles,
            title_top,
            head,
            bars,
            footer,
            top - GAP + 1 + bars + footer.height + MARGIN,
        )

    plan = planned(space / count / widest)
    if plan.height > tallest:
        tiles = sum(r.size[1] for r in rows)
        plan = planned(max((tallest - plan.height) / tiles + plan.scale, 0.02))
    return plan


def _notes(rows: Sequence[Row], *, by_scan: bool) -> list[str]:
    notes = []
    if by_scan:
        notes.append("Grey: from each scan's 1st to 99.8th percentile within the brain.")
    if any(r.shown.image is None for r in rows):
        notes.append("Masks of a scan that was not found are drawn on its repaint.")
    return notes
