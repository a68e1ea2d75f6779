"""What stands around the picture in every frame: the caption, the plot of the mask, the footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.film.canvas import (
    GROUND,
    MASK,
    QUIET,
    WORDS,
    Box,
    Pixels,
    blank,
    draw_disc,
    shortened,
    write,
)
from napari_itermask.method.error import Mask, Volume
from napari_itermask.method.steps import Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Shot:
    """One pass as a frame shows it.

    ``number`` counts from 1 within the phase, ``of`` are all of that phase. Arrays ``(X, Y, Z)`` on
    the grid: ``masked`` is the mask before the pass, ``mask`` the one after it; ``reconstruction``
    and ``error`` are None where they are not drawn.
    """

    phase: Phase
    number: int
    of: int
    threshold: float
    mask_ml: float
    masked: Mask
    mask: Mask
    reconstruction: Volume | None = None
    error: Volume | None = None


class Picture(Protocol):
    """The picture in the middle of a frame."""

    def scale_in(self, box: Box, unit: int) -> float:
        """Pixels for each mm if it is placed in ``box``; ``unit``: the height of a line."""

    def place(self, box: Box, unit: int) -> Box:
        """Get ready to draw in ``box``; returns what is used of it."""

    def draw_still(self, pixels: Pixels) -> None:
        """Draw what all frames share."""

    def draw(self, pixels: Pixels, shot: Shot, turned: float) -> None:
        """Draw one pass, the head ``turned`` by so many degrees where it is shown in 3-D."""


@dataclass(frozen=True)
class Point:
    """One pass in the plot, and its number there."""

    phase: Phase
    place: int
    mask_ml: float


class Stage:
    """Frames of one size: everything that does not change is drawn once.

    Parameters
    ----------
    size
        Width and height in pixels.
    points
        The passes that the movie shows, for the plot.
    footer
        What, how turned, and for what use.
    """

    def __init__(
        self, picture: Picture, size: tuple[int, int], points: Sequence[Point], footer: str
    ) -> None:
        width, height = size
        self._picture = picture
        self._unit = unit = max(10, round(min(width, 1.6 * height) / 56))
        self._still = blank(width, height)
        head, foot, gap = round(2.4 * unit), round(1.7 * unit), unit
        inner = Box(gap, head, width - 2 * gap, height - head - foot)
        beside = Box(inner.left, inner.top, round(0.73 * inner.width) - gap, inner.height)
        above = Box(inner.left, inner.top, inner.width, round(0.76 * inner.height) - gap)
        if picture.scale_in(beside, unit) >= picture.scale_in(above, unit):
            used = picture.place(beside, unit)
            left = used.right + gap
            tall = min(inner.height, round(0.62 * (inner.right - left)))
            plot = Box(left, inner.top + (inner.height - tall) // 2, inner.right - left, tall)
        else:
            used = picture.place(above, unit)
            top = used.bottom + gap
            plot = Box(inner.left, top, inner.width, inner.bottom - top)
        picture.draw_still(self._still)
        pixels, self._at = volume_plot(points, plot, unit)
        self._still[plot.rows_and_columns] = pixels
        small = max(9, round(0.75 * unit))
        line = shortened(footer, small, inner.width)
        write(self._still, (gap, height - foot / 2), line, small, QUIET, anchor="lm")
        self._head = head

    def frame(self, shot: Shot, place: int, turned: float = 0.0) -> Pixels:
        """The frame of ``shot``, the point ``place`` of the plot."""
        pixels = self._still.copy()
        phase = {"search": "threshold search", "refine": "refinement"}[shot.phase]
        words = (
            f"{phase}, pass {shot.number} of {shot.of}    threshold {shot.threshold:.3g}    "
            f"mask {ml(shot.mask_ml)} ml"
        )
        write(pixels, (self._unit, self._head / 2), words, self._unit, anchor="lm", bold=True)
        self._picture.draw(pixels, shot, turned)
        draw_disc(pixels, self._at[place], 0.32 * self._unit, _COLOURS[shot.phase])
        return pixels


def ml(volume: float) -> str:
    """A volume in ml as a caption says it."""
    return (
        f"{volume:.0f}" if volume >= 100 else f"{volume:.1f}" if volume >= 10 else f"{volume:.2f}"
    )


def volume_plot(
    points: Sequence[Point], box: Box, unit: int
) -> tuple[Pixels, list[tuple[float, float]]]:
    """Draw the volume of the mask over the passes; returns it, and where each point lies."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    colour = {name: _hex(value) for name, value in (("words", WORDS), ("quiet", QUIET))}
    figure = Figure(
        figsize=(box.width / dpi, box.height / dpi),
        dpi=dpi,
        facecolor=_hex(GROUND),
        layout="constrained",
    )
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=_hex(GROUND))
    size = 0.72 * unit * 72 / dpi
    places = np.array([point.place for point in points], float)
    volumes = np.array([point.mask_ml for point in points])
    for phase in ("search", "refine"):
        of_phase = np.array([point.phase == phase for point in points])
        if of_phase.any():
            line = _hex(_COLOURS[phase])
            name = {"search": "search", "refine": "refinement"}[phase]
            axes.plot(
                places[of_phase], volumes[of_phase], ".-", color=line, lw=1.2, ms=4, label=name
            )
    if len({point.phase for point in points}) > 1:
        axes.legend(fontsize=size, labelcolor=colour["words"], frameon=False)
    _scale(axes, places, volumes)
    axes.set_xlabel("pass", fontsize=size, color=colour["words"])
    axes.set_ylabel("mask (ml)", fontsize=size, color=colour["words"])
    axes.tick_params(labelsize=size, colors=colour["quiet"], which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(colour["quiet"])
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    at = axes.transData.transform(np.column_stack([places, volumes]))
    return pixels[: box.height, : box.width], [
        (box.left + float(x), box.top + box.height - float(y)) for x, y in at
    ]


def _scale(axes: Axes, places: NDArray[np.float64], volumes: NDArray[np.float64]) -> None:
    """Choose the axes: by logarithm where the mask shrinks so much that its end would vanish."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(places) == 1:
        axes.set_xlim(places[0] - 0.5, places[0] + 0.5)
    above = volumes[volumes > 0]
    if len(above) and volumes.max() > 20 * above.min():
        axes.set_yscale("symlog", linthresh=max(float(above.min()), 0.1), linscale=0.3)
        axes.set_ylim(bottom=0 if len(above) < len(volumes) else 0.8 * float(above.min()))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    else:
        axes.set_ylim(bottom=0)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


_COLOURS: dict[str, tuple[int, int, int]] = {"search": QUIET, "refine": MASK}
