"""The keystone: scan + model + settings -> Steps -> Run, and the same run once more.

Every door (Python, the shell, the window) comes through here, so that all give the same mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_itermask.method.refinement import Reconstruct
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.steps import Step
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model, load_model
from napari_itermask.notes import Tell
from napari_itermask.prepare import Space
from napari_itermask.record import (
    RECORD,
    RunError,
    RunRecord,
    load_record,
    mask_of_file,
    unchanged,
)
from napari_itermask.recorder import Recorder
from napari_itermask.result import Run, load_run
from napari_itermask.scans.files import load_scan
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision

OnStep = Callable[[Step], RefineSettings | None]

KEPT_MAPS = 2 << 30
"""Bytes for the reconstructions and errors of a run's passes where they are asked for."""


def refine(
    scan: Scan,
    model: Model | Reconstruct,
    settings: RefineSettings | None = None,
    on_step: OnStep | None = None,
    device: str = "auto",
    *,
    precision: Precision = "auto",
    search: bool = True,
    card: ModelCard | None = None,
    after: Run | None = None,
    start: Mask | None = None,
    within: Mask | None = None,
    masks_on: Space = "auto",
    keep: Literal["masks", "maps"] = "masks",
    tell: Tell | None = None,
) -> Run:
    """Refine one scan and return the finished Run.

    Parameters
    ----------
    scan
        From :func:`load_scan`, or made in memory.
    model
        From :func:`load_model`, or any callable ``(masked, guide) -> repaint`` on ``(X, Y, Z)``
        float32 arrays, so that other methods can be explored too.
    settings
        None: the settings that measured best, from the model's card (for a callable: as published).
    on_step
        Called after each pass with its Step. It may return new settings, which the next pass takes.
    device, precision
        See :class:`~napari_itermask.method.Reconstructor`.
    search
        False leaves the threshold search out where the rule does without it.
    card
        For a callable: grid, normalisation and cutoff; by default the scan's own spacing, "zscore"
        and the published cutoff.
    after
        An earlier run of the same scan with the same model, cutoff, seed and error map: its search
        is taken over, so that only the refinement runs. The result is that of a fresh run.
    start
        bool, in the scan's own voxels or on the grid: what the refinement hides first instead of
        the brain ("what if this were unmasked?").
    within
        bool, likewise: nothing outside it is masked in the refinement. The search is not
        restricted.
    masks_on
        Whose voxels ``start`` and ``within`` have: "scan", "grid", or "auto", by their shape, the
        scan's first.
    keep
        What each pass leaves in ``run.passes``: its masks, or its reconstruction and error too (as
        float16, up to 2 GiB).
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Raises
    ------
    ValueError
        If the scan cannot be scaled, ``after`` is another run than it must be, or a mask lies
        elsewhere.
    """
    recorder = Recorder(
        scan,
        model,
        settings,
        device,
        precision=precision,
        search=search,
        card=card,
        after=after,
        start=start,
        within=within,
        masks_on=masks_on,
        maps_budget=KEPT_MAPS if keep == "maps" else 0,
        tell=tell,
    )
    return drive(recorder, on_step)


def replay(
    record: str | os.PathLike[str] | RunRecord,
    *,
    scan: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    tell: Tell | None = None,
) -> Run:
    """Make a run again from its run.json alone: on the same machine, bit for bit the same mask.

    Parameters
    ----------
    record
        A run's folder, its run.json, or the record itself.
    scan
        Where the scan lies now, if it was moved; its bytes must be the same.
    on_step, tell
        See :func:`refine`.

    Raises
    ------
    RunError
        If the scan, a mask or the weights are gone or are no longer the same.
    """
    folder = None
    if not isinstance(record, RunRecord):
        path = Path(record)
        path = path / RECORD if path.is_dir() else path
        record, folder = load_record(path), path.parent
    if record.scan is None or record.weights is None:
        raise RunError(
            "this run was made from arrays or from a callable in memory: it names no files."
        )
    file = unchanged(record.scan, scan)
    brain, start, within = (
        unchanged(source, folder=folder) if source else None
        for source in (record.brain_mask, record.start, record.within)
    )
    made_by = record.brain_source.removeprefix("made by ")
    strip = made_by if made_by != record.brain_source else None
    loaded = load_scan(file, brain, strip, tell=tell)
    changes = {change.index: change.settings for change in record.changes}

    def steer(step: Step) -> RefineSettings | None:
        own = on_step(step) if on_step else None
        return changes.get(step.index, own)

    precision: Any = record.precision
    recorder = Recorder(
        loaded,
        model_of(record),
        record.settings,
        record.device,
        precision=precision,
        search=record.search,
        start=mask_of_file(start) if start else None,
        within=mask_of_file(within) if within else None,
        masks_on="grid",
        tell=tell,
    )
    return drive(recorder, steer, None if record.complete else record.passes[-1].index)


def drive(recorder: Recorder, on_step: OnStep | None = None, stop_at: int | None = None) -> Run:
    """Run a recorder to the end, or up to the pass of that index."""
    steps = recorder.steps()
    sent: RefineSettings | None = None
    try:
        while True:
            step = steps.send(sent)
            sent = on_step(step) if on_step else None
            if step.index == stop_at:
                break
    except StopIteration:
        pass
    finally:
        steps.close()
    return recorder.finish()


def model_of(record: RunRecord) -> Model:
    """The model that a run was made with, its weights checked.

    Raises
    ------
    RunError
        If they are gone or are no longer the same.
    """
    if record.weights is None:
        raise RunError("this run was made by a callable in memory: it names no weights.")
    weights = Path(record.weights.path)
    if not weights.exists():  # the install moved; an embedded model is found by its name
        model = load_model(record.card.name)
        if model.sha256 != record.weights.sha256:
            raise RunError(
                f"the model {record.card.name!r} has other weights than the run used: install the "
                f"version {record.versions.get('napari-itermask', '')} it was made with."
            )
        return Model(record.card, model.weights)
    return Model(record.card, unchanged(record.weights))


__all__ = [
    "KEPT_MAPS",
    "OnStep",
    "Recorder",
    "Run",
    "drive",
    "load_run",
    "model_of",
    "refine",
    "replay",
]
