"""How are slices put on the page, all at one scale, with what a reader needs to read them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.axes import Item, draw_rows, in_rows, words_item
from napari_itermask.figures.contours import Pen, draw_outline
from napari_itermask.figures.sheet import Sheet, letter
from napari_itermask.figures.style import (
    INK,
    MARGIN,
    POINT,
    Look,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_itermask.figures.columns import Picture, Range
    from napari_itermask.figures.slices import View
    from napari_itermask.figures.style import Convention, Plane

GAP = 0.7
TALLEST = 225.0
"""mm: what fits on a journal's page with its caption."""
BARS = (50.0, 20.0, 100.0, 10.0, 5.0, 2.0)
"""mm of the head that a scale bar may stand for, the best first."""
SIDES: dict[Convention, str] = {
    "neurological": "neurological convention: the patient's left is at the left",
    "radiological": "radiological convention: the patient's right is at the left",
}


def draw_tile(
    ax: Axes, view: View, plane: Plane, index: int, picture: Picture, size: tuple[float, float]
) -> None:
    """Draw a slice into axes of ``size`` mm of the head; the brain lies in their middle."""
    cut = view.cut(picture.volume, plane, index)
    ax.imshow(
        cut.pixels,
        cmap=picture.colours,
        vmin=picture.limits[0],
        vmax=picture.limits[1],
        extent=cut.extent,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        resample=True,
    )
    for outline in picture.outlines:
        draw_outline(ax, view.cut(outline.mask, plane, index), outline.pen)
    across, up = ((s - c) / 2 for s, c in zip(size, cut.size, strict=True))
    ax.set_xlim(-across, cut.size[0] + across)
    ax.set_ylim(-up, cut.size[1] + up)


def draw_letters(ax: Axes, look: Look, view: View, plane: Plane, size: tuple[float, float]) -> None:
    """Write what lies at each edge, R L A P S I, onto a tile of ``size`` mm."""
    across, up = (0.72 * look.small * POINT / s for s in size)
    places = ((across, 0.5), (1 - across, 0.5), (0.5, 1 - up), (0.5, up))
    for words, place in zip(view.letters(plane), places, strict=True):
        draw_word(ax, look, place, words)


def draw_word(
    ax: Axes,
    look: Look,
    place: tuple[float, float],
    words: str,
    ha: str = "center",
    va: str = "center",
) -> None:
    """White words on a tile, with a dark rim, so that they are read on bright tissue too."""
    from matplotlib.patheffects import Normal, Stroke

    text = letter(ax, look, place, words, color="white", ha=ha, va=va)
    text.set_path_effects([Stroke(linewidth=1.0, foreground=INK), Normal()])


def draw_bar(
    sheet: Sheet, left: float, top: float, width: float, found: Range, words: str = ""
) -> None:
    """A colour bar, what its ends are below it, and ``words`` between them if they fit."""
    look, high = sheet.look, 1.6
    left, width = left + 0.5, width - 1.0  # apart from the next one
    sheet.box(left - 0.15, top - 0.15, width + 0.3, high + 0.3, INK)
    ax = sheet.axes(left, top, width, high)
    ax.imshow(
        np.linspace(0, 1, 256)[None],
        cmap=found.colours,
        vmin=0,
        vmax=1,
        extent=(0, 1, 0, 1),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        resample=True,
    )
    below = top + high + 0.5

    def width_of(words: str) -> float:
        return look.width_of(words, look.small)

    first, last = found.ends(width_of, width)
    sheet.write(left, below, first, size=look.small)
    sheet.write(left + width, below, last, size=look.small, ha="right")
    if words and width_of(first + words + last) + 3 <= width:
        sheet.write(left + width / 2, below, words, size=look.small, ha="center")


def bar_height(look: Look) -> float:
    """mm that a colour bar takes with its words."""
    return 1.6 + 0.5 + look.line


class Footer:
    """What stands below the tiles, in as many lines as it takes.

    Parameters
    ----------
    look
        Of the figure.
    scale
        mm on paper for a mm of the head.
    convention
        Which side is left.
    pens
        What the key explains, each once.
    notes
        Sentences; wrapped.
    """

    def __init__(
        self,
        look: Look,
        scale: float,
        convention: Convention,
        pens: Sequence[Pen],
        notes: Sequence[str] = (),
    ) -> None:
        items = [_scale_bar(look, scale)]
        items += [_key(look, pen) for pen in dict.fromkeys(pens)]
        items += [words_item(look, line) for line in look.wrapped(SIDES[convention], look.inner)]
        rows = in_rows(items, look.inner)
        for note in notes:
            rows += [[words_item(look, line)] for line in look.wrapped(note, look.inner)]
        self._look, self._rows = look, rows

    @property
    def height(self) -> float:
        """mm that it takes."""
        return self._look.line * len(self._rows) + 0.5

    def draw(self, sheet: Sheet, top: float) -> None:
        """Draw it at ``top`` mm."""
        draw_rows(sheet, self._rows, MARGIN, top)


def _scale_bar(look: Look, scale: float) -> Item:
    most, least = min(25.0, look.inner / 3), 3.0
    mm = next((b for b in BARS if least <= b * scale <= most), BARS[-1])
    words = f"{mm:g} mm"

    def draw(sheet: Sheet, left: float, top: float) -> None:
        sheet.box(left, top + 0.45 * look.line - 0.3, mm * scale, 0.6, INK)
        sheet.write(left + mm * scale + 1, top, words)

    return Item(mm * scale + 1 + look.width_of(words), draw)


def _key(look: Look, pen: Pen) -> Item:
    swatch = 5.0

    def draw(sheet: Sheet, left: float, top: float) -> None:
        high = 0.8 * look.line
        sheet.box(left, top, swatch, high, "black")
        if pen.fill:
            from matplotlib.colors import to_rgba

            sheet.box(left, top, swatch, high, to_rgba(pen.colour, pen.fill))
        ends = left + 0.08 * swatch, left + 0.92 * swatch
        sheet.line(ends, top + high / 2, pen.colour, pen.style)
        sheet.write(left + swatch + 0.8, top, pen.name)

    return Item(swatch + 0.8 + look.width_of(pen.name), draw)
