"""How does a run that lies on disk come back into the window, with the scan it was made of?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_itermask.gui.entry import is_of
from napari_itermask.gui.opening import Opened
from napari_itermask.gui.space import view_of
from napari_itermask.record import RunError, unchanged
from napari_itermask.scans.files import load_scan

if TYPE_CHECKING:
    from napari_itermask.gui.archive import Archive
    from napari_itermask.gui.entry import Entry
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
    if opened is None or not is_of(entry, opened.scan):
        opened = _its_scan(entry)
    run = archive.load(entry, opened.scan)
    if run.scan is None:
        raise RunError(f"{entry.name} was made of another scan or brain mask than is open now.")
    return Restored(run, opened)


def _its_scan(entry: Entry) -> Opened:
    record = entry.record
    if record.scan is None:
        raise RunError(
            f"{entry.name} was refined from a layer that lies in no file: open that layer first."
        )
    file = unchanged(record.scan)
    brain = unchanged(record.brain_mask, folder=entry.folder) if record.brain_mask else None
    made_by = record.brain_source.removeprefix("made by ")
    strip = made_by if made_by != record.brain_source else None
    scan = load_scan(file, brain, strip, tell=lambda _: None)
    return Opened(scan, view_of(scan.affine, scan.image.shape))
