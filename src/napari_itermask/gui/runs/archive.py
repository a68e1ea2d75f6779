"""Where do finished runs lie on this disk, so that none is lost, and how do they come back?

Free of Qt and napari. Several windows may share one archive: a run appears in it whole, under a
name of its own, or not at all.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

from nibabel.filebasedimages import ImageFileError

from napari_itermask.gui.runs.correction import corrected_masks, save_correction
from napari_itermask.gui.runs.desk import Desk, empty, left_behind
from napari_itermask.gui.runs.entry import (
    ENTRY,
    Entry,
    Tag,
    fingerprint,
    is_of,
    read_entry,
    read_tag,
    write_tag,
)
from napari_itermask.models.store import user_folder
from napari_itermask.prepare import prepare
from napari_itermask.record import (
    BESIDE,
    PASSES,
    RECORD,
    RunError,
    claim_folder,
)
from napari_itermask.result import Run, load_run
from napari_itermask.scans.files import sha256, write_whole
from napari_itermask.scans.intensity import Mask
from napari_itermask.scans.scan import Scan, stem


class Archive:
    """Finished runs in one folder of this disk.

    Parameters
    ----------
    root
        None: ``runs`` in ``$NAPARI_ITERMASK_HOME``, else in the user's data folder.

    Attributes
    ----------
    problems
        After :meth:`entries`: a sentence for each folder that could not be read.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root) if root is not None else user_folder().parent / "runs"
        self.problems: tuple[str, ...] = ()
        self._desk = Desk(self.root)

    @property
    def session(self) -> str:
        """What the entries kept through this object carry as their session."""
        return self._desk.id

    def keep(self, run: Run, name: str) -> Entry:
        """Write a run with its passes into a new folder, whole or not at all.

        Raises
        ------
        OSError
            If the disk is full or may not be written; the run is as it was, in memory.
        """
        try:
            with self._desk.draft() as draft:
                run.save(draft, passes=True)
                tag = Tag(
                    name=name,
                    mask_ml=run.mask_ml,
                    session=self.session,
                    fingerprint=fingerprint(run.scan) if run.scan is not None else "",
                )
                write_tag(draft, tag)
                return read_entry(self._settle(draft, run))
        except OSError as error:
            raise OSError(
                f"{name} could not be kept in {self.root} ({_reason(error)}): it stays in this "
                "window until you close it; make room, or save it to another folder."
            ) from None

    def entries(self) -> list[Entry]:
        """All runs that can be read, the newest first; of the others :attr:`problems` tells."""
        found, problems = [], []
        try:
            folders = [f for f in self.root.iterdir() if f.is_dir() and f.name[0] != "."]
        except FileNotFoundError:
            folders = []
        except OSError as error:
            folders = []
            problems.append(f"{self.root} cannot be read ({_reason(error)}).")
        for folder in folders:
            try:
                found.append(read_entry(folder))
            except (RunError, OSError) as error:
                if folder.exists():  # else another window deleted it just now
                    problems.append(str(error))
        self.problems = tuple(problems)
        return sorted(found, key=lambda e: (e.record.created, e.folder.name), reverse=True)

    def unclean(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of ``entries`` whose session did not end, but crashed or was killed."""
        gone = left_behind(self.root)
        return [entry for entry in entries if entry.session in gone]

    def tidy(self, *, forget: bool = False) -> None:
        """Remove what processes that are gone left: unfinished folders, maps of passes.

        What they kept stays, and so do their marks, until ``forget``: then :meth:`unclean` is over.
        """
        for folder in [*left_behind(self.root).values(), *self.root.glob(".deleted-*")]:
            if forget or folder.name.startswith(".deleted-"):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                empty(folder)

    def rename(self, entry: Entry, name: str) -> Entry:
        """Give a run another name."""
        _check_there(entry)
        tag = read_tag(entry.folder)
        try:
            write_tag(entry.folder, tag.model_copy(update={"name": name}))
        except OSError as error:
            raise OSError(
                f"{entry.name} could not be renamed ({_reason(error)}): make {entry.folder} "
                "writable, or make room on its disk."
            ) from None
        return replace(entry, name=name)

    def delete(self, entry: Entry) -> None:
        """Delete a run with all that lies in its folder, corrected masks too.

        Raises
        ------
        OSError
            If it may not be deleted, or another program holds its files open.
        """
        doomed = entry.folder.with_name(f".deleted-{entry.folder.name}-{self.session}")
        try:
            entry.folder.rename(doomed)  # at once gone for everyone, however long the rest takes
        except FileNotFoundError:
            return
        except OSError as error:
            raise OSError(
                f"{entry.name} could not be deleted ({_reason(error)}): close the programs that "
                f"use {entry.folder}, or delete it yourself."
            ) from None
        shutil.rmtree(doomed, ignore_errors=True)  # what is left, the next start removes

    def load(self, entry: Entry, scan: Scan | None = None) -> Run:
        """Read a run back; with ``scan`` if that is the one which was refined.

        Raises
        ------
        RunError, OSError
            If it is gone, or no longer whole.
        """
        _check_there(entry)
        try:
            if scan is None or not is_of(entry, scan):
                return load_run(entry.folder)
            if entry.record.scan is not None and scan.path is not None:
                return load_run(entry.folder, scan, _keep_quiet)
            run = load_run(entry.folder)  # refined from a layer, which lies in no file
        except RunError:
            _check_there(entry)  # another window may have deleted it meanwhile
            raise
        except (OSError, EOFError, ImageFileError, zlib.error) as error:
            _check_there(entry)
            raise RunError(
                f"{entry.folder} is damaged ({error}): delete it, or restore it from a copy."
            ) from None
        grid = prepare(scan, run.card, run.settings, _keep_quiet)
        return replace(run, scan=scan, on_grid=grid)

    def copy(self, entry: Entry, folder: Path, *, overwrite: bool = False) -> Path:
        """Copy a run, its passes and its corrected masks into ``folder``; run.json comes last.

        Raises
        ------
        FileExistsError
            If ``folder`` holds a run already, unless ``overwrite``; or if it holds a mask that was
            corrected by hand and is not one of this run, whatever ``overwrite`` says.
        """
        _check_there(entry)
        out = Path(folder)
        for theirs in corrected_masks(out):
            ours = entry.folder / theirs.name
            if not ours.exists() or sha256(ours) != sha256(theirs):
                raise FileExistsError(
                    f"{theirs} was corrected by hand and belongs to another run: choose another "
                    "folder."
                )
        claim_folder(out, overwrite=overwrite)
        for stale in (RECORD, PASSES, *BESIDE):  # a run that is replaced must not lend its parts
            (out / stale).unlink(missing_ok=True)
        files = [f for f in entry.folder.iterdir() if f.is_file() and f.name[0] != "."]
        for file in sorted(files, key=lambda f: (f.name == RECORD, f.name)):
            if file.name != ENTRY:
                write_whole(out / file.name, partial(shutil.copyfile, file))
        return out

    def correct(self, entry: Entry, mask: Mask, note: str = "") -> Path:
        """Write a hand-corrected mask beside the automatic one: see :func:`save_correction`."""
        _check_there(entry)
        try:
            return save_correction(entry.folder, mask, note)
        except OSError as error:
            raise OSError(
                f"the corrected mask of {entry.name} could not be written to {entry.folder} "
                f"({_reason(error)}): make room, or save the mask layer to another folder."
            ) from None

    def spill_folder(self) -> Path | None:
        """A folder of this process for what memory does not hold; a clean end removes it.

        None where the disk may not be written.
        """
        try:
            folder = self._desk.open() / "maps"
            folder.mkdir(exist_ok=True)
        except OSError:
            return None
        return folder

    def close(self) -> None:
        """A clean end of this session; Python's end does it too."""
        self._desk.close()

    def _settle(self, draft: Path, run: Run) -> Path:
        """Move a written run to a name that nobody has."""
        record = run.record
        scan = stem(Path(record.scan.path)) if record.scan else run.scan.name if run.scan else "run"
        when = re.sub(r"[^\dT]", "", record.created[:19])
        plain = re.sub(r"[^\w.-]+", "_", scan)[:40]
        for number in count(1):
            folder = self.root / f"{when}-{plain}-{number}"
            if folder.exists():
                continue
            try:
                return draft.rename(folder)
            except OSError:
                if not folder.exists():  # else another window took this name just now
                    raise
        raise AssertionError  # count() never ends


def _check_there(entry: Entry) -> None:
    if not (entry.folder / RECORD).exists():
        raise FileNotFoundError(
            f"{entry.name} no longer lies in {entry.folder}: it was deleted or moved, by another "
            "window perhaps."
        )


def _keep_quiet(_: str) -> None:
    """What loading has to say stands in the run's notes already."""


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".")


__all__ = ["Archive", "Entry"]
