"""How does a saved run come back with the scan that it was made of?"""

from __future__ import annotations

import os
from pathlib import Path

from napari_itermask.notes import Tell, say
from napari_itermask.record import RECORD, RunError, RunRecord, load_record, unchanged
from napari_itermask.result import Run, load_run
from napari_itermask.scans.files import load_scan
from napari_itermask.scans.reading import ScanError
from napari_itermask.scans.scan import Scan


def scan_of(record: RunRecord, folder: Path, name: str = "", moved: Path | None = None) -> Scan:
    """The scan that a saved run was made of, opened as it was then; ``moved``: where it lies now.

    Raises
    ------
    RunError, ScanError
        If the scan or its brain mask is gone, or no longer the same; ``name`` is the run's.
    """
    if record.scan is None:
        raise RunError(
            f"{name or folder} was refined from a scan that lies in no file: open that scan first."
        )
    file = unchanged(record.scan, moved)
    brain = unchanged(record.brain_mask, folder=folder) if record.brain_mask else None
    made_by = record.brain_source.removeprefix("made by ")
    strip = made_by if made_by != record.brain_source else None
    return load_scan(file, brain, strip, tell=_nothing)


def reopen(folder: str | os.PathLike[str], tell: Tell | None = None) -> Run:
    """Load a saved run with its scan, so that it can be drawn, inspected and lend its search.

    Parameters
    ----------
    folder
        Of the run, or its run.json.
    tell
        Called with why the scan is missing, if it is; None: a UserWarning.

    Raises
    ------
    RunError
        If it is not a complete run.
    """
    path = Path(folder)
    path = path.parent if path.name == RECORD else path
    record = load_record(path / RECORD)
    try:
        scan = scan_of(record, path)
    except (RunError, ScanError) as error:
        say(f"{path} comes back without its scan: {error}", tell)
        return load_run(path, tell=_nothing)
    return load_run(path, scan, _nothing)


def _nothing(_: str) -> None:
    """What loading has to tell was told when the run was made."""
