"""How well does a run meet a truth: its own mask, and the best cut that its error map allows?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes

from napari_itermask.method.scores import (
    distances,
    oracle_threshold,
    overlap,
    psnr_healthy,
    voxel_ranking,
)
from napari_itermask.result import Run
from napari_itermask.scans.intensity import Mask

COLUMNS = ("own mask", "oracle threshold")
"""What the two columns of :meth:`Agreement.table` are called."""

Row = tuple[str, str, float | None, float | None]
"""Name, unit, the own mask's value, the oracle's; None: not defined, see the notes."""


@dataclass(frozen=True)
class MaskScores:
    """How one mask meets a truth (method section 6); None where a score is not defined.

    Attributes
    ----------
    dice, sensitivity, precision, iou
        0 to 1, over the whole volume.
    assd_mm
        The average symmetric surface distance.
    average_hausdorff_mm
        ITK's average Hausdorff distance; the published table calls it ASSD.
    mask_ml
        The mask's volume.
    """

    dice: float | None
    sensitivity: float | None
    precision: float | None
    iou: float | None
    assd_mm: float | None
    average_hausdorff_mm: float | None
    mask_ml: float


@dataclass(frozen=True)
class Agreement:
    """How a run meets a truth. No value is NaN or infinite: what is not defined is None.

    Attributes
    ----------
    own, oracle
        The run's own mask; and its error map cut where Dice is best with the truth in hand, which
        says what the map could give and not what a user gets. None where no cut is best. The own
        mask was cut on the model's grid and can be a little better.
    truth_ml
        The truth's volume.
    threshold, oracle_threshold
        Where both were cut, in squared units of the model's normalisation.
    voxel_auroc, voxel_auprc
        How the error ranks the voxels of the brain.
    psnr_healthy
        dB, of the repaint where the brain is healthy, in the scan's intensities; its peak is the
        healthy brain's largest intensity above the background.
    notes
        Why a value is None: one sentence each.
    """

    own: MaskScores
    oracle: MaskScores | None
    truth_ml: float
    threshold: float
    oracle_threshold: float | None
    voxel_auroc: float | None
    voxel_auprc: float | None
    psnr_healthy: float | None
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        """Each score with its unit, the own mask's and the oracle's side by side.

        What belongs to the error map or the truth, not to a mask, stands in both columns.
        """
        own, oracle = asdict(self.own), asdict(self.oracle) if self.oracle else {}
        rows: list[Row] = [
            (name, unit, own[key], oracle.get(key)) for name, unit, key in _OF_A_MASK
        ]
        rows.append(("truth volume", "ml", self.truth_ml, self.truth_ml))
        rows.append(("threshold", "", self.threshold, self.oracle_threshold))
        shared = (
            ("voxel AUROC in the brain", "", self.voxel_auroc),
            ("voxel AUPRC in the brain", "", self.voxel_auprc),
            ("PSNR of the healthy part", "dB", self.psnr_healthy),
        )
        return rows + [(name, unit, value, value) for name, unit, value in shared]

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON takes it."""
        return {**asdict(self), "notes": list(self.notes)}


_OF_A_MASK = (
    ("Dice", "", "dice"),
    ("sensitivity", "", "sensitivity"),
    ("precision", "", "precision"),
    ("IoU", "", "iou"),
    ("average symmetric surface distance", "mm", "assd_mm"),
    ("average Hausdorff distance (ITK)", "mm", "average_hausdorff_mm"),
    ("mask volume", "ml", "mask_ml"),
)


def agreement(run: Run, truth: Mask) -> Agreement:
    """Score a run against ``truth`` ``(X, Y, Z)`` bool in the scan's own voxels.

    A run that was loaded without its scan has no brain and no image: what needs them is left out.

    Raises
    ------
    ValueError
        If ``truth`` has another shape.
    """
    if truth.shape != run.mask.shape:
        raise ValueError(
            f"the truth has the shape {truth.shape}, the run {run.mask.shape}: load it onto this "
            "scan with load_truth."
        )
    truth = truth > 0
    scan, spacing = run.scan, voxel_sizes(run.affine)
    own = mask_scores(run.mask, truth, spacing)
    # Outside the brain the error is 0, which no cut keeps: for the oracle it will do as a brain.
    brain = scan.brain if scan else run.error > 0
    cut, _ = oracle_threshold(run.error, truth, brain)
    oracle = None
    if (truth & brain).any():
        oracle = mask_scores(brain & (run.error > cut), truth, spacing)
    ranking, psnr = {"auroc": math.nan, "auprc": math.nan}, math.nan
    if scan:
        ranking = voxel_ranking(run.error, truth, brain)
        healthy = scan.image[brain & ~truth]
        peak = float(healthy.max(initial=scan.background)) - scan.background
        psnr = psnr_healthy(scan.image, run.reconstruction, truth, brain, peak)
    return Agreement(
        own=own,
        oracle=oracle,
        truth_ml=overlap(truth, truth, spacing).truth_ml,
        threshold=run.threshold,
        oracle_threshold=_plain(cut) if oracle else None,
        voxel_auroc=_plain(ranking["auroc"]),
        voxel_auprc=_plain(ranking["auprc"]),
        psnr_healthy=_plain(psnr),
        notes=_notes(run, truth, brain, cut, psnr),
    )


def mask_scores(mask: Mask, truth: Mask, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> MaskScores:
    """Score any mask against ``truth``, both ``(X, Y, Z)`` bool; ``spacing`` in mm."""
    met, apart = overlap(mask, truth, spacing), distances(mask, truth, spacing)
    return MaskScores(
        dice=_plain(met.dice),
        sensitivity=_plain(met.sensitivity),
        precision=_plain(met.precision),
        iou=_plain(met.iou),
        assd_mm=_plain(apart.average_surface),
        average_hausdorff_mm=_plain(apart.average_hausdorff),
        mask_ml=met.mask_ml,
    )


def _notes(run: Run, truth: Mask, brain: Mask, cut: float, psnr: float) -> tuple[str, ...]:
    """Why something is None."""
    notes = []
    if not truth.any() and not run.mask.any():
        notes.append(
            "the mask and the truth are both empty: they agree, and no overlap or distance is "
            "defined."
        )
    elif not truth.any():
        notes.append(
            "the truth is empty: all that is masked is a false alarm, and neither sensitivity nor "
            "a distance is defined."
        )
    elif not run.mask.any():
        notes.append(
            "the mask is empty: the whole truth was missed, and neither precision nor a distance "
            "is defined."
        )
    where = "the brain" if run.scan else "the error map"
    if not (truth & brain).any():
        notes.append(f"no truth lies in {where}: there is no oracle and no ranking of its voxels.")
    elif math.isinf(cut):
        notes.append(f"the oracle masks all of {where}: no threshold parts any of it.")
    if run.scan is None:
        notes.append(
            "the run was loaded without its scan: voxel AUROC and AUPRC and the PSNR need its "
            "brain and its image."
        )
    elif not (brain & ~truth).any():
        notes.append("the truth covers the whole brain: nothing is healthy, nothing to rank.")
    elif math.isinf(psnr):
        notes.append("the repaint of the healthy part is the image itself: its PSNR is infinite.")
    elif math.isnan(psnr):
        notes.append("the healthy part is nowhere above the background: its PSNR is not defined.")
    return tuple(notes)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
