"""How well does the error rank a brain's voxels: ROC and PR curves, and where a run stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.axes import (
    SHARES,
    Entry,
    Scale,
    draw_rows,
    key_rows,
    plot_axes,
    two_boxes,
)
from napari_itermask.figures.sheet import Sheet, stroke
from napari_itermask.figures.shown import Shown
from napari_itermask.figures.style import (
    BLUE,
    FAINT,
    INK,
    MARGIN,
    SERIES,
    FigureError,
    Look,
    marked,
)
from napari_itermask.method.scores import oracle_threshold
from napari_itermask.scans.intensity import Mask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS = 1000
"""Of a ROC or PR curve; the brain's million would only make the file large."""
STOPPED = Entry("where the run stopped", INK, "none", "o")
BEST = Entry("best Dice, the truth in hand", INK, "none", "D", hollow=True)


def draw_roc(shown: Sequence[Shown], look: Look | None = None, *, title: str = "") -> Figure:
    """Draw ROC and PR curves of the error within the brain, with the point the run stopped at.

    The hollow point is the cut of the same error with the best Dice, which needs the truth.

    Raises
    ------
    FigureError
        If a run has no truth, or its truth is empty or all of the brain.
    """
    look = look or Look()
    ranked = [_Ranked.of(one) for one in shown]
    head = look.headlines(title)
    boxes = two_boxes(look, MARGIN + look.line * len(head), ratio=0.9)
    few = len(ranked) <= len(SERIES)
    entries = [_ranked_entry(r, i) for i, r in enumerate(ranked)] if few else []
    notes = ["" if few else _spread(ranked)]
    rows = key_rows(look, [*entries, STOPPED, BEST], [n for n in notes if n])
    bottom = boxes[1].top + boxes[1].height + 1
    sheet = Sheet(look, bottom + look.line * len(rows) + MARGIN)
    sheet.head(head)
    axes = [
        plot_axes(
            sheet, box, Scale(x, -0.02, 1.02, ticks=SHARES), Scale(y, -0.02, 1.02, ticks=SHARES)
        )
        for box, (x, y) in zip(boxes, _AXES, strict=True)
    ]
    stroke(axes[0], [0, 1], [0, 1], FAINT, "dotted", 0.7)
    for i, one in enumerate(ranked):
        colour, style = SERIES[i] if few else (BLUE, "solid")
        for j, ax in enumerate(axes):
            stroke(ax, *one.curves[j], colour, style, 1.0 if few else 0.5)
        for point, hollow, marker in ((one.stopped, False, "o"), (one.best, True, "D")):
            for j, ax in enumerate(axes):
                at = point[j]
                if at is not None:
                    look_of = marked(colour, marker, hollow=hollow)
                    stroke(ax, at[:1], at[1:], colour, "none", zorder=4, **look_of)
    draw_rows(sheet, rows, MARGIN, bottom)
    return sheet.figure


_AXES = (
    ("false positive rate in the brain", "sensitivity"),
    ("sensitivity", "precision"),
)
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One run's curves, ROC and PR, and the points on them; None where one is not defined."""

    label: str
    curves: tuple[tuple[NDArray[Any], NDArray[Any]], ...]
    stopped: tuple[Point | None, Point | None]
    best: tuple[Point | None, Point | None]
    auroc: float
    auprc: float

    @classmethod
    def of(cls, one: Shown) -> _Ranked:
        from sklearn.metrics import (
            average_precision_score,
            precision_recall_curve,
            roc_auc_score,
            roc_curve,
        )

        brain, error, truth = one.brain, one.run.error, one.known_truth
        real, values = truth[brain], error[brain]
        if real.all() or not real.any():
            raise FigureError(
                f"the truth of {one.called} is {'all' if real.any() else 'none'} of its brain, so "
                "there is nothing to rank: leave it out."
            )
        fpr, tpr, _ = roc_curve(real, values)
        precision, recall, _ = precision_recall_curve(real, values)
        cut, _ = oracle_threshold(error, truth, brain)
        return cls(
            one.label or one.name,
            (_thinned(fpr, tpr), _thinned(recall[::-1], precision[::-1])),
            _points(one.run.mask[brain], real),
            _points(values > cut, real),
            float(roc_auc_score(real, values)),
            float(average_precision_score(real, values)),
        )


def _points(mask: Mask, real: Mask) -> tuple[Point | None, Point | None]:
    hits = float(np.count_nonzero(mask & real))
    wrong = float(np.count_nonzero(mask & ~real))
    sensitivity = hits / np.count_nonzero(real)
    roc = wrong / np.count_nonzero(~real), sensitivity
    return roc, (sensitivity, hits / (hits + wrong)) if hits + wrong else None


def _thinned(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Points evenly along the curve's way, so that steep parts keep theirs."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    keep = np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS)))
    keep = np.unique(np.r_[0, keep.clip(max=len(x) - 1), len(x) - 1])
    return x[keep], y[keep]


def _ranked_entry(one: _Ranked, index: int) -> Entry:
    words = f"{one.label}: AUROC {one.auroc:.3f}, AUPRC {one.auprc:.3f}"
    return Entry(words, *SERIES[index])


def _spread(ranked: Sequence[_Ranked]) -> str:
    values = [
        f"{name} {np.median(v):.3f} ({min(v):.3f} to {max(v):.3f})"
        for name, v in (
            ("AUROC", [r.auroc for r in ranked]),
            ("AUPRC", [r.auprc for r in ranked]),
        )
    ]
    return f"{len(ranked)} runs, median (range): {', '.join(values)}"
