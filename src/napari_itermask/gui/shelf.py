"""Which finished runs are there, which one is looked at, and which lie on disk alone?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from napari_itermask.gui.trouble import Trouble, explain
from napari_itermask.gui.worker import Lane

if TYPE_CHECKING:
    from napari_itermask.gui.runs.archive import Archive
    from napari_itermask.gui.runs.entry import Entry
    from napari_itermask.record import RunRecord
    from napari_itermask.result import Run

SERIAL = count(1)
"""Numbers that tell runs apart: those that go on, and those that are finished."""


@dataclass(eq=False)
class RunEntry:
    """A finished run of this session or of an earlier one, as the Runs dock lists it.

    ``run`` is None where it lies on disk alone (``kept``); :meth:`Session.select` brings it back.
    ``number`` counts the runs of this session; ``serial`` is nobody else's. ``source`` is the
    folder that it was opened from, if it came from outside the archive.
    """

    number: int
    name: str
    run: Run | None = None
    kept: Entry | None = None
    serial: int = field(default_factory=lambda: next(SERIAL))
    source: Path | None = None

    @property
    def folder(self) -> Path | None:
        """Where it lies on disk; None: in memory alone."""
        return self.kept.folder if self.kept is not None else self.source

    @property
    def record(self) -> RunRecord:
        """What run.json says."""
        found = self.run or self.kept
        assert found is not None
        return found.record


class Shelf:
    """The finished runs, the newest first; one of them is the current one.

    Parameters
    ----------
    archive
        Where runs are kept as they finish; None: in memory alone.
    budget
        Bytes of memory for runs; those beyond, the oldest first, lie on disk alone.
    keeper
        The thread that writes them.
    changed, say
        Called when the list changed, and with what went wrong.
    """

    def __init__(
        self,
        archive: Archive | None,
        budget: int,
        keeper: Lane,
        changed: Callable[[], None],
        say: Callable[[Trouble], None],
    ) -> None:
        self.archive = archive
        self.budget = budget
        self.entries: list[RunEntry] = []
        self.current: RunEntry | None = None
        self._keeper, self._changed, self._say = keeper, changed, say

    @property
    def run(self) -> Run | None:
        """The current run."""
        return self.current.run if self.current else None

    def add(self, entry: RunEntry) -> None:
        """Put a run that just finished on the shelf, and write it to the archive."""
        self.entries.insert(0, entry)
        self.look_at(entry)
        archive, run = self.archive, entry.run
        if archive is None or run is None:
            return

        def keep() -> None:
            entry.kept = archive.keep(run, entry.name)

        self._on_disk(keep)

    def look_at(self, entry: RunEntry | None) -> None:
        """Make a run the current one; others that lie on disk leave memory."""
        self.current = entry
        self._release()

    def rename(self, entry: RunEntry, name: str) -> None:
        """Give a run another name, here at once and on disk."""
        entry.name = name
        archive = self.archive

        def rename() -> None:
            if archive is not None and entry.kept is not None and entry.kept.name != name:
                entry.kept = archive.rename(entry.kept, name)

        self._on_disk(rename)

    def delete(self, entry: RunEntry) -> bool:
        """Delete a run, here at once and on disk; returns whether it was the current one."""
        self.entries.remove(entry)
        was_current = entry is self.current
        if was_current:
            self.current = None
        if entry.run is not None:
            entry.run.passes.close()
        archive = self.archive

        def delete() -> None:
            if archive is not None and entry.kept is not None:
                archive.delete(entry.kept)

        self._on_disk(delete)
        return was_current

    def close(self) -> None:
        """A clean end: what was spilled to disk is removed, what was kept stays."""
        for entry in self.entries:
            if entry.run is not None:
                entry.run.passes.close()
        if self.archive is not None:
            self.archive.close()

    def _on_disk(self, work: Callable[[], None]) -> None:
        """Do it on the keeper's thread, after what waits there: the run itself, perhaps."""

        def done(_: None) -> None:
            self._release()
            self._changed()

        self._keeper.submit(work, done, lambda error: self._say(explain(error)))

    def _release(self) -> None:
        left = self.budget
        for entry in self.entries:  # the newest first
            if entry.run is None:
                continue
            left -= _bytes(entry.run)
            if left < 0 and entry is not self.current and entry.kept is not None:
                entry.run.passes.close()
                entry.run = None


def _bytes(run: Run) -> int:
    volumes = (run.mask, run.reconstruction, run.error)
    return sum(v.nbytes for v in volumes) + run.passes.bytes_in_memory
