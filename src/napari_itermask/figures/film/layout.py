"""Where does each slice of each map stand in a frame: maps in columns, or in rows?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_itermask.figures.film.canvas import Box

Size = tuple[float, float]
"""Width and height of a slice in mm."""


@dataclass(frozen=True)
class Block:
    """One map: its title, where it stands what its colours mean, and a tile for each slice."""

    head: Box
    foot: Box
    tiles: tuple[Box, ...]


def blocks(box: Box, sizes: Sequence[Size], count: int, unit: int) -> tuple[Box, list[Block]]:
    """Lay out ``count`` maps of slices in ``box`` as large as they fit; also what is used of it.

    ``unit`` is the height of a line in pixels.
    """
    columns, rows = (_scale(box, sizes, count, unit, rows=r) for r in (False, True))
    scale = max(columns, rows)
    tiles = [(max(1, int(w * scale)), max(1, int(h * scale))) for w, h in sizes]
    return (_rows if rows > columns else _columns)(box, tiles, count, unit)


def scale_in(box: Box, sizes: Sequence[Size], count: int, unit: int) -> float:
    """Pixels for each mm that :func:`blocks` has; not above 0 where there is no room at all."""
    return max(_scale(box, sizes, count, unit, rows=r) for r in (False, True))


def strip_of(unit: int) -> int:
    """Height of a strip with a title or a legend."""
    return round(1.6 * unit)


def _columns(
    box: Box, tiles: Sequence[tuple[int, int]], count: int, unit: int
) -> tuple[Box, list[Block]]:
    """A column for each map, its legend under it."""
    strip, gap = strip_of(unit), _gap(unit)
    wide = max(w for w, _ in tiles)
    height = sum(h for _, h in tiles) + (len(tiles) - 1) * gap + 2 * strip
    used = _middle(box, count * wide + (count - 1) * gap, height)
    out = []
    for i in range(count):
        head = Box(used.left + i * (wide + gap), used.top, wide, strip)
        y, placed = head.bottom, []
        for w, h in tiles:
            placed.append(Box(head.left + (wide - w) // 2, y, w, h))
            y += h + gap
        out.append(Block(head, Box(head.left, used.bottom - strip, wide, strip), tuple(placed)))
    return used, out


def _rows(
    box: Box, tiles: Sequence[tuple[int, int]], count: int, unit: int
) -> tuple[Box, list[Block]]:
    """A row for each map, its legend beside its title."""
    strip, gap = strip_of(unit), _gap(unit)
    tall = max(h for _, h in tiles)
    width = sum(w for w, _ in tiles) + (len(tiles) - 1) * gap
    used = _middle(box, width, count * (strip + tall))
    title = min(round(9 * unit), width // 3)
    out = []
    for i in range(count):
        head = Box(used.left, used.top + i * (strip + tall), width, strip)
        x, placed = head.left, []
        for w, h in tiles:
            placed.append(Box(x, head.bottom + (tall - h) // 2, w, h))
            x += w + gap
        foot = Box(head.left + title, head.top, min(width - title, 18 * unit), strip)
        out.append(Block(head, foot, tuple(placed)))
    return used, out


def _middle(box: Box, width: int, height: int) -> Box:
    return Box(box.left, box.top + max(0, box.height - height) // 2, width, height)


def _scale(box: Box, sizes: Sequence[Size], count: int, unit: int, *, rows: bool) -> float:
    gaps, strip = (len(sizes) - 1) * _gap(unit), strip_of(unit)
    wide, tall = [w for w, _ in sizes], [h for _, h in sizes]
    if rows:
        across = (box.width - gaps) / sum(wide)
        return min(across, (box.height - count * strip) / (count * max(tall)))
    across = (box.width - (count - 1) * _gap(unit)) / (count * max(wide))
    return min(across, (box.height - 2 * strip - gaps) / sum(tall))


def _gap(unit: int) -> int:
    return max(2, unit // 5)
