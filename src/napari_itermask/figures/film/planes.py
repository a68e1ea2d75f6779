"""How does one pass look in chosen slices: the input, the reconstruction and the error?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.film.canvas import (
    HIDDEN,
    MASK,
    QUIET,
    Box,
    Field,
    Pixels,
    coloured,
    draw_outline,
    length,
    resized,
    veiled,
    write,
)
from napari_itermask.figures.film.layout import blocks, scale_in
from napari_itermask.figures.film.legend import (
    AFTER,
    ERROR_COLOURS,
    HIDDEN_IN,
    draw_bar,
    draw_key,
    draw_threshold,
)
from napari_itermask.figures.film.stage import Shot
from napari_itermask.figures.shown import BLACK, WHITE
from napari_itermask.figures.slices import Slice, View
from napari_itermask.figures.style import Convention, FigureError, Plane
from napari_itermask.prepare import OnGrid

Map = Literal["input", "reconstruction", "error"]
MAPS: tuple[Map, ...] = ("input", "reconstruction", "error")
LEAST_SCALE = 0.25
"""Pixels for each mm under which nothing can be seen."""


class Planes:
    """A picture of slices: one column for each map, or one row where that is larger.

    Parameters
    ----------
    grid
        The scan as the network sees it.
    slices
        Which; those through the largest lesion go through that of ``lesion``.
    lesion
        ``(X, Y, Z)`` bool, on the grid.
    error_top
        The error that is shown brightest, the same in all frames.
    name
        What a refusal calls the scan.
    maps
        Whether reconstruction and error are drawn, or the input with its mask alone.

    Raises
    ------
    FigureError
        If a slice lies outside the scan.
    """

    def __init__(
        self,
        grid: OnGrid,
        slices: Sequence[Slice],
        lesion: NDArray[np.bool_],
        error_top: float,
        name: str,
        *,
        maps: bool = True,
        convention: Convention = "neurological",
    ) -> None:
        self._grid = grid
        self._view = View(grid.placement.affine, grid.brain, convention)
        self._places: list[tuple[Plane, int, str]] = []
        for piece in slices:
            index = self._view.index(piece, name, lesion)
            place = f"{self._view.mm(piece.plane, index):.0f} mm".replace("-", "\N{MINUS SIGN}")
            self._places.append((piece.plane, index, place if piece.labelled else ""))
        self._sizes = [self._view.size(plane) for plane, _, _ in self._places]
        self._maps = MAPS if maps else MAPS[:1]
        low, high = np.percentile(grid.image[grid.brain], [BLACK, WHITE])
        self._grey = float(low), float(high)
        self._error = 0.0, error_top

    def scale_in(self, box: Box, unit: int) -> float:
        """Pixels for each mm: of columns or of rows of maps, whatever is larger."""
        return scale_in(box, self._sizes, len(self._maps), unit)

    def place(self, box: Box, unit: int) -> Box:
        """Get ready to draw in ``box``; returns what is used of it.

        Raises
        ------
        FigureError
            If there is no room for so many slices.
        """
        if self.scale_in(box, unit) < LEAST_SCALE:
            raise FigureError(
                f"{len(self._places)} slices have no room in a movie of this size: take fewer, or "
                "make it larger."
            )
        used, placed = blocks(box, self._sizes, len(self._maps), unit)
        self._unit, self._blocks = unit, dict(zip(self._maps, placed, strict=True))
        # The planes' names stand in all tiles, or in none.
        self._named = all(
            length(f"{plane} {place}", _small(unit)) < tile.width / 2 - _small(unit)
            for (plane, _, place), tile in zip(self._places, placed[0].tiles, strict=True)
        )
        indices = range(len(self._places))
        self._brains = [np.clip(self._cut(self._grid.brain, i), 0, 1) for i in indices]
        self._inputs = [self._grey_tile(self._grid.image, i) for i in indices]
        return used

    def draw_still(self, pixels: Pixels) -> None:
        """Draw the titles and what the colours mean."""
        for name, block in self._blocks.items():
            at = block.head.left, block.head.top + block.head.height / 2
            write(pixels, at, name, self._unit, anchor="lm")
        draw_key(pixels, self._blocks["input"].foot, AFTER, MASK, self._unit)
        if "error" in self._blocks:
            draw_key(pixels, self._blocks["reconstruction"].foot, HIDDEN_IN, HIDDEN, self._unit)
            draw_bar(pixels, self._blocks["error"].foot, self._error[1], self._unit)

    def draw(self, pixels: Pixels, shot: Shot, turned: float) -> None:  # noqa: ARG002
        """Draw one pass."""
        width = max(1.2, 0.09 * self._unit)
        for i in range(len(self._places)):
            tile = self._inputs[i].copy()
            draw_outline(tile, self._cut(shot.mask, i), MASK, width)
            self._show(pixels, tile, "input", i)
            if shot.reconstruction is None or shot.error is None:
                continue
            tile = self._grey_tile(shot.reconstruction, i)
            draw_outline(tile, self._cut(shot.masked, i), HIDDEN, width)
            self._show(pixels, tile, "reconstruction", i)
            tile = coloured(self._cut(shot.error, i), self._error, ERROR_COLOURS)
            self._show(pixels, veiled(tile, self._brains[i]), "error", i)
        if shot.error is not None:
            draw_threshold(
                pixels, self._blocks["error"].foot, self._error[1], shot.threshold, self._unit
            )

    def _show(self, pixels: Pixels, tile: Pixels, name: Map, i: int) -> None:
        box, (plane, _, place) = self._blocks[name].tiles[i], self._places[i]
        pixels[box.rows_and_columns] = tile
        size, rim = _small(self._unit), 3
        x, y = box.left + box.width / 2, box.top + box.height / 2
        ends = (
            ((box.left + rim, y), "lm"),
            ((box.right - rim, y), "rm"),
            ((x, box.top + rim), "ma"),
            ((x, box.bottom - rim), "md"),
        )
        for letter, (at, anchor) in zip(self._view.letters(plane), ends, strict=True):
            write(pixels, at, letter, size, anchor=anchor, halo=True)
        if place:
            label = f"{plane} {place}" if self._named else place
            while size > 7 and length(label, size) > box.width / 2 - size:
                size -= 1
            at = box.left + rim, box.bottom - rim
            write(pixels, at, label, size, QUIET, anchor="ld", halo=True)

    def _cut(self, volume: NDArray[Any], i: int) -> Field:
        """A slice of ``volume`` in the pixels of its tile, up at the top."""
        plane, index, _ = self._places[i]
        cut = self._view.cut(volume, plane, index)
        left, right, bottom, top = cut.extent
        rows, columns = cut.pixels.shape
        across, down = columns / (right - left), rows / (top - bottom)  # voxels for each mm
        width, height = cut.size
        part = (-left * across, (top - height) * down, (width - left) * across, top * down)
        return resized(cut.pixels[::-1], self._blocks["input"].tiles[i], part)

    def _grey_tile(self, volume: NDArray[Any], i: int) -> Pixels:
        return veiled(coloured(self._cut(volume, i), self._grey, "gray"), self._brains[i])


def _small(unit: int) -> int:
    return max(9, round(0.7 * unit))
