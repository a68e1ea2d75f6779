"""How does what a person notes of a component get into the run's folder? At once, in the thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_itermask.gui.parts.ties import listen

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.session import Session
    from napari_itermask.inspection.components import Components
    from napari_itermask.inspection.review import Review, Reviews
    from napari_itermask.result import Run

NOWHERE = (
    "This run lies in no folder of its own: what you note stands as long as the window is open, "
    "and in the CSV."
)


class Reviewing(QObject):
    """The reviews of the components that are shown; the thread alone reads and writes them."""

    noted = Signal(object)  # the columns for the table, once a note is on disk
    told = Signal(str)
    failed = Signal(object)  # what was raised

    def __init__(self, session: Session, aside: Aside, owner: QWidget) -> None:
        super().__init__(owner)
        self._session, self._aside = session, aside
        self._run: Run | None = None
        self._reviews: Reviews | None = None
        self._waiting = 0
        self._unsaved = False
        listen(owner, session.runs_changed, self._on_runs)

    @property
    def busy(self) -> bool:
        """Whether a note is on its way to the disk."""
        return self._waiting > 0

    def reader(self, run: Run) -> Callable[[Components], Reviews]:
        """What gives the reviews of a run's components, in the thread."""
        known = self._reviews if run is self._run else None
        return partial(_read, known, folder_of(self._session, run), self.failed.emit)

    def begin(self, run: Run, reviews: Reviews) -> None:
        """These are the reviews of the components that are shown from now on."""
        self._run, self._reviews = run, reviews

    def note(self, number: int, review: Review) -> None:
        """Note this of a component, and save it with the run."""
        reviews, run = self._reviews, self._run
        if reviews is None or run is None:
            return
        folder = folder_of(self._session, run)
        if folder is None:
            self._unsaved = True
            self.told.emit(NOWHERE)
        self._do(partial(_note, reviews, number, review, folder))

    def save(
        self, write: Callable[[Mapping[str, Any]], Path], done: Callable[[Path], None]
    ) -> None:
        """Call ``write`` in the thread with the columns of the reviews."""
        reviews = self._reviews
        if reviews is not None:
            self._aside.do(lambda: write(reviews.columns()), done, self.failed.emit)

    def _do(self, work: Callable[[], Mapping[str, Any]]) -> None:
        self._waiting += 1
        self._aside.do(work, self._on_noted, self._on_failed)

    def _on_noted(self, columns: Mapping[str, Any]) -> None:
        self._waiting -= 1
        self.noted.emit(columns)

    def _on_failed(self, error: BaseException) -> None:
        self._waiting -= 1
        self.failed.emit(error)

    def _on_runs(self) -> None:
        """A run that was noted on before it was written has its folder now."""
        reviews, run = self._reviews, self._run
        if not self._unsaved or reviews is None or run is None:
            return
        folder = folder_of(self._session, run)
        if folder is not None:
            self._unsaved = False
            self._do(partial(_save, reviews, folder))


def folder_of(session: Session, run: Run) -> Path | None:
    """Where a run of the session lies; None: in memory alone."""
    entry = next((entry for entry in session.runs if entry.run is run), None)
    return entry.folder if entry is not None else None


def _read(
    known: Reviews | None,
    folder: Path | None,
    failed: Callable[[BaseException], None],
    found: Components,
) -> Reviews:
    from napari_itermask.inspection.review import Reviews, load_reviews

    if known is not None:
        return known.matched(found)
    if folder is not None:
        try:
            return load_reviews(folder, found)
        except (ValueError, OSError) as error:  # the table is there all the same
            failed(error)
    return Reviews(found)


def _note(reviews: Reviews, number: int, review: Review, folder: Path | None) -> Mapping[str, Any]:
    reviews[number] = review
    return reviews.columns() if folder is None else _save(reviews, folder)


def _save(reviews: Reviews, folder: Path) -> Mapping[str, Any]:
    reviews.save(folder)
    return reviews.columns()
