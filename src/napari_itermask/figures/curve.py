"""Which threshold did a run choose? Its search with the fit, and the slope with gamma."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.axes import (
    SPACE,
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
    INK,
    MARGIN,
    VERMILION,
    FigureError,
    Look,
    marked,
    number,
)
from napari_itermask.method.threshold import POINTS, Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARE = "share of the brain (%)"
CURVE = Entry("threshold search", INK)
FIT = Entry("fitted tangent, its slope", BLUE, "dashed")
DIFFERENCES = Entry("smoothed differences (the fit was refused)", INK, "dashdot")
CROSSING = Entry("crossing of gamma", VERMILION, "none", "o")
IN_USE = Entry("threshold in use", VERMILION, "solid")
GAMMA = Entry("gamma", VERMILION, "dotted")
NARROWEST = 50.0
"""mm of a plot beside others."""


def draw_curves(
    shown: Sequence[Shown], look: Look | None = None, *, full: bool = False, title: str = ""
) -> Figure:
    """Draw each run's threshold search with its fit, and the slope with gamma (paper, section 4).

    Parameters
    ----------
    full
        Show all thresholds. Otherwise the low part, as the authors do (-1 to 2), which a curve that
        rises a hundredfold in its last percent would hide.

    Raises
    ------
    FigureError
        If a run made no search.
    """
    look = look or Look()
    for one in shown:
        if one.run.curve is None:
            raise FigureError(
                f"{one.called} made no threshold search, so it has no curve: refine it with one "
                "(--search, search=True)."
            )
    head = look.headlines(title)
    top = MARGIN + look.line * len(head)
    pairs = _pairs(len(shown), look, top)
    rows = key_rows(look, [e for one in shown for e in _curve_entries(one)])
    bottom = max(box.top + box.height for pair in pairs for box in pair) + 1
    sheet = Sheet(look, bottom + look.line * len(rows) + MARGIN)
    sheet.head(head)
    for one, (above, below) in zip(shown, pairs, strict=True):
        _draw_curve(sheet, above, one, full=full)
        _draw_slope(sheet, below, one)
    draw_rows(sheet, rows, MARGIN, bottom)
    return sheet.figure


def useful_range(thresholds: Sequence[float], marked_at: Sequence[float]) -> tuple[float, float]:
    """The part of a search's curve that is looked at, whatever its unit.

    A curve rises a hundredfold in its last percent, which hides everything below. The authors show
    -1 to 2; here it goes half as far again as the largest marked threshold, and at least as far as
    the curve has come after three quarters of its way, or so far while it still grows.
    """
    if not len(thresholds):
        return -0.1, 2.0
    reached = float(np.quantile(thresholds, 0.75)) if len(thresholds) == POINTS else max(thresholds)
    top = max(reached, *(1.5 * m for m in marked_at), 1e-9)
    return -0.06 * top, top


def _pairs(count: int, look: Look, top: float) -> list[tuple[Box, Box]]:
    if count == 1:
        return [two_boxes(look, top)]
    across = max(1, min(count, int((look.inner + SPACE) / (NARROWEST + SPACE))))
    wide = (look.inner + SPACE) / across - SPACE
    highs = min(0.72 * wide, 60.0), min(0.55 * wide, 45.0)
    pairs = []
    for i in range(count):
        left = MARGIN + (i % across) * (wide + SPACE)
        down = top + (i // across) * (sum(highs) + 3)
        pairs.append(
            (Box(left, down, wide, highs[0]), Box(left, down + highs[0] + 0.5, wide, highs[1]))
        )
    return pairs


def _curve_entries(one: Shown) -> list[Entry]:
    fit = _fit(one)
    lines = [FIT] if fit.accepted else [DIFFERENCES]
    in_use = [] if one.run.settings.threshold_rule == "tangent" else [IN_USE]
    return [CURVE, *lines, GAMMA, CROSSING, *in_use]


def _fit(one: Shown) -> Fit:
    assert one.run.curve is not None  # see draw_curves()
    return one.run.curve.fit(one.run.settings.y_limit)


def _draw_curve(sheet: Sheet, box: Box, one: Shown, *, full: bool) -> None:
    curve, settings = one.run.curve, one.run.settings
    assert curve is not None
    thresholds, fit = curve.thresholds, _fit(one)
    choice = curve.choose(settings.gamma, settings.y_limit)
    marks = [choice.threshold, one.run.threshold]
    low, high = useful_range(thresholds.tolist(), marks)
    if full:
        high = 1.06 * float(thresholds.max())
        low = -0.06 * high
    ax = plot_axes(
        sheet, box, Scale(SHARE, 0, POINTS), Scale("threshold (error)", low, high), one.label
    )
    percent = np.arange(1, POINTS + 1)
    stroke(ax, percent, thresholds, CURVE.colour, CURVE.style)
    if fit.accepted:
        fitted = fit.a * np.tan(fit.b * percent)
        fitted[np.abs(fit.b) * percent >= np.pi / 2] = np.nan  # beyond its pole it means nothing
        stroke(ax, percent, fitted, FIT.colour, FIT.style)
    if settings.threshold_rule != "tangent":
        level(ax, one.run.threshold, IN_USE.colour, IN_USE.style)
    if choice.index is not None:
        stroke(
            ax,
            [choice.index + 1],
            [choice.threshold],
            INK,
            "none",
            **marked(CROSSING.colour, CROSSING.marker),
        )
    quality = f"R² = {fit.r2:.3f}" if np.isfinite(fit.r2) else "no fit"
    refused = "" if fit.accepted else "\nfit refused"
    above = int(np.count_nonzero(thresholds > high))
    hidden = f"\n{above} of {POINTS} points above" if above else ""
    corner(ax, sheet.look, f"{quality}{refused}{hidden}")


def _draw_slope(sheet: Sheet, box: Box, one: Shown) -> None:
    settings, fit, curve = one.run.settings, _fit(one), one.run.curve
    assert curve is not None
    slope = np.where(fit.derivative > 0, fit.derivative, np.nan)
    known = slope[np.isfinite(slope)]
    low = min(float(known.min()), settings.gamma) / 2 if len(known) else settings.gamma / 10
    high = max(float(known.max()), settings.gamma) * 2 if len(known) else settings.gamma * 10
    ax = plot_axes(
        sheet, box, Scale(SHARE, 0, POINTS), Scale("slope (error / %)", low, high, log=True)
    )
    entry = FIT if fit.accepted else DIFFERENCES
    stroke(ax, np.arange(1, POINTS + 1), slope, entry.colour, entry.style)
    level(ax, settings.gamma, GAMMA.colour, GAMMA.style)
    choice = curve.choose(settings.gamma, settings.y_limit)
    if choice.index is not None and np.isfinite(slope[choice.index]) and not choice.note:
        at = slope[choice.index]
        stroke(
            ax,
            [choice.index + 1],
            [at],
            INK,
            "none",
            **marked(CROSSING.colour, CROSSING.marker),
        )
    words = f"gamma = {number(settings.gamma)}\nthreshold {number(choice.threshold)}"
    corner(ax, sheet.look, "slope never exceeds gamma" if choice.note else words)
