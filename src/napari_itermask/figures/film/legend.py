"""What do the lines and colours of a frame mean?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_itermask.figures.film.canvas import (
    BLACK,
    WORDS,
    Box,
    Colour,
    Pixels,
    length,
    table_of,
    write,
)
from napari_itermask.figures.style import number

ERROR_COLOURS = "inferno"
AFTER = ("mask after this pass", "mask after it", "mask")
HIDDEN_IN = ("hidden in this pass", "hidden in it", "hidden")


def draw_key(pixels: Pixels, box: Box, choices: Sequence[str], colour: Colour, unit: int) -> None:
    """Draw a short line of ``colour`` and say what it means, in the first words that fit.

    ``unit``: the height of a line.
    """
    size, y = _size(unit), box.top + box.height // 2
    room = box.width - 2.3 * size
    words = next((w for w in choices if length(w, size) <= room), choices[-1])
    pixels[y - 1 : y + 2, box.left : box.left + round(1.4 * size)] = colour
    write(pixels, (box.left + 1.8 * size, y), words, size, WORDS, anchor="lm")


def draw_bar(pixels: Pixels, box: Box, top: float, unit: int) -> None:
    """Draw the error's colours from 0 to ``top``."""
    bar = _bar(box, top, unit)
    ramp = np.linspace(0, 255, bar.width).astype(np.uint8)
    pixels[bar.rows_and_columns] = table_of(ERROR_COLOURS)[ramp]
    y = box.top + box.height / 2
    write(pixels, (box.left, y), "0", _size(unit), WORDS, anchor="lm")
    write(pixels, (bar.right + _size(unit) / 2, y), number(top), _size(unit), WORDS, anchor="lm")


def draw_threshold(pixels: Pixels, box: Box, top: float, threshold: float, unit: int) -> None:
    """Mark the threshold of a pass on the bar that :func:`draw_bar` drew in ``box``."""
    bar = _bar(box, top, unit)
    x = bar.left + round(min(max(threshold / top, 0), 1) * (bar.width - 1))
    rows = slice(bar.top - 3, bar.bottom + 3)
    pixels[rows, x - 2 : x + 3] = BLACK
    pixels[rows, x - 1 : x + 2] = WORDS


def _bar(box: Box, top: float, unit: int) -> Box:
    size = _size(unit)
    height = max(4, box.height // 3)
    ends = round(1.1 * size), round(length(number(top), size) + size)
    return Box(
        box.left + ends[0],
        box.top + (box.height - height) // 2,
        max(8, box.width - sum(ends)),
        height,
    )


def _size(unit: int) -> int:
    return max(9, round(0.75 * unit))
