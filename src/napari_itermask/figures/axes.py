"""How does a plot stand on a figure: its axes, ticks and key, in mm?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_itermask.figures.sheet import Sheet, letter, stroke
from napari_itermask.figures.style import (
    FAINT,
    INK,
    MARGIN,
    POINT,
    Look,
    number,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPACE = 3.0
"""mm between two plots, or two words of a key."""
SHARES = tuple((i / 5, f"{i / 5:g}") for i in range(6))
"""Ticks from 0 to 1."""
SIDE_BY_SIDE = 110.0
"""mm of a figure's width from which two plots stand beside each other."""


@dataclass(frozen=True)
class Scale:
    """One axis: its words, from where to where; ``ticks``: (place, words), None: round numbers."""

    words: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)

    def places(self, most: int) -> list[tuple[float, str]]:
        """At most so many ticks, with their words."""
        if self.ticks is not None:
            return list(self.ticks)
        if self.log:
            return _log_ticks(self.low, self.high, most)
        from matplotlib.ticker import MaxNLocator

        locator = MaxNLocator(nbins=max(most - 1, 1), steps=[1, 2, 2.5, 5, 10])
        found = [round(float(v), 10) for v in locator.tick_values(self.low, self.high)]
        return [(v, number(v, 4)) for v in found if self.low <= v <= self.high]


@dataclass(frozen=True)
class Box:
    """A place on the page, in mm from its top left corner."""

    left: float
    top: float
    width: float
    height: float


def plot_axes(sheet: Sheet, box: Box, x: Scale, y: Scale, title: str = "") -> Axes:
    """Axes with all their words inside ``box``; ``title`` above them."""
    look = sheet.look
    small = 1.15 * look.small * POINT
    across = x.places(max(2, int(box.width / (5 * look.small * POINT))))
    up = y.places(max(2, int(box.height / (3.2 * look.small * POINT))))
    # Plots below each other begin at one place, unless their numbers are long.
    widest = max(look.width_of(words, look.small) for words in ("0.001", *(w for _, w in up)))
    left = look.line + 0.6 + widest + 1.2
    above = (look.line if title else 0.0) + 0.6
    inner = Box(
        box.left + left,
        box.top + above,
        box.width - left - 1.8,
        box.height - above - 1.2 - small - look.line - 0.4,
    )
    ax = sheet.axes(inner.left, inner.top, inner.width, inner.height)
    ax.set_axis_on()
    ax.set_facecolor("white")
    ax.grid(visible=False)
    ax.set_axisbelow(True)
    ax.set_xscale("log" if x.log else "linear")
    ax.set_yscale("log" if y.log else "linear")
    ticks: dict[str, Any] = {"direction": "out", "length": 2, "width": 0.5, "color": INK}
    hidden = dict.fromkeys(("labelbottom", "labelleft", "top", "right"), False)
    ax.tick_params(axis="both", which="major", bottom=True, left=True, **ticks, **hidden)
    ax.set_xticks([v for v, _ in across], labels=[])
    ax.set_yticks([v for v, _ in up], labels=[])
    ax.minorticks_off()
    ax.set_xlim(x.low, x.high)
    ax.set_ylim(y.low, y.high)
    for side, spine in ax.spines.items():
        spine.set(visible=side in ("left", "bottom"), linewidth=0.5, edgecolor=INK)
    bottom = inner.top + inner.height + 1.2
    for value, words in across:
        place = inner.left + x.share(value) * inner.width
        sheet.write(place, bottom, words, size=look.small, ha="center")
    for value, words in up:
        place = inner.top + (1 - y.share(value)) * inner.height - 0.6 * look.small * POINT
        sheet.write(inner.left - 1.2, place, words, size=look.small, ha="right")
    words = look.shortened(x.words, box.width)
    sheet.write(inner.left + inner.width / 2, bottom + small, words, ha="center")
    words = look.shortened(y.words, box.height)
    sheet.write_up(box.left + look.line, inner.top + inner.height / 2, words)
    if title:
        words = look.shortened(title, inner.width, weight="bold")
        sheet.write(inner.left + inner.width / 2, box.top, words, ha="center", weight="bold")
    return ax


