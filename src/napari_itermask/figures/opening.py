"""Where are the runs of a figure, their scans and their truths? They are opened together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.recipe import NO_TRUTH
from napari_itermask.figures.shown import Shown, brain_of
from napari_itermask.figures.style import FigureError
from napari_itermask.notes import Tell, say
from napari_itermask.record import RunError, unchanged
from napari_itermask.reopened import scan_of
from napari_itermask.result import Run, load_run
from napari_itermask.scans.files import sha256
from napari_itermask.scans.reading import ScanError, mend, read_volume
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.inspection.truth import Truth


def open_runs(
    folders: Sequence[str],
    truths: Sequence[str] = (),
    scans: Sequence[str] = (),
    labels: Sequence[str] = (),
    tell: Tell | None = None,
) -> list[Shown]:
    """Load saved runs with their scans, where those are still there, and with their truths.

    Parameters
    ----------
    folders
        Of runs, or their run.json.
    truths
        One for each run, "none" where there is none; or a single one for all, if they are of one
        scan.
    scans
        Where scans lie now that were moved, in any order: they are known by their bytes.
    labels
        One for each run; none: what tells the runs apart.
    tell
        Called with what a person should know, such as a scan that is gone; None: a UserWarning.

    Raises
    ------
    ValueError
        If a run or a truth cannot be read, or there are too many or too few truths or labels.
    """
    moved = {sha256(_there(Path(scan))): Path(scan) for scan in scans}
    with ThreadPoolExecutor(4) as threads:  # to unpack is most of it, and that goes side by side
        shown = list(threads.map(lambda folder: _open(Path(folder), moved), folders))
        truths = _one_each("truth", truths, shown)
        for one, truth in zip(shown, threads.map(_truth, truths, shown), strict=True):
            if truth is not None:
                one.truth = truth.mask
                for note in truth.notes:
                    say(note, tell)
    for one in shown:
        if one.missing:
            say(f"{one.folder} is drawn without its scan: {one.missing}", tell)
    given = list(labels) if labels else _telling_apart(shown)
    if len(given) != len(shown):
        raise FigureError(f"{len(given)} labels for {len(shown)} runs: give one for each.")
    for one, label in zip(shown, given, strict=True):
        one.label = label
    return shown


def _open(folder: Path, moved: dict[str, Path]) -> Shown:
    run = load_run(folder)
    folder = folder if folder.is_dir() else folder.parent
    shown = Shown(run, None, brain_of(run), folder=folder)
    source = run.record.scan
    if source is None:
        shown.missing = "it lay in memory and in no file."
        return shown
    try:
        shown.own = _scan(run, folder, moved.get(source.sha256))
        shown.brain = shown.own.brain
    except (RunError, ScanError) as error:
        shown.missing = str(error)
    return shown


def _scan(run: Run, folder: Path, moved: Path | None) -> Scan:
    """The scan with the brain that was refined."""
    record = run.record
    if record.scan is None or not record.brain_source.startswith("made by "):
        return scan_of(record, folder, moved=moved)
    # Stripping it once more takes long, and its tool may not be here.
    file = unchanged(record.scan, moved)
    image, voxels, _ = read_volume(file)
    mend(file, voxels)
    affine = np.asarray(image.affine, np.float64)
    return Scan(voxels, brain_of(run), affine, header=image.header, path=file)


def _truth(path: str, shown: Shown) -> Truth | None:
    from napari_itermask.inspection.truth import load_truth

    return None if path == NO_TRUTH else load_truth(Path(path), shown.scan)


def _one_each(what: str, given: Sequence[str], shown: Sequence[Shown]) -> list[str]:
    if not given:
        return [NO_TRUTH] * len(shown)
    if len(given) == len(shown):
        return list(given)
    if len(given) == 1 and all(a.same == b.same for a, b in pairwise(shown)):
        return list(given) * len(shown)
    raise FigureError(
        f"{len(given)} of {what} for {len(shown)} runs: give one for each in their order "
        f"({NO_TRUTH!r} for a run without), or one alone if all are of one scan."
    )


def _telling_apart(shown: Sequence[Shown]) -> list[str]:
    """The scans' names, or the runs' folders where those are the same; nothing for one run."""
    if len(shown) < 2:
        return [""] * len(shown)
    names = [s.name for s in shown]
    if len(set(names)) == len(names):
        return names
    folders = [s.folder.resolve() if s.folder else Path(s.name) for s in shown]
    if len({f.name for f in folders}) == len(folders):
        return [f.name for f in folders]
    return [f"{f.parent.name}/{f.name}" for f in folders]


def _there(path: Path) -> Path:
    if not path.is_file():
        raise FigureError(f"{path} does not exist: check the path of the scan.")
    return path
