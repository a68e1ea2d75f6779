"""How well do masks meet their truths: Dice by volume, and Dice of two settings in pairs?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.figures.axes import (
    SHARES,
    SIDE_BY_SIDE,
    Box,
    Entry,
    Scale,
    draw_rows,
    key_rows,
    plot_axes,
)
from napari_itermask.figures.sheet import Sheet, letter, stroke
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
from napari_itermask.method.scores import overlap
from napari_itermask.scans.scan import voxel_ml

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

By = Literal["scan", "lesion"]
BINS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""ml: between these a median is drawn where at least three volumes lie."""
FEWEST = 3
TESTED = 6
"""Pairs from which a paired test is worth stating."""
SETS = ((BLUE, "o"), (VERMILION, "^"))


def draw_dice(
    shown: Sequence[Shown],
    against: Sequence[Shown] = (),
    look: Look | None = None,
    *,
    by: By = "scan",
    names: tuple[str, str] = ("first", "second"),
    title: str = "",
) -> Figure:
    """Draw Dice against the truth's volume, a point for each scan.

    Parameters
    ----------
    against
        The same with other settings, in a second colour; may be empty.
    by
        "lesion": a point for each connected piece (26 neighbours) of the truths, and the share of
        it that was found.
    names
        What the key calls both sets.

    Raises
    ------
    FigureError
        If a run has no truth, or all truths are empty.
    """
    look = look or Look(width=85)
    sets = [s for s in (shown, against) if s]
    points = [_by_volume(s, by) for s in sets]
    if not any(len(p[0]) for p in points):
        raise FigureError("all truths are empty: there is no volume to draw Dice by.")
    volumes = np.concatenate([p[0] for p in points])
    x = Scale("volume (ml)", volumes.min() / 1.6, volumes.max() * 1.6, log=True)
    y = Scale("Dice" if by == "scan" else "share of the lesion found", -0.03, 1.03, ticks=SHARES)
    entries = [Entry(n, c, "none", m, hollow=True) for n, (c, m) in zip(names, SETS, strict=True)]
    medians = Entry(f"median of {FEWEST} or more", INK)
    found = [_medians(*p) for p in points]
    keys = (entries if len(sets) > 1 else []) + ([medians] if any(found) else [])
    counted = "scans" if by == "scan" else "lesions"
    page = _Page(look, title, keys, f"{len(points[0][0])} {counted}")
    ax = page.plot(x, y)
    for (volume, share), steps, (colour, marker) in zip(points, found, SETS, strict=False):
        stroke(ax, volume, share, colour, "none", **marked(colour, marker, hollow=True))
        line = colour if len(sets) > 1 else INK
        for low, high, middle in steps:
            stroke(ax, [max(low, x.low), min(high, x.high)], [middle] * 2, line, "solid", 1.2)
    return page.finish()


def draw_paired(
    shown: Sequence[Shown],
    against: Sequence[Shown],
    look: Look | None = None,
    *,
    names: tuple[str, str] = ("first", "second"),
    title: str = "",
) -> Figure:
    """Draw the Dice of each scan with two settings, joined by a line.

    The runs of ``against`` are matched to ``shown`` by their scans.

    Raises
    ------
    FigureError
        If a scan is missing on one side, or a run has no truth.
    """
    look = look or Look(width=85)
    pairs = [(_dice(a), _dice(b)) for a, b in _matched(shown, against)]
    first, second = np.array(pairs).T
    change = second - first
    better, worse = Entry("not worse", BLUE), Entry("worse", VERMILION, "dashed")
    entries = [e for e, any_ in ((better, change >= 0), (worse, change < 0)) if any_.any()]
    page = _Page(look, title, entries, _said(change))
    ticks = ((0.0, look.shortened(names[0], 30)), (1.0, look.shortened(names[1], 30)))
    x = Scale("", -0.6, 1.6, ticks=ticks)
    ax = page.plot(x, Scale("Dice", -0.03, 1.03, ticks=SHARES))
    for pair, step in zip(pairs, change, strict=True):
        entry = worse if step < 0 else better
        stroke(ax, [0, 1], pair, entry.colour, entry.style, 0.7, **marked(entry.colour, "o"))
    for place, values in ((-0.18, first), (1.18, second)):
        middle = float(np.median(values))
        stroke(ax, [place - 0.1, place + 0.1], [middle] * 2, INK, "solid", 1.8)
        share = 0.02 if place < 0 else 0.98
        _beside(ax, look, share, middle, number(middle, 2), right=place > 0)
    return page.finish()


