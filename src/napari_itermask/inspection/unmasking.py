"""In which pass did a piece leave the mask, and did it come back? Read from the passes' masks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_itermask.inspection.pieces import Floats, Pieces, Places
from napari_itermask.inspection.reasons import HALF, KEPT
from napari_itermask.inspection.rules import Held
from napari_itermask.method.threshold import POINTS
from napari_itermask.result import Run

_TOUCHING = np.array([o for o in product((-1, 0, 1), repeat=3) if any(o)], np.intp)


@dataclass(frozen=True, eq=False)
class Unmasking:
    """What the passes of the refinement did to each of ``k`` pieces.

    Attributes
    ----------
    numbers
        Of the passes, counted from 1 in the refinement; ``positions``: where they stand in the run.
    shares
        ``(passes + 1, k)``: the share of each piece that is masked before the first pass, then
        after each.
    """

    numbers: tuple[int, ...]
    positions: tuple[int, ...]
    shares: Floats

    def left(self, piece: int) -> int | None:
        """The index of the last pass that took more than half of a piece off the mask."""
        masked = self.shares[:, piece] >= HALF
        out = np.flatnonzero(masked[:-1] & ~masked[1:])
        return int(out[-1]) if len(out) else None

    def back(self, piece: int) -> int | None:
        """The index of the last pass that masked half of a piece again."""
        masked = self.shares[:, piece] >= HALF
        out = np.flatnonzero(~masked[:-1] & masked[1:])
        return int(out[-1]) if len(out) else None

    def number(self, index: int | None) -> int | None:
        """The number of the pass with that index."""
        return None if index is None else self.numbers[index]


def why_unknown(run: Run) -> str:
    """Why the passes of ``run`` say nothing about a place in the scan; "" if they do."""
    if not run.passes or len(run.passes) != len(run.record.passes):
        return "the run was saved without its passes"
    if run.on_grid is None:
        return "the run was loaded without its scan, which its passes are to be laid on"
    if not refinement(run):
        return "the run ended before its refinement"
    return ""


def refinement(run: Run) -> list[int]:
    """Where the passes of the last refinement stand in the run; none if it ended in its search."""
    passes = run.record.passes
    begins = [i for i, p in enumerate(passes) if p.phase == "refine" and p.number == 1]
    if not begins:
        return []
    # Where a drawn mask comes first and no search gave the scale, a pass over the brain does.
    prelude = (
        (run.start is not None or run.within is not None)
        and run.record.curve is None
        and run.settings.threshold_rule == "calibrated"
        and begins[-1] + 1 < len(passes)
    )
    return list(range(begins[-1] + prelude, len(passes)))


def unmasking(run: Run, pieces: Pieces, rows: Places) -> Unmasking:
    """Follow all pieces; ``rows``: where their voxels stand among the brain's of the grid."""
    positions = refinement(run)
    before = masked_at(run, positions[0], rows, after=False)
    masked = [before, *(masked_at(run, p, rows) for p in positions)]
    return Unmasking(
        tuple(run.record.passes[p].number for p in positions),
        tuple(positions),
        np.stack([pieces.means(m) for m in masked]),
    )


def held_by_search(run: Run, pieces: Pieces, rows: Places) -> list[Held | None]:
    """Up to which point the search held half of each piece; None for all without a search."""
    search = run.search
    first = [p.phase for p in run.record.passes[:POINTS]]
    if search is None or first != ["search"] * POINTS:
        return [None] * len(pieces)
    shares = np.stack([pieces.means(masked_at(run, p, rows)) for p in range(POINTS)])
    half, kept = (
        np.where((shares < least).any(axis=0), (shares < least).argmax(axis=0), POINTS)
        for least in (HALF, KEPT)
    )
    curve, y_limit = search.curve, run.settings.y_limit
    return [
        Held.of_curve(curve, int(h), int(k), y_limit, run.threshold)
        for h, k in zip(half, kept, strict=True)
    ]


def held_by_map(run: Run, pieces: Pieces, rows: Places, position: int) -> list[Held | None]:
    """The same from the error map of the pass at ``position``, if it was kept."""
    maps = run.passes.maps(position)
    if maps is None:
        return [None] * len(pieces)
    errors = maps[1].astype(np.float32)
    ranked = np.sort(errors)
    own = np.where(rows >= 0, errors[np.maximum(rows, 0)], 0)
    below = np.searchsorted(ranked, pieces.medians(own)) / len(ranked) * 100
    kept = pieces.medians(own, 1 - KEPT)
    return [Held(float(b), float(k)) for b, k in zip(below, kept, strict=True)]


def surroundings_shown(
    run: Run, pieces: Pieces, at: Places, rows: Places, leaving: dict[int, int]
) -> dict[int, float]:
    """How much the pass at ``leaving[piece]`` was shown around the voxels that it unmasked.

    Returns
    -------
    For each piece the share of the brain's voxels that touch those and that were not masked; a
    piece that fills all around it is left out.
    """
    gone, around = {}, {}
    for piece, position in leaving.items():
        own = rows[pieces.part(piece)]
        before, after = (masked_at(run, position, own, after=a) for a in (False, True))
        left = before & ~after
        gone[piece] = own[left]
        reached = at[pieces.part(piece)][left][:, None] + _TOUCHING
        around[piece] = np.unique(reached.reshape(-1, 3), axis=0)
    if not around:
        return {}
    # Asked for all pieces at once: each question walks through the whole grid.
    touched = run.passes.rows(np.concatenate(list(around.values())))
    parts = np.split(touched, np.cumsum([len(a) for a in around.values()])[:-1])
    shown = {}
    for (piece, position), part in zip(leaving.items(), parts, strict=True):
        near = np.setdiff1d(part[part >= 0], gone[piece])
        if len(near):
            before, _ = run.passes.masks_at(position, near)
            shown[piece] = 1 - float(np.mean(before))
    return shown


def masked_at(run: Run, position: int, rows: Places, *, after: bool = True) -> NDArray[np.bool_]:
    """Whether voxels are masked before or after a pass; what is outside the brain never is."""
    before, then = run.passes.masks_at(position, np.maximum(rows, 0))
    out: NDArray[np.bool_] = (then if after else before) & (rows >= 0)
    return out
