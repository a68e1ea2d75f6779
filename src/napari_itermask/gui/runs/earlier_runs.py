"""Which runs of earlier sessions lie on this disk, and did one of those sessions crash?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton, QWidget

from napari_itermask.gui.parts.messages import Messages, Remedy
from napari_itermask.gui.shelf import RunEntry
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.runs.entry import Entry
    from napari_itermask.gui.session import Session

TITLE = "Earlier runs"
HINT = "Each run is listed here as it finishes, and kept on this disk."

Found = tuple["list[Entry]", "list[Entry]"]


class EarlierRuns(QPushButton):
    """A button that lists them; after a crash they are offered."""

    def __init__(
        self, session: Session, aside: Aside, messages: Messages, parent: QWidget | None = None
    ) -> None:
        super().__init__(TITLE, parent)
        self._session, self._aside, self._messages = session, aside, messages
        self.setToolTip("List the runs of earlier sessions too.")
        self.setEnabled(session.archive is not None)
        self.clicked.connect(self.show_runs)
        messages.hint(HINT)
        self._look(self._announce, forget=False)

    def show_runs(self, *, lost_only: bool = False) -> None:
        """Add the runs of earlier sessions to this session's, or only those a crash left."""

        def done(found: Found) -> None:
            everything, lost = found
            chosen = lost if lost_only else everything
            self._messages.clear()
            self._messages.hint(HINT)
            self.setText(TITLE)
            for problem in self._problems():
                self._messages.note(problem)
            if chosen:
                self._session.runs.extend(RunEntry(0, entry.name, kept=entry) for entry in chosen)
                self._session.runs_changed.emit()
            elif not self._problems():
                self._messages.note("There are no other runs on this disk.")

        self._look(done, forget=True)

    def _look(self, done: Callable[[Found], None], *, forget: bool) -> None:
        archive = self._session.archive
        if archive is None:
            return

        def work() -> Found:
            entries = archive.entries()
            lost = archive.unclean(entries)
            archive.tidy(forget=forget or not lost)
            return entries, lost

        def answered(found: Found) -> None:
            everything, lost = found
            done((self._not_listed(everything), self._not_listed(lost)))

        self._aside.do(work, answered, lambda e: self._messages.warn(explain(e).sentence))

    def _announce(self, found: Found) -> None:
        everything, lost = found
        if everything:
            size = sum(entry.bytes for entry in everything) / 1e6
            self.setText(f"{TITLE} ({len(everything)})")
            self._messages.hint(
                f"{_count(len(everything), 'lies', 'lie')} on this disk from earlier sessions "
                f"({size:.0f} MB): {TITLE} lists them."
            )
        if lost:
            self._messages.warn(
                f"napari did not end properly last time: {_count(len(lost), 'was', 'were')} saved.",
                [
                    Remedy("Show", "List them.", lambda: self.show_runs(lost_only=True)),
                    Remedy("Not now", "They stay on this disk.", self._forget),
                ],
            )

    def _forget(self) -> None:
        self._look(lambda _: self._messages.clear(), forget=True)

    def _not_listed(self, entries: list[Entry]) -> list[Entry]:
        """Those of other sessions that stand in the table not yet."""
        archive = self._session.archive
        listed = {e.kept.folder for e in self._session.runs if e.kept is not None}
        own = archive.session if archive is not None else ""
        return [e for e in entries if e.folder not in listed and e.session != own]

    def _problems(self) -> tuple[str, ...]:
        archive = self._session.archive
        return archive.problems if archive is not None else ()


def _count(number: int, one: str, many: str) -> str:
    return f"1 run {one}" if number == 1 else f"{number} runs {many}"