Point = tuple[float, float]


class _Page:
    """A figure of one plot with its key below."""

    def __init__(self, look: Look, title: str, entries: Sequence[Entry], note: str) -> None:
        self.look = look
        head = look.headlines(title)
        top = MARGIN + look.line * len(head)
        wide = min(look.inner, SIDE_BY_SIDE)
        self._box = Box(MARGIN + (look.inner - wide) / 2, top, wide, 0.75 * wide)
        self._rows = key_rows(look, entries, [note] if note else [])
        self._bottom = top + self._box.height + 1
        self.sheet = Sheet(look, self._bottom + look.line * len(self._rows) + MARGIN)
        for i, words in enumerate(head):
            place = MARGIN + i * look.line
            self.sheet.write(look.width / 2, place, words, ha="center", weight="bold")

    def plot(self, x: Scale, y: Scale) -> Axes:
        return plot_axes(self.sheet, self._box, x, y)

    def finish(self) -> Figure:
        draw_rows(self.sheet, self._rows, self._box.left, self._bottom)
        return self.sheet.figure


def _dice(one: Shown) -> float:
    value = overlap(one.run.mask, one.known_truth).dice
    if np.isnan(value):
        raise FigureError(
            f"{one.called}: mask and truth are both empty, so there is no Dice: leave it out."
        )
    return value


def _by_volume(shown: Sequence[Shown], by: By) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Volumes in ml and Dice, or the share that was found."""
    points: list[Point] = []
    for one in shown:
        truth, ml = one.known_truth, voxel_ml(one.run.affine)
        if not truth.any():
            continue
        if by == "scan":
            points.append((np.count_nonzero(truth) * ml, _dice(one)))
            continue
        labels, count = ndimage.label(truth, np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        hits = np.bincount(labels[one.run.mask], minlength=count + 1)[1:]
        points += [(float(n) * ml, float(h / n)) for n, h in zip(sizes, hits, strict=True)]
    volumes, shares = np.array(points, np.float64).reshape(-1, 2).T
    return volumes, shares


def _medians(
    volumes: NDArray[np.float64], shares: NDArray[np.float64]
) -> list[tuple[float, float, float]]:
    """From, to, median: of each bin with enough volumes in it."""
    edges = (0.0, *BINS, np.inf)
    found = []
    for low, high in pairwise(edges):
        inside = shares[(volumes >= low) & (volumes < high)]
        if len(inside) >= FEWEST:
            found.append((low, high, float(np.median(inside))))
    return found


def _matched(shown: Sequence[Shown], against: Sequence[Shown]) -> list[tuple[Shown, Shown]]:
    other = {one.same: one for one in against}
    lonely = [o.called for o in shown if o.same not in other]
    lonely += [o.called for o in against if o.same not in {s.same for s in shown}]
    if lonely or len(other) != len(against) or len(shown) != len(against):
        raise FigureError(
            "two settings are compared scan by scan, each once on both sides"
            + (
                f", but {lonely[0]} has no partner: give the run of its scan too."
                if lonely
                else "."
            )
        )
    return [(one, other[one.same]) for one in shown]


def _said(change: NDArray[np.float64]) -> str:
    words = f"{len(change)} scans, median change {np.median(change):+.3f}".replace("-", "−")
    if len(change) >= TESTED and np.any(change):
        from scipy.stats import wilcoxon

        words += f", Wilcoxon p = {number(float(wilcoxon(change).pvalue), 2)}"
    return words


def _beside(ax: Axes, look: Look, share: float, value: float, words: str, *, right: bool) -> None:
    from matplotlib.transforms import blended_transform_factory

    both = blended_transform_factory(ax.transAxes, ax.transData)
    ha = "right" if right else "left"
    letter(ax, look, (share, value), words, transform=both, ha=ha, va="center")
