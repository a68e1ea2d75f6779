"""What do the buttons of the Runs dock do with the runs that are selected?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QUrl, Signal
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtWidgets import QWidget

from napari_itermask.gui.placed.space import from_layer
from napari_itermask.gui.runs.asking import ask_choice, ask_file, ask_folder, ask_text
from napari_itermask.gui.runs.entry import read_entry
from napari_itermask.gui.runs.run_files import (
    MapEntry,
    correct_apart,
    folder_for,
    holds_run,
    own_folders,
    read_result,
    save_all,
)
from napari_itermask.gui.runs.run_words import question_before_deleting
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.recipe import as_command, as_python
from napari_itermask.scans.intensity import Mask

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.runs.entry import Entry
    from napari_itermask.gui.runs.runs_table import Row
    from napari_itermask.gui.stream import Stream
    from napari_itermask.record import RunRecord
    from napari_itermask.result import Run

Plan = Sequence[tuple[RunEntry, Path]]


class RunActions(QObject):
    """Save, correct, delete, repeat, load. Long work goes on aside; ``said`` and ``failed`` tell.

    The questions are attributes, so that a script or a test may answer them.

    Parameters
    ----------
    dock
        Over which questions are asked.
    chosen
        Gives the selected rows.
    """

    said = Signal(str)
    failed = Signal(object)  # what was raised
    progressed = Signal(int, int)  # runs saved, runs to save; equal once it is over
    loaded = Signal(object)  # RunEntry | MapEntry
    removed = Signal(object)  # MapEntry

    def __init__(
        self, dock: QWidget, stream: Stream, aside: Aside, chosen: Callable[[], list[Row]]
    ) -> None:
        super().__init__(dock)
        self._dock, self._stream, self._aside, self._chosen = dock, stream, aside, chosen
        self._session = stream.session
        self._saving = False
        self._kept_painting: Mask | None = None
        self.ask_folder = ask_folder
        self.ask_file = ask_file
        self.ask_text = ask_text
        self.ask_choice = ask_choice
        self.open_url: Callable[[QUrl], Any] = QDesktopServices.openUrl

    @property
    def saving(self) -> bool:
        """Whether runs are being saved."""
        return self._saving

    @property
    def unsaved_painting(self) -> bool:
        """Whether the mask that is shown was painted, and not yet saved as it is."""
        painted, kept = self._stream.canvas.painted(), self._kept_painting
        return painted is not None and not (kept is not None and np.array_equal(painted, kept))

    def save(self) -> None:
        """Save the selected runs to a folder of the user's choice."""
        runs = self._runs()
        folder = self.ask_folder(self._dock, "Save to") if runs else None
        if folder is None:
            return
        single = len(runs) == 1
        self._save(
            [(runs[0], folder_for(runs[0], folder))] if single else own_folders(runs, folder)
        )

    def save_all(self) -> None:
        """Save every run of this session, each to a folder of its own; again: stop."""
        if self._saving:
            self._saving = False
            return
        runs = [entry for entry in reversed(self._session.runs) if entry.number > 0]
        folder = self.ask_folder(self._dock, "Save all results to") if runs else None
        if folder is not None:
            self._save(own_folders(runs, folder))

    def save_corrected(self) -> None:
        """Save the mask as the user painted it beside the automatic one of the shown run."""
        run = self._session.run
        entry = next((e for e in self._session.runs if run is not None and e.run is run), None)
        if run is None or entry is None:
            return
        try:
            mask = self.painted_mask()
        except ValueError as error:
            self.failed.emit(error)
            return
        note = self.ask_text(self._dock, "Corrected mask", "What was corrected, and why?")
        if note is None:
            return
        archive, kept, painting = self._session.archive, entry.kept, self._stream.canvas.painted()
        if archive is None or kept is None:
            self._correct_apart(run, entry, mask, note)
            return

        def work() -> tuple[Path, Entry]:
            return archive.correct(kept, mask, note), read_entry(kept.folder)

        def done(result: tuple[Path, Entry]) -> None:
            path, entry.kept = result
            self._kept_painting = painting
            self._session.runs_changed.emit()
            self.said.emit(f"The corrected mask is {path}; the automatic one stays as it was.")

        self._aside.do(work, done, self.failed.emit)

    def painted_mask(self) -> Mask:
        """The mask layer as the user painted it, ``(X, Y, Z)`` in the scan's own voxels.

        Raises
        ------
        ValueError
            If nothing was painted.
        """
        canvas, run = self._stream.canvas, self._session.run
        painted, shown = canvas.painted(), canvas.mask_shown()
        if run is None or shown is None or painted is None:
            raise ValueError(
                "nothing is painted or erased in the layer 'mask': correct it there first."
            )
        mask = np.ascontiguousarray(from_layer(painted, shown.affine, shown.shape))
        if shown.final:
            return mask
        if run.on_grid is None or run.scan is None:
            raise ValueError(
                "the scan of this run is not open: open it, and correct the mask then."
            )
        return run.on_grid.placement.mask_to_scan(mask) & run.scan.brain

    def delete(self) -> None:
        """Delete the selected runs after a question; maps just leave the list."""
        rows = self._chosen()
        runs = [row for row in rows if isinstance(row, RunEntry)]
        if (
            runs
            and self.ask_choice(self._dock, question_before_deleting(runs), ("Delete",)) is None
        ):
            return
        for row in rows:
            if isinstance(row, MapEntry):
                self.removed.emit(row)
                continue
            try:
                self._session.delete(row)
            except OSError as error:
                self.failed.emit(error)

    def copy_python(self) -> None:
        """Put Python that makes the run again on the clipboard."""
        self._copy(as_python, "Python")

    def copy_command(self) -> None:
        """Put a shell command that makes the run again on the clipboard."""
        self._copy(as_command, "The command")

    def open_folder(self) -> None:
        """Show the run's folder in the desktop's file browser."""
        runs = self._runs()
        if runs and runs[0].kept is not None:
            self.open_url(QUrl.fromLocalFile(str(runs[0].kept.folder)))

    def load_run(self) -> None:
        """Load a run's folder from anywhere; its files stay where they are."""
        self._load(self.ask_folder(self._dock, "The folder of a run"))

    def load_map(self) -> None:
        """Load another method's map or mask of the open scan."""
        kinds = "Maps and masks (*.nii.gz *.nii *.mgz *.mgh *.hdr);;All files (*)"
        self._load(self.ask_file(self._dock, "Another method's map or mask", kinds))

    # Private ----------------------------------------------------------------------------------

    def _runs(self) -> list[RunEntry]:
        return [row for row in self._chosen() if isinstance(row, RunEntry)]

    def _save(self, plan: Plan) -> None:
        def asked(held: list[Path]) -> None:
            chosen: Plan | None = plan
            if held:
                chosen = self._replace_or_skip(plan, held)
            if chosen:
                self._write(chosen)

        def look() -> list[Path]:
            return [folder for _, folder in plan if holds_run(folder)]

        self._aside.do(look, asked, self.failed.emit)

    def _replace_or_skip(self, plan: Plan, held: list[Path]) -> Plan | None:
        where = str(held[0]) if len(held) == 1 else f"{len(held)} of {len(plan)} folders"
        question = f"{where} hold{'s' if len(held) == 1 else ''} results already."
        skip = [(entry, folder) for entry, folder in plan if folder not in held]
        choices = ("Replace", "Skip them") if skip else ("Replace",)
        answer = self.ask_choice(self._dock, question, choices)
        return None if answer is None else plan if answer == "Replace" else skip

    def _write(self, plan: Plan) -> None:
        self._saving = True
        self.progressed.emit(0, len(plan))

        def one_more(count: int) -> bool:  # on the other thread: Qt hands the signal over
            self.progressed.emit(count, len(plan))
            return self._saving

        def end() -> None:
            self._saving = False
            self.progressed.emit(len(plan), len(plan))

        def done(count: int) -> None:
            end()
            where = plan[0][1] if len(plan) == 1 else plan[0][1].parent
            self.said.emit(f"{count} of {len(plan)} runs saved to {where}.")

        def failed(error: BaseException) -> None:
            end()
            self.failed.emit(error)

        archive = self._session.archive
        self._aside.do(lambda: save_all(plan, archive, one_more), done, failed)

    def _correct_apart(self, run: Run, entry: RunEntry, mask: Mask, note: str) -> None:
        folder = self.ask_folder(self._dock, f"{entry.name} lies in memory only: save it to")
        if folder is None:
            return
        painting = self._stream.canvas.painted()

        def done(path: Path) -> None:
            self._kept_painting = painting
            self.said.emit(f"The corrected mask is {path}, beside its run.")

        self._aside.do(
            lambda: correct_apart(run, mask, note, folder_for(entry, folder)),
            done,
            self.failed.emit,
        )

    def _copy(self, recipe: Callable[[RunRecord, Path | None], str], what: str) -> None:
        runs = self._runs()
        if not runs:
            return
        entry = runs[0]
        folder = entry.kept.folder if entry.kept is not None else None

        def done(text: str) -> None:
            clipboard = QGuiApplication.clipboard()
            assert clipboard is not None
            clipboard.setText(text)
            if text.startswith("#"):  # a comment alone, which says why
                self.said.emit(text.replace("# ", "").strip())
            else:
                self.said.emit(f"{what} that makes {entry.name} again is on the clipboard.")

        self._aside.do(lambda: recipe(entry.record, folder), done, self.failed.emit)

    def _load(self, path: Path | None) -> None:
        if path is None:
            return
        run, scan = self._session.run, self._session.scan

        def done(found: Run | MapEntry) -> None:
            if isinstance(found, MapEntry):
                self.loaded.emit(found)
                return
            folder = path.parent if path.suffix == ".json" else path
            entry = RunEntry(0, folder.name, found, source=folder)
            self._session.runs.append(entry)
            self._session.runs_changed.emit()
            self.loaded.emit(entry)

        self._aside.do(lambda: read_result(path, run, scan), done, self.failed.emit)
