"""What is read and written for the Runs dock, off the window's thread?

Free of Qt and napari.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.gui.runs.compare import Affine, AnomalyMap, Side, load_map
from napari_itermask.gui.runs.correction import save_correction
from napari_itermask.record import RECORD, RunError, load_record
from napari_itermask.result import Run, load_run
from napari_itermask.scans.intensity import Mask

if TYPE_CHECKING:
    from napari_itermask.gui.runs.archive import Archive
    from napari_itermask.gui.shelf import RunEntry
    from napari_itermask.scans.scan import Scan


@dataclass(eq=False)
class MapEntry:
    """Another method's result, as the Runs dock lists it beside the runs."""

    map: AnomalyMap
    threshold: float = 0.0
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """The file's name."""
        return self.map.name


def side_of(entry: RunEntry | MapEntry, archive: Archive | None) -> Side:
    """A run or a map, to be compared; a run that lies on disk alone is read."""
    if isinstance(entry, MapEntry):
        return entry.map.side(entry.threshold)
    run = entry.run
    if run is None:
        assert archive is not None
        assert entry.kept is not None
        run = archive.load(entry.kept)
    return Side(entry.name, run.mask, run.affine, run.error, run.reconstruction)


def save(entry: RunEntry, folder: Path, archive: Archive | None, *, overwrite: bool) -> Path:
    """Write a run with its passes, and what was corrected by hand, into ``folder``.

    Raises
    ------
    OSError
        If it cannot be written; or if ``folder`` holds a run already, unless ``overwrite``.
    """
    if entry.kept is not None and archive is not None:
        return archive.copy(entry.kept, folder, overwrite=overwrite)
    assert entry.run is not None
    return entry.run.save(folder, overwrite=overwrite, passes=True)


def save_all(
    entries: Iterable[tuple[RunEntry, Path]],
    archive: Archive | None,
    done: Callable[[int], bool],
) -> int:
    """Write each run into its folder, replacing what is there; returns how many were written.

    ``done(n)`` is called after each; False ends it.
    """
    count = 0
    for entry, folder in entries:
        save(entry, folder, archive, overwrite=True)
        count += 1
        if not done(count):
            break
    return count


def own_folders(entries: Sequence[RunEntry], folder: Path) -> list[tuple[RunEntry, Path]]:
    """A subfolder of ``folder`` for each run, called like the run; none twice."""
    taken: set[str] = set()
    found = []
    for entry in entries:
        plain = re.sub(r"[^\w.-]+", "-", entry.name).strip("-.") or "run"
        name, number = plain, 2
        while name.lower() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.lower())
        found.append((entry, folder / name))
    return found


def holds_run(folder: Path) -> bool:
    """Whether a run lies in ``folder`` already."""
    return (folder / RECORD).exists()


def folder_for(entry: RunEntry, chosen: Path) -> Path:
    """Where one run goes: into the chosen folder if that is new or empty, else into one in it."""
    if not chosen.exists() or not any(chosen.iterdir()):
        return chosen
    return own_folders([entry], chosen)[0][1]


def read_result(path: Path, run: Run | None, scan: Scan | None) -> Run | MapEntry:
    """Read a run's folder (or its run.json), or another method's map or mask of the open scan.

    A map's threshold begins where about as many voxels are masked as in ``run``.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or was not made on the open scan.
    """
    if path.is_dir() or path.name == RECORD:
        return _read_run(path if path.is_dir() else path.parent, scan)
    affine, shape, called = _space(run, scan)
    found = load_map(path, affine, shape, called)
    if found.is_mask:
        return MapEntry(found)
    if run is not None and run.mask.any():
        start = found.threshold_of_volume(int(np.count_nonzero(run.mask)))
    else:
        start = (float(found.values.min()) + float(found.values.max())) / 2
    return MapEntry(found, float(f"{start:.4g}"))


def correct_apart(run: Run, mask: Mask, note: str, folder: Path) -> Path:
    """Write a run that lies nowhere yet into ``folder``, and its corrected mask beside it."""
    return save_correction(run.save(folder, passes=True), mask, note)


def _read_run(folder: Path, scan: Scan | None) -> Run:
    source = load_record(folder / RECORD).scan
    if scan is not None and scan.path is not None and source is not None:
        with suppress(RunError):  # another scan, or another brain: the run still stands for itself
            return load_run(folder, scan, lambda _: None)
    return load_run(folder)


def _space(run: Run | None, scan: Scan | None) -> tuple[Affine, tuple[int, ...], str]:
    if scan is not None:
        return scan.affine, scan.image.shape, str(scan.path or scan.name)
    if run is not None:
        return run.affine, run.mask.shape, "the run"
    raise ValueError("there is no scan yet that a map could lie on: open the scan first.")
