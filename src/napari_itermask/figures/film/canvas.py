"""How are maps, outlines and words put onto the pixels of a frame, quickly?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
"""``(height, width, 3)``, RGB."""
Field = NDArray[np.float32]
"""``(height, width)``, the top row first."""
Colour = tuple[int, int, int]

GROUND: Colour = (17, 17, 17)
BLACK: Colour = (0, 0, 0)
WORDS: Colour = (238, 238, 238)
QUIET: Colour = (165, 165, 165)
# Okabe and Ito's orange and sky blue, as in the other figures: told apart by every kind of eye.
MASK: Colour = (230, 159, 0)
HIDDEN: Colour = (86, 180, 233)


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame, in pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column that is no longer in it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row that is no longer in it."""
        return self.top + self.height

    @property
    def rows_and_columns(self) -> tuple[slice, slice]:
        """What it takes of an array of pixels."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def blank(width: int, height: int) -> Pixels:
    """An empty frame."""
    return np.full((height, width, 3), GROUND, np.uint8)


def resized(
    field: NDArray[Any], box: Box, part: tuple[float, float, float, float] | None = None
) -> Field:
    """``part`` of a ``field`` ``(rows, columns)``, linearly brought to the size of ``box``.

    ``part`` is left, top, right, bottom in the field's pixels; None: all of it. Beyond the field it
    is 0.
    """
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    part = part or (0, 0, image.width, image.height)
    return np.asarray(
        image.transform(
            (box.width, box.height), Image.Transform.EXTENT, part, Image.Resampling.BILINEAR
        )
    )


@lru_cache
def table_of(name: str) -> Pixels:
    """256 colours of one of matplotlib's colour maps, ``(256, 3)``."""
    from matplotlib import colormaps

    table: Pixels = np.rint(255 * colormaps[name](np.linspace(0, 1, 256))[:, :3]).astype(np.uint8)
    return table


def coloured(field: Field, limits: tuple[float, float], name: str) -> Pixels:
    """``field`` in the colours of a map between ``limits``; beyond them the first or last one."""
    low, high = limits
    index = np.clip((field - low) * (255 / max(high - low, 1e-12)), 0, 255)
    out: Pixels = table_of(name)[index.astype(np.uint8)]
    return out


def veiled(pixels: Pixels, share: Field) -> Pixels:
    """``pixels`` that fade to black where ``share`` falls from 1 to 0."""
    return (pixels * np.clip(share, 0, 1)[..., None]).astype(np.uint8)


def draw_outline(
    pixels: Pixels, mask: Field, colour: Colour, width: float, level: float = 0.5
) -> None:
    """Draw the line along which ``mask`` is at ``level``, ``width`` pixels wide."""
    down, across = np.gradient(mask)
    away = np.abs(mask - level) / np.maximum(np.hypot(down, across), 1e-6)  # pixels from the line
    share = np.clip(width / 2 + 0.5 - away, 0, 1)
    rows, columns = np.nonzero(share)
    part = share[rows, columns, None]
    pixels[rows, columns] = (1 - part) * pixels[rows, columns] + part * np.array(colour)


def write(
    pixels: Pixels,
    at: tuple[float, float],
    text: str,
    size: int,
    colour: Colour = WORDS,
    *,
    anchor: str = "la",
    bold: bool = False,
    halo: bool = False,
) -> None:
    """Write ``text`` onto ``pixels``.

    Parameters
    ----------
    at
        x, y in pixels, of the point that ``anchor`` names as Pillow does: "la" is left and top,
        "mm" the middle, "rs" right and base line.
    size
        Height of a line in pixels.
    halo
        Draw a dark rim, for words on a picture.
    """
    font = _font(size, bold)
    rim = max(1, size // 8) if halo else 0
    left, top, right, bottom = (
        int(v)
        for v in ImageDraw.Draw(Image.new("L", (1, 1))).textbbox(
            at, text, font, anchor, stroke_width=rim
        )
    )
    height, width = pixels.shape[:2]
    left, top = max(0, left - 1), max(0, top - 1)
    right, bottom = min(width, right + 2), min(height, bottom + 2)
    if left >= right or top >= bottom:
        return
    patch = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    ImageDraw.Draw(patch).text(
        (at[0] - left, at[1] - top),
        text,
        colour,
        font,
        anchor,
        stroke_width=rim,
        stroke_fill=BLACK,
    )
    pixels[top:bottom, left:right] = np.asarray(patch)


def draw_disc(pixels: Pixels, at: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a disc with a dark rim, x and y in pixels."""
    reach = int(radius + 3)
    x, y = at
    height, width = pixels.shape[:2]
    top, bottom = max(0, int(y) - reach), min(height, int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(width, int(x) + reach + 1)
    if left >= right or top >= bottom:
        return
    down, across = np.mgrid[top:bottom, left:right]
    away = np.hypot(across - x, down - y)
    patch = pixels[top:bottom, left:right].astype(np.float32)
    for size, paint in ((radius + 1.5, GROUND), (radius, colour)):
        share = np.clip(size + 0.5 - away, 0, 1)[..., None]
        patch = (1 - share) * patch + share * np.array(paint)
    pixels[top:bottom, left:right] = patch


def shortened(text: str, size: int, width: float) -> str:
    """``text``, or as much of it as ``width`` pixels hold."""
    font = _font(size, bold=False)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def length(text: str, size: int, *, bold: bool = False) -> float:
    """How many pixels wide ``text`` is."""
    return _font(size, bold).getlength(text)


@lru_cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """The font that matplotlib carries, so that a movie looks the same on every machine."""
    from matplotlib import get_data_path

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}", size)
