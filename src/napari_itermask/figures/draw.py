"""The door of all figures: a recipe in, a figure out, from the shell, the window and Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from napari_itermask.figures.columns import parse_columns, parse_ranges
from napari_itermask.figures.curve import draw_curves
from napari_itermask.figures.dice import draw_dice, draw_paired
from napari_itermask.figures.lightbox import draw_lightbox
from napari_itermask.figures.opening import open_runs
from napari_itermask.figures.panel import draw_panel
from napari_itermask.figures.recipe import FigureRecipe, Kind
from napari_itermask.figures.roc import draw_roc
from napari_itermask.figures.settling import draw_passes
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.style import FigureError, Look
from napari_itermask.notes import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(recipe: FigureRecipe, tell: Tell | None = None) -> Figure:
    """Open a recipe's runs, with their scans where those are still there, and draw them.

    Parameters
    ----------
    tell
        Called with what a person should know, such as a scan that is gone; None: a UserWarning.

    Raises
    ------
    ValueError
        If a run cannot be read, or lacks what is asked for: one sentence.
    """
    recipe.check()
    shown = open_runs(recipe.runs, recipe.truth, recipe.scan, recipe.label, tell)
    against = open_runs(recipe.against, (), recipe.scan, (), tell) if recipe.against else []
    truths = {one.same: one.truth for one in shown}
    for one in against:  # of the same scans: so are their truths
        one.truth = truths.get(one.same)
    return draw_shown(recipe, shown, against, tell)


def draw_shown(
    recipe: FigureRecipe,
    shown: Sequence[Shown],
    against: Sequence[Shown] = (),
    tell: Tell | None = None,
) -> Figure:
    """Draw runs that are open already, such as those in memory; of the recipe all but its paths."""
    recipe.check()
    look = Look(recipe.width, recipe.dpi, recipe.font, recipe.font_size)
    title, names = recipe.title, recipe.set_name or ("first", "second")
    two = names[0], names[-1]
    draws: dict[Kind, Callable[[], Figure]] = {
        "panel": lambda: _panel(recipe, shown, look, tell),
        "lightbox": lambda: _lightbox(recipe, shown[0], look),
        "curve": lambda: draw_curves(shown, look, full=recipe.full, title=title),
        "passes": lambda: draw_passes(shown, look, again=recipe.again, title=title, tell=tell),
        "roc": lambda: draw_roc(shown, look, title=title),
        "paired": lambda: draw_paired(shown, against, look, names=two, title=title),
        "dice": lambda: draw_dice(shown, against, look, by=recipe.by, names=two, title=title),
    }
    return draws[recipe.kind]()


def _panel(recipe: FigureRecipe, shown: Sequence[Shown], look: Look, tell: Tell | None) -> Figure:
    return draw_panel(
        shown,
        look,
        columns=parse_columns(recipe.columns) if recipe.columns else None,
        slices=recipe.slices or "largest",
        convention=recipe.convention,
        given=parse_ranges(recipe.range),
        title=recipe.title,
        tallest=recipe.tallest,
        tell=tell,
    )


def _lightbox(recipe: FigureRecipe, shown: Shown, look: Look) -> Figure:
    columns = parse_columns(recipe.show) if recipe.show else (None,)
    if len(columns) > 1:
        raise FigureError(f"a lightbox shows one map: choose one of {recipe.show!r}.")
    return draw_lightbox(
        shown,
        look,
        show=columns[0],
        slices=recipe.slices,
        plane=recipe.plane,
        every=recipe.every,
        convention=recipe.convention,
        given=parse_ranges(recipe.range),
        title=recipe.title,
        tallest=recipe.tallest,
    )
