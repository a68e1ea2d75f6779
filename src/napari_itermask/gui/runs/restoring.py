"""How does a run that lies on disk come back into the window, with the scan it was made of?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_itermask.gui.opening import Opened
from napari_itermask.gui.placed.space import view_of
from napari_itermask.gui.runs.entry import is_of, read_entry
from napari_itermask.record import RECORD, RunError
from napari_itermask.reopened import scan_of
from napari_itermask.result import load_run

if TYPE_CHECKING:
    from napari_itermask.gui.runs.archive import Archive
    from napari_itermask.gui.runs.entry import Entry
    from napari_itermask.result import Run


@dataclass(frozen=True, eq=False)
class Restored:
    """A run, and its scan as it lies in the window."""

    run: Run
    opened: Opened


def restore(archive: Archive, entry: Entry, opened: Opened | None) -> Restored:
    """Read a run; where ``opened`` is not its scan, its scan is opened from its file.

    Raises
    ------
    RunError
        If the run or its scan is gone, or no longer the same.
    """
    opened = _scan_for(entry, opened)
    return _restored(archive.load(entry, opened.scan), opened, entry)


def restore_folder(folder: Path, opened: Opened | None) -> Restored:
    """As :func:`restore`, for a run that was saved to any folder; its run.json may be named.

    Raises
    ------
    RunError
        If the run or its scan is gone, or no longer the same.
    """
    entry = read_entry(folder.parent if folder.name == RECORD else folder)
    opened = _scan_for(entry, opened)
    return _restored(load_run(entry.folder, opened.scan, _keep_quiet), opened, entry)


def _restored(run: Run, opened: Opened, entry: Entry) -> Restored:
    if run.scan is None:
        raise RunError(f"{entry.name} was made of another scan or brain mask than is open now.")
    return Restored(run, opened)


def _scan_for(entry: Entry, opened: Opened | None) -> Opened:
    if opened is not None and is_of(entry, opened.scan):
        return opened
    return _its_scan(entry)


def _keep_quiet(_: str) -> None:
    """What loading has to tell was told when the run was made."""


def _its_scan(entry: Entry) -> Opened:
    scan = scan_of(entry.record, entry.folder, entry.name)
    return Opened(scan, view_of(scan.affine, scan.image.shape))
