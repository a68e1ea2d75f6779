"""How are masks drawn over a slice? As outlines that differ in colour and in line style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.style import BOTH_COLOUR, DASHES, INK, MASK_COLOUR, TRUTH_COLOUR
from napari_itermask.scans.intensity import Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_itermask.figures.slices import Cut, GridMap

WIDTHS = 0.45, 0.9
"""Points of a line, on the smallest and on the largest tiles."""


@dataclass(frozen=True)
class Pen:
    """How a mask is drawn, and what the key below the figure calls it.

    ``fill``: how much the inside is tinted, 0 to 1.
    """

    name: str
    colour: str
    style: str = "solid"
    fill: float = 0.0


MASK = Pen("mask", MASK_COLOUR)
PASS = Pen("mask of a pass", MASK_COLOUR, fill=0.35)
TRUTH = Pen("truth", TRUTH_COLOUR, "dashed")
HIT = Pen("hit", BOTH_COLOUR)
MISS = Pen("miss", TRUTH_COLOUR, "dashed")
FALSE_ALARM = Pen("false alarm", MASK_COLOUR, "dotted")


@dataclass(frozen=True, eq=False)
class Outline:
    """A mask ``(X, Y, Z)`` in the scan's voxels or on the grid, and its pen."""

    mask: Mask | GridMap
    pen: Pen


def agreement(mask: Mask, truth: Mask) -> tuple[Outline, ...]:
    """Hits, misses and false alarms, voxel by voxel."""
    return (
        Outline(mask & ~truth, FALSE_ALARM),
        Outline(truth & ~mask, MISS),
        Outline(mask & truth, HIT),
    )


def draw_outline(ax: Axes, cut: Cut, pen: Pen) -> None:
    """Draw the outline of a mask's slice, on a dark rim that keeps it seen on bright tissue.

    It is thinner on a small tile, so that small lesions are not covered.
    """
    from matplotlib.patches import PathPatch

    mask = cut.pixels > 0
    if not mask.any():
        return
    if pen.fill:
        from matplotlib.colors import to_rgba

        tint = np.zeros((*mask.shape, 4), np.float32)
        tint[mask] = to_rgba(pen.colour, pen.fill)
        ax.imshow(
            tint,
            extent=cut.extent,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            resample=True,
        )
    # A rim of empty pixels, so that what touches the border is closed.
    padded = np.pad(mask, 1).astype(np.float32)
    left, right, bottom, top = cut.extent
    rows, columns = mask.shape
    x = left + (np.arange(columns + 2) - 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows + 2) - 0.5) * (top - bottom) / rows
    inches = ax.bbox.width / ax.figure.dpi
    thick = float(np.clip(0.8 * inches, *WIDTHS))
    lines = ax.contour(
        x,
        y,
        padded,
        [0.5],
        colors=[pen.colour],
        linewidths=[thick],
        linestyles=[DASHES[pen.style]],
        algorithm="serial",
        corner_mask=False,
        antialiased=True,
        zorder=2.2,
    )
    for path in lines.get_paths():
        rim = PathPatch(
            path,
            facecolor="none",
            edgecolor=INK,
            linewidth=1.8 * thick,
            linestyle="solid",
            alpha=0.7,
            antialiased=True,
            zorder=2.1,
        )
        ax.add_patch(rim)
