"""Into which connected pieces do a mask and a truth fall: hits, misses and false alarms?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.scans.intensity import Mask

Kind = Literal["hit", "miss", "false alarm", "found"]
Labels = NDArray[np.int32]
Floats = NDArray[np.float64]
Places = NDArray[np.intp]

CONNECTED = np.ones((3, 3, 3), bool)
"""Voxels that share a corner are one piece, as where small pieces of a mask are dropped."""
BORDER_MM = 2.0
BORDER_SHARE = 0.75
"""A disagreement of which this share lies within 2 mm of a hit is that hit's border, not a piece:
outlines of one lesion always differ by about that much."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Connected pieces, numbered from 1 by falling size, and their voxels.

    Attributes
    ----------
    labels
        ``(X, Y, Z)`` int32, each piece's number; 0 is none.
    kinds
        Of each piece: what mask and truth share, the truth's that is not masked, the mask's that is
        not truth; "found" where there is no truth.
    overlap
        Share of the truth's connected lesion that is masked; of a false alarm: share of the mask's
        connected piece that is truth; NaN without a truth.
    at
        ``(n, 3)``: all voxels, piece by piece.
    starts, counts
        Where each piece begins in ``at``, and how many voxels it has.
    """

    labels: Labels
    kinds: tuple[Kind, ...]
    overlap: Floats
    at: Places
    starts: Places
    counts: Places

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def piece_of(self) -> NDArray[np.intp]:
        """The piece, from 0, that each voxel of ``at`` belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    def values(self, volume: NDArray[Any]) -> NDArray[Any]:
        """What ``volume`` ``(X, Y, Z)`` holds at each voxel of ``at``."""
        out: NDArray[Any] = volume[tuple(self.at.T)]
        return out

    def means(self, values: NDArray[Any]) -> Floats:
        """Each piece's mean of ``values``, ``(n,)`` as in ``at``; of bool: a share."""
        if not len(self):
            return np.zeros(0)
        out: Floats = np.add.reduceat(values.astype(np.float64), self.starts) / self.counts
        return out

    def medians(self, values: NDArray[Any], share: float = 0.5) -> Floats:
        """Each piece's (lower) median of ``values``, or what else that share of them is under."""
        if not len(self):
            return np.zeros(0)
        order = np.lexsort((values, self.piece_of))
        at = self.starts + ((self.counts - 1) * share).astype(np.intp)
        out: Floats = values[order][at].astype(np.float64)
        return out

    def peaks(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Where in ``at`` each piece's largest value first stands."""
        if not len(self):
            return np.zeros(0, np.intp)
        largest = np.repeat(np.maximum.reduceat(values, self.starts), self.counts)
        where = np.flatnonzero(values == largest)
        _, first = np.unique(self.piece_of[where], return_index=True)
        return where[first]

    def some(self, kind: Kind) -> tuple[Pieces, Mask]:
        """The pieces of a kind alone, and which voxels of ``at`` are theirs, ``(n,)`` bool."""
        chosen = np.array([k == kind for k in self.kinds], bool)
        own: Mask = np.repeat(chosen, self.counts)
        counts = self.counts[chosen]
        part = Pieces(
            labels=self.labels,
            kinds=(kind,) * len(counts),
            overlap=self.overlap[chosen],
            at=self.at[own],
            starts=np.cumsum(counts) - counts,
            counts=counts,
        )
        return part, own

    def part(self, piece: int) -> slice:
        """The voxels of ``piece``, from 0, in ``at``."""
        return slice(int(self.starts[piece]), int(self.starts[piece] + self.counts[piece]))


def cut(mask: Mask, truth: Mask | None, spacing: Sequence[float]) -> Pieces:
    """Cut a mask and its truth, ``(X, Y, Z)`` bool, into pieces; ``spacing`` in mm.

    Without a truth the mask's own pieces are "found"; against an empty one all are false alarms.
    """
    labels = np.zeros(mask.shape, np.int32)
    found = ndimage.find_objects((mask if truth is None else mask | truth).view(np.uint8))
    if not found:
        return Pieces(labels, (), np.zeros(0), *_listed(labels))
    box = found[0]
    kinds: list[Kind]
    if truth is None:
        inner, count = ndimage.label(mask[box], CONNECTED)
        kinds, overlap = ["found"] * count, np.full(count, np.nan)
    else:
        inner, kinds, overlap = _meet(mask[box], truth[box], spacing)
    # By size: what matters most comes first.
    sizes = np.bincount(inner.ravel(), minlength=len(kinds) + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]  # a border has joined its hit
    number = np.zeros(len(kinds) + 1, np.int32)
    number[order + 1] = np.arange(1, len(order) + 1)
    labels[box] = number[inner]
    at, starts, counts = _listed(labels[box])
    return Pieces(
        labels=labels,
        kinds=tuple(kinds[i] for i in order),
        overlap=overlap[order],
        at=at + [edge.start for edge in box],
        starts=starts,
        counts=counts,
    )


def voxels_of(labels: Labels) -> list[Places]:
    """The voxels ``(n, 3)`` of each label from 1 on."""
    at, starts, _ = _listed(labels)
    return np.split(at, starts[1:])


def _listed(labels: Labels) -> tuple[Places, Places, Places]:
    """All labelled voxels, label by label, and where each label begins and how many it has."""
    flat = np.flatnonzero(labels)
    own = labels.ravel()[flat]
    at = np.stack(np.unravel_index(flat[np.argsort(own, kind="stable")], labels.shape), axis=1)
    counts = np.bincount(own)[1:].astype(np.intp)
    return at, np.cumsum(counts) - counts, counts


def _meet(mask: Mask, truth: Mask, spacing: Sequence[float]) -> tuple[Labels, list[Kind], Floats]:
    """Number all pieces; borders already bear the number of their hit."""
    hits, n_hits = ndimage.label(mask & truth, CONNECTED)
    missed, n_missed = ndimage.label(truth & ~mask, CONNECTED)
    alarms, n_alarms = ndimage.label(mask & ~truth, CONNECTED)
    labels: Labels = hits.copy()
    np.add(missed, n_hits, out=labels, where=missed > 0)
    np.add(alarms, n_hits + n_missed, out=labels, where=alarms > 0)
    kinds: list[Kind] = ["hit"] * n_hits
    kinds += ["miss"] * n_missed
    kinds += ["false alarm"] * n_alarms
    overlap = np.zeros(len(kinds) + 1)
    for own, other in ((mask & ~truth, mask), (truth, truth)):
        whole, count = ndimage.label(other, CONNECTED)
        inside = whole[other]
        both = np.bincount(inside, (mask & truth)[other], count + 1)
        share = both / np.maximum(np.bincount(inside, minlength=count + 1), 1)
        overlap[labels[own]] = share[whole[own]]
    if n_hits and n_missed + n_alarms:
        labels = _borders_joined(labels, hits, n_hits, spacing)[labels]
    return labels, kinds, overlap[1:]


def _borders_joined(
    labels: Labels, hits: Labels, n_hits: int, spacing: Sequence[float]
) -> NDArray[np.int32]:
    """A new number for each label: a border's is that of the hit it has most voxels near."""
    reach = [2 * max(1, round(BORDER_MM / s)) + 1 for s in spacing]
    near = ndimage.maximum_filter(hits, reach)
    apart = labels > n_hits
    own, hit = labels[apart], near[apart]
    number = np.arange(int(labels.max()) + 1, dtype=np.int32)
    share = np.bincount(own, hit > 0) / np.maximum(np.bincount(own), 1)
    border = (share[own] >= BORDER_SHARE) & (hit > 0)
    pairs, counts = np.unique(
        np.stack([own[border], hit[border]], axis=1), axis=0, return_counts=True
    )
    rising = np.argsort(counts, kind="stable")  # the last one written is the most frequent
    number[pairs[rising, 0]] = pairs[rising, 1]
    return number
