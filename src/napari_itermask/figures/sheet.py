"""Where does something stand on a figure? A page laid out in mm from its top left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_itermask.figures.style import DASHES, INK, MARGIN, MM, POINT, Look, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text


class Sheet:
    """A figure laid out in mm from its top left corner.

    Attributes
    ----------
    figure
        The matplotlib figure.
    look, height
        How it is drawn, and how high it is in mm.
    """

    def __init__(self, look: Look, height: float) -> None:
        from matplotlib.figure import Figure

        self.look, self.height = look, height
        plain: dict[str, Any] = {"layout": "none", "frameon": True, "linewidth": 0}
        self.figure: Figure = Figure(
            figsize=(look.width / MM, height / MM),
            dpi=look.dpi,
            facecolor="white",
            edgecolor="white",
            **plain,
        )

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes alone: no ticks, no frame, nothing behind them."""
        ax = self.figure.add_axes(
            (
                left / self.look.width,
                1 - (top + height) / self.height,
                width / self.look.width,
                height / self.height,
            ),
            label=f"axes {len(self.figure.axes)}",
        )
        ax.set_axis_off()
        return ax

    def head(self, lines: Sequence[str]) -> None:
        """The figure's title, at the top."""
        for i, words in enumerate(lines):
            top = MARGIN + i * self.look.line
            self.write(self.look.width / 2, top, words, ha="center", weight="bold")

    def write(
        self,
        left: float,
        top: float,
        words: str,
        *,
        size: float | None = None,
        colour: str = INK,
        weight: str = "normal",
        ha: str = "left",
    ) -> None:
        """Lines of words from ``top`` downward; never read as formulas."""
        size = size or self.look.size
        for i, line in enumerate(words.split("\n")):
            # By the baseline, so that words beside each other stand on one line.
            down = top + 0.95 * size * POINT + i * 1.15 * size * POINT
            self._text(left, down, line, size, colour, weight, ha=ha, va="baseline")

    def write_up(
        self, right: float, middle: float, words: str, *, size: float | None = None
    ) -> None:
        """Words that run upward, around the height ``middle``."""
        size = size or self.look.size
        right -= 0.25 * size * POINT
        self._text(right, middle, words, size, INK, "normal", ha="right", va="center", rotation=90)

    def box(self, left: float, top: float, width: float, height: float, colour: Any) -> None:
        """A filled rectangle, behind all axes."""
        from matplotlib.patches import Rectangle

        self.figure.add_artist(
            Rectangle(
                (left / self.look.width, 1 - (top + height) / self.height),
                width / self.look.width,
                height / self.height,
                transform=self.figure.transFigure,
                facecolor=colour,
                edgecolor="none",
                linewidth=0,
                zorder=-1,
            )
        )

    def line(
        self, ends: tuple[float, float], top: float, colour: str, style: str, width: float = 1.0
    ) -> None:
        """A horizontal line from the first of ``ends`` to the second, ``width`` points thick."""
        from matplotlib.lines import Line2D

        self.figure.add_artist(
            Line2D(
                [end / self.look.width for end in ends],
                [1 - top / self.height] * 2,
                transform=self.figure.transFigure,
                color=colour,
                linestyle=DASHES[style],
                linewidth=width,
                marker="none",
                solid_capstyle="butt",
                dash_capstyle="butt",
            )
        )

    def mark(
        self, left: float, top: float, colour: str, marker: str, *, hollow: bool = False
    ) -> None:
        """A marker, 3 points large."""
        from matplotlib.lines import Line2D

        self.figure.add_artist(
            Line2D(
                [left / self.look.width],
                [1 - top / self.height],
                transform=self.figure.transFigure,
                linestyle="none",
                **marked(colour, marker, hollow=hollow),
            )
        )

    def _text(
        self,
        left: float,
        top: float,
        words: str,
        size: float,
        colour: str,
        weight: str,
        **more: Any,
    ) -> None:
        self.figure.text(
            left / self.look.width,
            1 - top / self.height,
            words,
            fontproperties=self.look.letters(size, weight),
            color=colour,
            rotation_mode="default",
            usetex=False,
            parse_math=False,
            **more,
        )


def letter(ax: Axes, look: Look, at: tuple[float, float], words: str, **more: Any) -> Text:
    """Words on axes, at a share of their width and height; ``more`` as matplotlib's text takes."""
    defaults: dict[str, Any] = {"color": INK, "ha": "center", "va": "center"}
    return ax.text(
        *at,
        words,
        transform=more.pop("transform", ax.transAxes),
        fontproperties=look.letters(more.pop("size", look.small), more.pop("weight", "normal")),
        usetex=False,
        parse_math=False,
        linespacing=1.1,
        **{**defaults, **more},
    )


def stroke(
    ax: Axes, x: Any, y: Any, colour: str, style: str = "solid", width: float = 1.0, **more: Any
) -> Line2D:
    """A line; ``style`` one of :data:`DASHES` or "none", ``width`` in points."""
    return ax.plot(
        x,
        y,
        color=colour,
        linestyle="none" if style == "none" else DASHES[style],
        linewidth=width,
        solid_capstyle="butt",
        dash_capstyle="butt",
        antialiased=True,
        **{**marked(colour, "none"), **more},
    )[0]
