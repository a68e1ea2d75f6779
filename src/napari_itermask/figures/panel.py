"""One picture of one run or many: a row for each slice, a column for each map or mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.columns import (
    MAPS,
    PLAIN,
    Column,
    Range,
    default_columns,
    picture,
    ranges,
)
from napari_itermask.figures.layout import Plan, Row, plan_of, rows_of
from napari_itermask.figures.recipe import FigureRecipe
from napari_itermask.figures.sheet import Sheet
from napari_itermask.figures.shown import BLACK, WHITE, Shown
from napari_itermask.figures.slices import parse_slices
from napari_itermask.figures.style import MARGIN, MASK_COLOUR, TRUTH_COLOUR, Convention, Look
from napari_itermask.figures.tiles import (
    TALLEST,
    draw_bar,
    draw_letters,
    draw_tile,
    draw_word,
)
from napari_itermask.notes import Tell
from napari_itermask.run import Run
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THREE_PLANES = "A largest C largest S largest"


def draw_panel(
    shown: Sequence[Shown],
    look: Look | None = None,
    *,
    columns: Sequence[Column] | None = None,
    slices: str = "largest",
    convention: Convention = "neurological",
    given: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    tallest: float = TALLEST,
    tell: Tell | None = None,
) -> Figure:
    """Draw a row for each slice of each run, a column for each map or mask.

    All tiles have one scale, so that the one scale bar holds for all of them. Runs of one scan are
    shown in the same slices.

    Parameters
    ----------
    shown
        One run at least.
    look
        Size and font; None: 180 mm wide.
    columns
        None: :func:`default_columns`.
    slices
        See :func:`parse_slices`; the largest lesion is that of the truth, without one the mask's.
    convention
        Which side is left; it is stated on the figure.
    given
        Ranges of maps, (low, high); the others: :func:`ranges`.
    title
        Words above everything.
    tallest
        mm that the figure may be high; tiles are made smaller for it.
    tell
        Called with what a person should know; None: a UserWarning.

    Raises
    ------
    FigureError
        If a run lacks what a column shows, or a slice lies outside its scan.
    """
    look = look or Look()
    columns = list(columns or default_columns(shown))
    rows = rows_of(shown, parse_slices(slices), convention, tell)
    found = ranges(shown, columns, given or {})
    plan = plan_of(
        rows,
        columns,
        look,
        title,
        tallest,
        convention,
        by_scan=found["input"].limits is None,
    )
    sheet = Sheet(look, plan.height)
    _draw_tiles(sheet, plan, rows, columns, found)
    _draw_words(sheet, plan, rows)
    top = plan.bottom + 1
    for left, column in zip(plan.lefts, columns, strict=True):
        if column.name in MAPS:
            draw_bar(sheet, left, top, plan.width, found[column.name])
    plan.footer.draw(sheet, top + plan.bars)
    return sheet.figure


def panel(run: Run, truth: NDArray[np.bool_] | None = None) -> Figure:
    """Draw a run that knows its scan: a row per plane, through its largest lesion.

    Parameters
    ----------
    run
        A finished run.
    truth
        ``(X, Y, Z)`` in the scan's voxels, drawn beside the run's own mask.
    """
    from napari_itermask.figures.draw import draw_shown

    if run.scan is None:
        raise ValueError("this run was loaded without its scan: refine or replay it to draw it.")
    recipe = _overview(run, truth=truth is not None)
    return draw_shown(recipe, [Shown.of(run, truth)], tell=lambda _: None)


def save_panel(
    run: Run,
    path: Path,
    truth: NDArray[np.bool_] | None = None,
    *,
    folder: Path | None = None,
    truth_file: Path | None = None,
) -> Path:
    """Draw :func:`panel` into ``path`` (.png, .pdf, .svg), which may be there; returns the path.

    ``folder``, where the run was saved, and ``truth_file``, where its truth lies, are written into
    the file, so that the figure can be made again from it.
    """
    from napari_itermask.figures.again import save_figure

    figure = panel(run, truth)
    recipe = None
    if folder is not None and (truth is None or truth_file is not None):
        files = {"runs": (str(folder.resolve()),)}
        if truth is not None and truth_file is not None:
            files["truth"] = (str(truth_file.resolve()),)
        recipe = _overview(run, truth=truth is not None).model_copy(update=files)
    return save_figure(figure, path, recipe, overwrite=True)


def grey_limits(scan: Scan) -> tuple[float, float]:
    """The intensities that are shown as black and as white, of the scan and of its repaint."""
    low, high = np.percentile(scan.image[scan.brain], [BLACK, WHITE])
    return float(low), float(high)


def _overview(run: Run, *, truth: bool) -> FigureRecipe:
    return FigureRecipe(
        kind="panel",
        runs=("",),
        columns=",".join([*PLAIN, *(["truth"] if truth else [])]),
        slices=THREE_PLANES,
        title=f"{Shown.of(run).name}, {run.card.name}: mask {run.mask_ml:.1f} ml "
        f"at threshold {run.threshold:.3g} (for research only)",
        dpi=150,
    )


def _draw_tiles(
    sheet: Sheet,
    plan: Plan,
    rows: Sequence[Row],
    columns: Sequence[Column],
    found: Mapping[str, Range],
) -> None:
    for row, top in zip(rows, plan.tops, strict=True):
        high = row.size[1] * plan.scale
        for i, (left, column) in enumerate(zip(plan.lefts, columns, strict=True)):
            sheet.box(left, top, plan.width, high, "black")
            ax = sheet.axes(left, top, plan.width, high)
            what = picture(row.shown, column, found)
            head = plan.width / plan.scale, row.size[1]
            draw_tile(ax, row.view, row.piece.plane, row.index, what, head)
            if i == 0:
                draw_letters(ax, sheet.look, row.view, row.piece.plane, (plan.width, high))
            if what.note:
                draw_word(ax, sheet.look, (0.5, 0.04), what.note, va="bottom")


def _draw_words(sheet: Sheet, plan: Plan, rows: Sequence[Row]) -> None:
    look = sheet.look
    for i, line in enumerate(plan.head):
        sheet.write(look.width / 2, MARGIN + i * look.line, line, ha="center", weight="bold")
    lines = max(t.count("\n") + 1 for t in plan.titles)
    for left, words in zip(plan.lefts, plan.titles, strict=True):
        top = plan.title_top + look.line * (lines - words.count("\n") - 1)
        sheet.write(left + plan.width / 2, top, words, ha="center")
    beside = plan.lefts[0] - 0.4
    for row, top in zip(rows, plan.tops, strict=True):
        if row.places:
            high = row.size[1] * plan.scale
            words = look.fitting(row.places, high, look.small)
            sheet.write_up(beside, top + high / 2, words, size=look.small)
    if any(r.places for r in rows):
        beside -= look.line
    for one in dict.fromkeys(r.shown for r in rows):
        mine = [i for i, r in enumerate(rows) if r.shown is one]
        top, last = plan.tops[mine[0]], mine[-1]
        high = plan.tops[last] + rows[last].size[1] * plan.scale - top
        if one.label:
            sheet.write_up(beside, top + high / 2, look.shortened(one.label, high))


__all__ = [
    "MASK_COLOUR",
    "TRUTH_COLOUR",
    "draw_panel",
    "grey_limits",
    "panel",
    "save_panel",
]