def corner(ax: Axes, look: Look, words: str, *, right: bool = False, low: bool = False) -> None:
    """Words in a corner of a plot, on white, so that lines do not cross them."""
    if not words:
        return
    letter(
        ax,
        look,
        (0.97 if right else 0.03, 0.04 if low else 0.97),
        words,
        ha="right" if right else "left",
        va="bottom" if low else "top",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        zorder=5,
    )


def level(ax: Axes, value: float, colour: str = FAINT, style: str = "dashed") -> None:
    """A line across a plot."""
    stroke(ax, [0, 1], [value, value], colour, style, 0.7, transform=ax.get_yaxis_transform())


@dataclass(frozen=True)
class Entry:
    """A line of a key; ``marker`` "none": a line alone, ``style`` "none": a marker alone."""

    words: str
    colour: str
    style: str = "solid"
    marker: str = "none"
    hollow: bool = False


@dataclass(frozen=True)
class Item:
    """A piece of a row of words: its width in mm, and what draws it at (left, top)."""

    width: float
    draw: Callable[[Sheet, float, float], None]


def in_rows(items: Sequence[Item], width: float) -> list[list[Item]]:
    """As many beside each other as fit into ``width`` mm."""
    rows: list[list[Item]] = [[]]
    for item in items:
        taken = sum(i.width + SPACE for i in rows[-1])
        if rows[-1] and taken + item.width > width:
            rows.append([])
        rows[-1].append(item)
    return rows


def draw_rows(sheet: Sheet, rows: Sequence[Sequence[Item]], left: float, top: float) -> None:
    """Draw rows of items, each in a line of text's height."""
    for i, row in enumerate(rows):
        place = left
        for item in row:
            item.draw(sheet, place, top + i * sheet.look.line)
            place += item.width + SPACE


def words_item(look: Look, words: str) -> Item:
    """Words alone."""
    return Item(look.width_of(words), lambda sheet, left, top: sheet.write(left, top, words))


def entry_item(look: Look, entry: Entry) -> Item:
    """A line or marker and its words."""
    sample, words = 6.0, look.shortened(entry.words, look.inner - 7)

    def draw(sheet: Sheet, left: float, top: float) -> None:
        middle = top + 0.5 * look.line
        if entry.style != "none":
            sheet.line((left, left + sample), middle, entry.colour, entry.style)
        if entry.marker != "none":
            sheet.mark(left + sample / 2, middle, entry.colour, entry.marker, hollow=entry.hollow)
        sheet.write(left + sample + 0.8, top, words)

    return Item(sample + 0.8 + look.width_of(words), draw)


def key_rows(look: Look, entries: Sequence[Entry], notes: Sequence[str] = ()) -> list[list[Item]]:
    """The rows of a key below plots, each entry once, and ``notes`` below it."""
    rows = in_rows([entry_item(look, e) for e in dict.fromkeys(entries)], look.inner)
    for note in notes:
        rows += [[words_item(look, line)] for line in look.wrapped(note, look.inner)]
    return [row for row in rows if row]


def two_boxes(look: Look, top: float, ratio: float = 0.72) -> tuple[Box, Box]:
    """Places for two plots: beside each other, or one below the other where it is narrow."""
    if look.width >= SIDE_BY_SIDE:
        wide = (look.inner - SPACE) / 2
        high = min(ratio * wide, 75.0)
        second = MARGIN + wide + SPACE
        return Box(MARGIN, top, wide, high), Box(second, top, wide, high)
    high = min(0.62 * look.inner, 75.0)
    return (
        Box(MARGIN, top, look.inner, high),
        Box(MARGIN, top + high + 1, look.inner, high),
    )


def _log_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = [d * 10.0**e for e in range(first, last + 1) for d in digits]
        values = [v for v in values if low <= v <= high]
        if len(values) <= most:
            break
    while len(values) > most:
        values = values[::2]
    return [(v, number(v, 4)) for v in values]
