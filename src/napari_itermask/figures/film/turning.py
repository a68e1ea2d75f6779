"""How does one pass look in 3-D: the largest error behind each pixel, in a transparent brain?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from napari_itermask.figures.film.canvas import (
    MASK,
    WORDS,
    Box,
    Field,
    Pixels,
    coloured,
    draw_outline,
    resized,
    write,
)
from napari_itermask.figures.film.layout import strip_of
from napari_itermask.figures.film.legend import (
    AFTER,
    ERROR_COLOURS,
    draw_bar,
    draw_key,
    draw_threshold,
)
from napari_itermask.figures.film.stage import Shot
from napari_itermask.prepare import OnGrid
from napari_itermask.scans.grid import box_of

MOST = 112
"""Voxels along a side of what is turned: a finer grid is made coarser, its largest errors kept."""
ROOM = 3
"""Voxels around the brain."""
GLASS = np.array((165, 165, 165), np.float32)
"""The grey of the transparent brain where its rim is looked through longest."""
THICK = 0.3
"""How much of what lies behind each voxel of the rim hides."""


class Turning:
    """A picture of the head turning about its long axis, first seen from behind.

    Parameters
    ----------
    grid
        The scan as the network sees it.
    error_top
        The error that is shown brightest, the same in all frames.
    """

    def __init__(self, grid: OnGrid, error_top: float) -> None:
        self._box = box_of(grid.brain)
        spacing = np.array(grid.placement.spacing)
        lengths = np.array(grid.brain[self._box].shape) * spacing
        self._spacing = spacing
        self._voxel = max(float(spacing.min()), float(lengths.max()) / MOST)
        self._error_top = error_top
        brain = self._coarse(grid.brain)
        # What is looked through is the rim alone, so that the inside stays visible.
        smooth = ndimage.gaussian_filter(brain, 1.0)
        self._glass: Field = ndimage.gaussian_gradient_magnitude(smooth, 1.0).astype(np.float32)
        self._shape = brain.shape
        self._side = math.ceil(math.hypot(*brain.shape[:2])) + 2
        self._mm: tuple[float, float] = self._side * self._voxel, brain.shape[2] * self._voxel

    def scale_in(self, box: Box, unit: int) -> float:
        """Pixels for each mm."""
        across, up = self._mm
        return min(box.width / across, (box.height - _strips(unit)) / up)

    def place(self, box: Box, unit: int) -> Box:
        """Get ready to draw in ``box``; returns what is used of it."""
        scale, strip = self.scale_in(box, unit), _strips(unit) // 2
        width, height = (int(side * scale) for side in self._mm)
        self._unit = unit
        top = box.top + max(0, box.height - height - 2 * strip) // 2
        self._head = Box(box.left, top, width, strip)
        self._tile = Box(box.left, self._head.bottom, width, height)
        foot = Box(box.left, self._tile.bottom, width, strip)
        self._key = Box(foot.left, foot.top, foot.width // 2, strip)
        self._bar = Box(self._key.right, foot.top, foot.width - self._key.width, strip)
        return Box(box.left, top, width, foot.bottom - top)

    def draw_still(self, pixels: Pixels) -> None:
        """Draw the title and what the colours mean."""
        at = self._head.left, self._head.top + self._head.height / 2
        write(pixels, at, "largest error along the line of sight", self._unit, anchor="lm")
        draw_key(pixels, self._key, AFTER, MASK, self._unit)
        draw_bar(pixels, self._bar, self._error_top, self._unit)

    def draw(self, pixels: Pixels, shot: Shot, turned: float) -> None:
        """Draw one pass, the head turned by ``turned`` degrees."""
        assert shot.error is not None
        error, mask = self._coarse(shot.error), self._coarse(shot.mask)
        across, rays = self._rays(turned, (error, mask, self._glass))
        glass = 1 - np.exp(-THICK * rays[2].sum(axis=1))
        light = resized(_upright(glass), self._tile)
        bright = resized(_upright(rays[0].max(axis=1)), self._tile)
        share = np.clip(2.5 * bright / self._error_top, 0, 1)[..., None]
        colours = coloured(bright, (0.0, self._error_top), ERROR_COLOURS)
        tile = ((1 - share) * 0.75 * light[..., None] * GLASS + share * colours).astype(np.uint8)
        outline = resized(_upright(rays[1].max(axis=1)), self._tile)
        # A single voxel between two pixels of the turned plane is a quarter in each: still seen.
        draw_outline(tile, outline, MASK, max(1.2, 0.09 * self._unit), level=0.2)
        pixels[self._tile.rows_and_columns] = tile
        self._compass(pixels, across)
        draw_threshold(pixels, self._bar, self._error_top, shot.threshold, self._unit)

    def _rays(
        self, turned: float, volumes: tuple[Field, ...]
    ) -> tuple[NDArray[np.float64], list[Field]]:
        """Volumes as seen, ``(across, depth, up)`` each; and which way across points, (R, A)."""
        angle = math.radians(turned)
        across = np.array((math.cos(angle), math.sin(angle)))
        depth = np.array((-across[1], across[0]))
        steps = np.arange(self._side) - (self._side - 1) / 2
        middle = (np.array(self._shape[:2]) - 1) / 2
        # Where each point of the turned plane lies in the plane of the grid.
        place = (
            middle[:, None, None]
            + across[:, None, None] * steps[None, :, None]
            + depth[:, None, None] * steps[None, None, :]
        ).reshape(2, -1)
        turn = _bilinear(place, self._shape[:2])
        planes = self._shape[0] * self._shape[1]
        stacked = np.concatenate([v.reshape(planes, -1) for v in volumes], axis=1)
        turned_all = (turn @ stacked).reshape(self._side, self._side, len(volumes), -1)
        return across, [turned_all[:, :, i] for i in range(len(volumes))]

    def _coarse(self, volume: NDArray[Any]) -> Field:
        """The brain's box of a volume, in cubic voxels; where it gets coarser peaks are kept."""
        part = np.pad(volume[self._box].astype(np.float32), ROOM)
        zoom = self._spacing / self._voxel
        if np.allclose(zoom, 1):
            return part
        wide = np.ceil(1 / zoom - 1e-6).astype(int)
        if (wide > 1).any():
            part = ndimage.maximum_filter(part, tuple(int(w) for w in wide))
        shape = np.maximum(1, np.rint(np.array(part.shape) * zoom)).astype(int)
        ratio = shape / np.array(part.shape)
        out: Field = ndimage.zoom(part, ratio, order=1, mode="grid-constant", grid_mode=True)
        return out

    def _compass(self, pixels: Pixels, across: NDArray[np.float64]) -> None:
        """Letters around the foot of the picture: where right, left, front and back are now."""
        unit, tile = self._unit, self._tile
        reach = 2.6 * unit
        x, y = tile.left + 1.5 * reach, tile.bottom - 0.7 * reach
        depth = np.array((-across[1], across[0]))
        letters = (("R", (1, 0)), ("L", (-1, 0)), ("A", (0, 1)), ("P", (0, -1)))
        for letter, way in letters:
            right, away = float(np.dot(across, way)), float(np.dot(depth, way))
            grey = round(150 - 90 * away)  # what is far is dark
            at = x + reach * right, y - 0.35 * reach * away
            write(pixels, at, letter, unit, (grey, grey, grey), anchor="mm", bold=True)
        size = max(9, round(0.8 * unit))
        middle = tile.left + tile.width / 2
        write(pixels, (middle, tile.top + 2), "S", size, WORDS, anchor="ma", halo=True)
        write(pixels, (middle, tile.bottom - 2), "I", size, WORDS, anchor="md", halo=True)


def _bilinear(place: NDArray[np.float64], shape: tuple[int, ...]) -> Any:
    """The sparse matrix that reads a flat plane of ``shape`` at ``place`` ``(2, n)``; 0 beyond."""
    low = np.floor(place).astype(int)
    part = place - low
    rows, columns, weights = [], [], []
    for i in (0, 1):
        for j in (0, 1):
            x, y = low[0] + i, low[1] + j
            inside = np.flatnonzero((x >= 0) & (x < shape[0]) & (y >= 0) & (y < shape[1]))
            weight = np.abs(1 - i - part[0]) * np.abs(1 - j - part[1])
            rows.append(inside)
            columns.append(x[inside] * shape[1] + y[inside])
            weights.append(weight[inside])
    table = (
        np.concatenate(weights).astype(np.float32),
        (np.concatenate(rows), np.concatenate(columns)),
    )
    return sparse.coo_array(table, (place.shape[1], shape[0] * shape[1])).tocsr()


def _upright(plane: NDArray[Any]) -> NDArray[Any]:
    return plane.T[::-1]


def _strips(unit: int) -> int:
    return 2 * strip_of(unit)
