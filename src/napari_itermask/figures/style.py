"""How large, in which font, colours and lines: the same whatever matplotlib is set to.

Every size and colour is given here, none is left to matplotlib's settings: those are one state for
all threads, and a person's style file must not change a figure that is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

Plane = Literal["axial", "coronal", "sagittal"]
Convention = Literal["neurological", "radiological"]
"""Neurological: the patient's left at the left. Radiological: the patient's right at the left."""
MASK_COLOUR = "#E69F00"  # Okabe and Ito's orange and blue: told apart by every kind of eye
TRUTH_COLOUR = "#56B4E9"
BOTH_COLOUR = "#FFFFFF"
INK = "#000000"
FAINT = "#8A8A8A"
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # on white
SERIES = (
    (BLUE, "solid"),
    (VERMILION, "dashed"),
    (GREEN, "dashdot"),
    (PURPLE, "dotted"),
    (MASK_COLOUR, "solid"),
    (TRUTH_COLOUR, "dashed"),
    (INK, "dashdot"),
    (FAINT, "dotted"),
)
"""Colour and line style of the first, second ... thing in a plot."""
DASHES: dict[str, Any] = {
    "solid": "solid",
    "dashed": (0, (3.2, 1.4)),
    "dotted": (0, (1.0, 1.1)),
    "dashdot": (0, (4.0, 1.2, 1.0, 1.2)),
}
"""Line styles, in widths of the line."""

FONT = "DejaVu Sans"
"""It comes with matplotlib, so that a figure made again elsewhere has the same letters."""
MM = 25.4
POINT = MM / 72
MARGIN = 1.0


class FigureError(ValueError):
    """A figure that cannot be drawn; the message says why, and what to do."""


@dataclass(frozen=True)
class Look:
    """Width in mm, dots per inch, font, and its size in points, all as printed."""

    width: float = 180.0
    dpi: int = 300
    font: str = FONT
    size: float = 7.0

    @property
    def small(self) -> float:
        """Size in points of what stands beside the main words: ticks, letters."""
        return self.size - 1

    @property
    def line(self) -> float:
        """Height in mm of a line of text."""
        return 1.3 * self.size * POINT

    @property
    def inner(self) -> float:
        """Width in mm between the margins."""
        return self.width - 2 * MARGIN

    def letters(self, size: float | None = None, weight: str = "normal") -> FontProperties:
        """The font, for matplotlib; ``size`` in points."""
        return _letters(self.font, size or self.size, weight)

    def width_of(self, words: str, size: float | None = None, weight: str = "normal") -> float:
        """How wide ``words`` are, in mm; of several lines the longest."""
        from matplotlib.textpath import text_to_path

        font = self.letters(size, weight)
        lines = words.split("\n")
        return POINT * max(
            text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]
            for line in lines
        )

    def shortened(
        self, words: str, width: float, size: float | None = None, weight: str = "normal"
    ) -> str:
        """``words``, with their middle left out if they are wider than ``width`` mm."""
        if self.width_of(words, size, weight) <= width:
            return words
        for kept in range(len(words) - 1, 1, -1):
            short = f"{words[: (kept + 1) // 2]}…{words[len(words) - kept // 2 :]}"
            if self.width_of(short, size, weight) <= width:
                return short
        return "…"

    def fitting(self, choices: Sequence[str], width: float, size: float | None = None) -> str:
        """The first of ``choices`` that is at most ``width`` mm wide, else the last, shortened."""
        fits = (words for words in choices if self.width_of(words, size) <= width)
        return next(fits, None) or self.shortened(choices[-1], width, size)

    def wrapped(self, words: str, width: float, weight: str = "normal") -> list[str]:
        """``words`` in lines of at most ``width`` mm."""
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.width_of(longer, weight=weight) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return [line for line in lines if line]

    def headlines(self, title: str) -> list[str]:
        """A title in the lines that it takes."""
        return self.wrapped(title, self.inner, "bold")


def marked(colour: str, marker: str, *, hollow: bool = False, size: float = 3.5) -> dict[str, Any]:
    """What matplotlib wants to know of a marker; ``size`` in points."""
    return {
        "marker": marker,
        "markersize": size,
        "markerfacecolor": "white" if hollow else colour,
        "markeredgecolor": colour,
        "markeredgewidth": 0.8,
    }


def number(value: float, digits: int = 3) -> str:
    """So many digits, all those before the point, and a true minus sign."""
    whole = 10**digits <= abs(value) < 1e6
    words = f"{value:.0f}" if whole else f"{value:.{digits}g}"
    return words.replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=64)
def _letters(font: str, size: float, weight: str) -> FontProperties:
    from matplotlib.font_manager import FontProperties, findfont

    families = [font] if font == FONT else [font, FONT]  # the second has the signs a first lacks
    letters = FontProperties(
        family=families,
        style="normal",
        variant="normal",
        weight=weight,
        stretch="normal",
        size=size,
        math_fontfamily="dejavusans",
    )
    try:
        findfont(FontProperties(family=[font]), fallback_to_default=False)
    except ValueError:
        raise FigureError(
            f"there is no font named {font!r} here: install it, or leave it out ({FONT!r} is "
            "always there)."
        ) from None
    return letters
