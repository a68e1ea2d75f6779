"""What would another gamma have given? The refinement again for each, from one cached search."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.method.refinement import Reconstruct
from napari_itermask.method.scores import overlap
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.steps import Step
from napari_itermask.method.threshold import POINTS
from napari_itermask.models.store import Model
from napari_itermask.notes import Tell
from napari_itermask.run import OnStep, Recorder, Run, drive, model_of
from napari_itermask.scans.files import write_whole
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision


@dataclass(frozen=True)
class SweepPoint:
    """What one gamma gives.

    ``mask_ml`` is measured in the scan's own voxels, ``passes`` counts those of the refinement, and
    ``dice`` is None without a truth, NaN where mask and truth are both empty.
    """

    gamma: float
    threshold: float
    mask_ml: float
    passes: int
    dice: float | None = None


def sweep(
    run: Run, gammas: Sequence[float], truth: Mask | None = None, **more: Any
) -> list[SweepPoint]:
    """All points of :func:`sweep_points`, which takes the same parameters."""
    return list(sweep_points(run, gammas, truth, **more))


def sweep_points(
    run: Run,
    gammas: Sequence[float],
    truth: Mask | None = None,
    *,
    model: Model | Reconstruct | None = None,
    on_step: Callable[[Step], object] | None = None,
    tell: Tell | None = None,
) -> Generator[SweepPoint]:
    """Refine ``run`` again for each gamma, as if it had been made with it and the tangent rule.

    Parameters
    ----------
    run
        With its scan and a finished search.
    gammas
        In any order. Those that choose the same threshold are refined once.
    truth
        ``(X, Y, Z)`` bool in the scan's own voxels.
    model
        What repaints; None: what ``run`` was made with.
    on_step
        Called after each pass; what it raises ends the sweep. Closing the generator ends it between
        two gammas.
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Raises
    ------
    ValueError
        If the run lacks its scan or a search, a gamma is out of range, or the truth lies elsewhere.
    """
    search, scan = run.search, run.scan
    if search is None or scan is None:
        raise ValueError(
            "this run has no search to sweep along: refine the scan with its search, or load the "
            "run with its passes and its scan."
        )
    if truth is not None and truth.shape != scan.image.shape:
        raise ValueError(
            f"the truth has the shape {truth.shape}, {scan.name} {scan.image.shape}: give the mask "
            "drawn on this scan."
        )
    settings = [run.settings.replace(threshold_rule="tangent", gamma=gamma) for gamma in gammas]
    repaint = model or run.model or model_of(run.record)

    def points() -> Generator[SweepPoint]:
        known: dict[tuple[float, int | None], SweepPoint] = {}
        for wanted in settings:
            choice = search.curve.choose(wanted.gamma, wanted.y_limit)
            at = choice.threshold, choice.index
            if at not in known:
                recorder = Recorder(
                    scan,
                    repaint,
                    wanted,
                    run.record.device,
                    precision=run.record.precision,  # type: ignore[arg-type]
                    card=run.card,
                    after=run,
                    start=run.start,
                    within=run.within,
                    masks_on="grid",
                    tell=tell,
                )
                known[at] = _refined(recorder, truth, on_step)
            yield replace(known[at], gamma=wanted.gamma)

    return points()


def search_only(
    scan: Scan,
    model: Model | Reconstruct,
    settings: RefineSettings | None = None,
    on_step: OnStep | None = None,
    device: str = "auto",
    precision: Precision = "auto",
) -> Run:
    """A run that ends with its search: all that a sweep needs."""
    recorder = Recorder(scan, model, settings, device, precision=precision)
    return drive(recorder, on_step, stop_at=POINTS - 1)


def gammas_of(text: str) -> list[float]:
    """``low:high:count``, spaced evenly by their logarithm, or a list with commas.

    Raises
    ------
    ValueError
        If it is neither.
    """
    try:
        if ":" not in text:
            return [float(word) for word in text.split(",")]
        low, high, count = text.split(":")
        return [float(g) for g in np.geomspace(float(low), float(high), int(count))]
    except ValueError:
        raise ValueError(
            f"{text!r} names no gammas: give low:high:count (0.01:1:15) or a list (0.02,0.05,0.1)."
        ) from None


def plain(points: Sequence[SweepPoint]) -> list[dict[str, Any]]:
    """Points as JSON takes them: no NaN."""
    return [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(p).items()}
        for p in points
    ]


def write_table(out: Path, points: Sequence[SweepPoint]) -> None:
    """Write points as CSV; the file appears when it is complete."""

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(asdict(points[0])))
            writer.writeheader()
            writer.writerows(plain(points))

    write_whole(out, write)


def table(points: Sequence[SweepPoint]) -> str:
    """Points as text for a terminal."""
    lines = [f"{'gamma':>8} {'threshold':>10} {'mask ml':>9} {'passes':>7} {'Dice':>6}"]
    for p in points:
        dice = "" if p.dice is None or math.isnan(p.dice) else f"{p.dice:.3f}"
        lines.append(
            f"{p.gamma:>8.4g} {p.threshold:>10.4g} {p.mask_ml:>9.2f} {p.passes:>7} {dice:>6}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _refined(
    recorder: Recorder, truth: Mask | None, on_step: Callable[[Step], object] | None
) -> SweepPoint:
    with closing(recorder.steps()) as steps:
        for step in steps:
            if on_step:
                on_step(step)
    mask, scan = recorder.mask, recorder.scan
    return SweepPoint(
        gamma=recorder.settings.gamma,
        threshold=recorder.passes[-1].threshold,
        mask_ml=float(np.count_nonzero(mask)) * scan.voxel_ml,
        passes=len(recorder.passes) - POINTS,
        dice=None if truth is None else overlap(mask, truth, scan.spacing).dice,
    )
